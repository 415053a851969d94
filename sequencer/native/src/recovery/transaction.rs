//! User transactions of types 0, 1, 2 and 4 in their EIP-2718 encodings, as `sequencer/primitives/transaction.py` has
//! them: that file is the specification, this one is fast. What it refuses here, Python refuses with a reason.

use std::ops::Range;

use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_rlp::{Encodable, Header};

use super::fields::Fields;
use super::signature::recover_address;

const ACCESS_LIST_TYPE: u8 = 1;
const DYNAMIC_FEE_TYPE: u8 = 2;
const SET_CODE_TYPE: u8 = 4;

/// Declared slots of one address (EIP-2930).
pub struct AccessListEntry {
    pub address: Address,
    pub slots: Vec<U256>,
}

/// One tuple of EIP-7702; its signature is not looked at: a bad one is skipped in execution, not refused.
pub struct Authorization {
    pub chain_id: U256,
    pub address: Address,
    pub nonce: u64,
    pub y_parity: u8,
    pub r: U256,
    pub s: U256,
}

/// A decoded transaction with its sender; `data` is where the input data stands in the encoding.
pub struct Transaction {
    pub kind: u8,
    pub chain_id: Option<U256>,
    pub nonce: u64,
    pub max_priority_fee_per_gas: U256,
    pub max_fee_per_gas: U256,
    pub gas_limit: u64,
    pub to: Option<Address>,
    pub value: U256,
    pub data: Range<usize>,
    pub access_list: Vec<AccessListEntry>,
    pub authorizations: Vec<Authorization>,
    pub y_parity: u8,
    pub r: U256,
    pub s: U256,
    pub hash: B256,
    pub sender: Address,
}

/// Decode a canonical encoding and recover its sender; None when it is refused.
pub fn decode(raw: &[u8]) -> Option<Transaction> {
    match *raw.first()? {
        0xc0.. => decode_legacy(raw),
        kind @ (ACCESS_LIST_TYPE | DYNAMIC_FEE_TYPE | SET_CODE_TYPE) => decode_typed(kind, raw),
        _ => None,
    }
}

fn decode_legacy(raw: &[u8]) -> Option<Transaction> {
    let mut fields = Fields::of_whole(raw)?;
    let payload = fields.rest();
    let nonce = fields.short_number()?;
    let gas_price = fields.number()?;
    let gas_limit = fields.short_number()?;
    let to = fields.recipient()?;
    let value = fields.number()?;
    let data = fields.bytes()?;
    let unsigned = before(payload, &fields);
    let (v, r, s) = (fields.number()?, fields.number()?, fields.number()?);
    if !fields.is_at_end() {
        return None;
    }
    let (chain_id, y_parity) = split_v(v)?;
    let mut suffix = Vec::new();
    if let Some(chain_id) = chain_id {
        chain_id.encode(&mut suffix);
        suffix.extend_from_slice(&[0x80, 0x80]);
    }
    let digest = list_digest(None, unsigned, &suffix);
    Some(Transaction {
        kind: 0,
        chain_id,
        nonce,
        max_priority_fee_per_gas: gas_price,
        max_fee_per_gas: gas_price,
        gas_limit,
        to,
        value,
        data: place(raw, data),
        access_list: Vec::new(),
        authorizations: Vec::new(),
        y_parity,
        r,
        s,
        hash: keccak256(raw),
        sender: recover_address(digest, y_parity, r, s)?,
    })
}

/// Chain id and parity from a legacy `v`: 27 and 28 are for any chain, from 35 on it is EIP-155.
fn split_v(v: U256) -> Option<(Option<U256>, u8)> {
    if v == U256::from(27) || v == U256::from(28) {
        return Some((None, u8::from(v.bit(2)))); // 27 = 0b11011, 28 = 0b11100
    }
    let shifted = v.checked_sub(U256::from(35))?;
    Some((Some(shifted >> 1), u8::from(shifted.bit(0))))
}

fn decode_typed(kind: u8, raw: &[u8]) -> Option<Transaction> {
    let mut fields = Fields::of_whole(&raw[1..])?;
    let payload = fields.rest();
    let chain_id = fields.number()?;
    let nonce = fields.short_number()?;
    let max_priority_fee_per_gas = fields.number()?;
    let max_fee_per_gas = if kind == ACCESS_LIST_TYPE { max_priority_fee_per_gas } else { fields.number()? };
    let gas_limit = fields.short_number()?;
    let to = fields.recipient()?;
    let value = fields.number()?;
    let data = fields.bytes()?;
    let access_list = read_access_list(fields.list()?)?;
    let authorizations = if kind == SET_CODE_TYPE { read_authorizations(fields.list()?)? } else { Vec::new() };
    let unsigned = before(payload, &fields);
    let (y_parity, r, s) = (fields.byte()?, fields.number()?, fields.number()?);
    if !fields.is_at_end() || (kind == SET_CODE_TYPE && to.is_none()) {
        return None;
    }
    Some(Transaction {
        kind,
        chain_id: Some(chain_id),
        nonce,
        max_priority_fee_per_gas,
        max_fee_per_gas,
        gas_limit,
        to,
        value,
        data: place(raw, data),
        access_list,
        authorizations,
        y_parity,
        r,
        s,
        hash: keccak256(raw),
        sender: recover_address(list_digest(Some(kind), unsigned, &[]), y_parity, r, s)?,
    })
}

fn read_access_list(mut list: Fields<'_>) -> Option<Vec<AccessListEntry>> {
    let mut entries = Vec::new();
    while !list.is_at_end() {
        let mut entry = list.list()?;
        let address = entry.address()?;
        let mut items = entry.list()?;
        let mut slots = Vec::new();
        while !items.is_at_end() {
            slots.push(items.word()?);
        }
        if !entry.is_at_end() {
            return None;
        }
        entries.push(AccessListEntry { address, slots });
    }
    Some(entries)
}

fn read_authorizations(mut list: Fields<'_>) -> Option<Vec<Authorization>> {
    let mut authorizations = Vec::new();
    while !list.is_at_end() {
        let mut entry = list.list()?;
        let authorization = Authorization {
            chain_id: entry.number()?,
            address: entry.address()?,
            nonce: entry.short_number()?,
            y_parity: entry.byte()?,
            r: entry.number()?,
            s: entry.number()?,
        };
        if !entry.is_at_end() {
            return None;
        }
        authorizations.push(authorization);
    }
    Some(authorizations)
}

/// The part of `payload` that `fields` has read.
fn before<'a>(payload: &'a [u8], fields: &Fields<'a>) -> &'a [u8] {
    &payload[..payload.len() - fields.rest().len()]
}

/// Where `part`, a slice of `whole`, stands in it.
fn place(whole: &[u8], part: &[u8]) -> Range<usize> {
    let start = part.as_ptr() as usize - whole.as_ptr() as usize;
    start..start + part.len()
}

/// Keccak over the type byte, if there is one, and the list whose payload is `payload` and then `suffix`.
fn list_digest(kind: Option<u8>, payload: &[u8], suffix: &[u8]) -> B256 {
    let header = Header { list: true, payload_length: payload.len() + suffix.len() };
    let mut message = Vec::with_capacity(payload.len() + suffix.len() + 10);
    message.extend(kind);
    header.encode(&mut message);
    message.extend_from_slice(payload);
    message.extend_from_slice(suffix);
    keccak256(message)
}
