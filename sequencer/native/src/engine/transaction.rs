//! Transactions as the engine takes them: their signed encodings, decoded once, with the sender that was recovered.
//!
//! The encodings were accepted before (`primitives/transaction.py`, `recovery`), so what does not decode here is a bug of
//! ours and raises. Fees are kept at 256 bits: what no balance can pay is a verdict, not a decoding error.

use alloy_primitives::{Address, B256, Bytes, TxKind, U256, keccak256};
use alloy_rlp::{Decodable, Encodable, Header};
use op_revm::revm::context::TxEnv;
use op_revm::revm::context_interface::either::Either;
use op_revm::revm::context_interface::transaction::{
    AccessList, Authorization, RecoveredAuthority, RecoveredAuthorization,
};

use super::environment::GAS_PER_BLOB;
use crate::recovery::recover_address;

pub const LEGACY: u8 = 0;
pub const ACCESS_LIST: u8 = 1;
pub const DYNAMIC_FEE: u8 = 2;
pub const BLOB: u8 = 3;
pub const SET_CODE: u8 = 4;
pub const DEPOSIT: u8 = 0x7E;

/// First byte of what an authorization signs (EIP-7702).
const AUTHORIZATION_MAGIC: u8 = 5;

type Error = alloy_rlp::Error;

/// A user transaction; fees in wei per gas.
#[derive(Clone, Debug)]
pub struct UserTransaction {
    pub kind: u8,
    pub chain_id: Option<U256>,
    pub max_fee: U256,
    pub max_tip: U256,
    pub max_blob_fee: U256,
    pub raw: Bytes,
    /// Everything else, as the interpreter takes it; gas prices are filled in when it is known that they fit.
    pub env: TxEnv,
}

/// A deposit (specs, deposits.md).
#[derive(Clone, Debug)]
pub struct Deposit {
    pub raw: Bytes,
    pub mint: U256,
    pub env: TxEnv,
}

/// Either kind.
#[derive(Clone, Debug)]
pub enum Parsed {
    User(Box<UserTransaction>),
    Deposit(Box<Deposit>),
}

impl Parsed {
    pub fn env(&self) -> &TxEnv {
        match self {
            Self::User(user) => &user.env,
            Self::Deposit(deposit) => &deposit.env,
        }
    }

    /// The signed encoding.
    pub fn raw(&self) -> &Bytes {
        match self {
            Self::User(user) => &user.raw,
            Self::Deposit(deposit) => &deposit.raw,
        }
    }

    /// The EIP-2718 type byte.
    pub fn kind(&self) -> u8 {
        match self {
            Self::User(user) => user.kind,
            Self::Deposit(_) => DEPOSIT,
        }
    }

    pub fn parse(raw: &[u8], sender: Address) -> Result<Self, Error> {
        match raw.first() {
            None => Err(Error::InputTooShort),
            Some(&DEPOSIT) => Deposit::parse(raw).map(|deposit| Self::Deposit(Box::new(deposit))),
            Some(_) => UserTransaction::parse(raw, sender).map(|user| Self::User(Box::new(user))),
        }
    }
}

impl UserTransaction {
    fn parse(raw: &[u8], sender: Address) -> Result<Self, Error> {
        let kind = if raw[0] >= 0xC0 { LEGACY } else { raw[0] };
        let mut payload = if kind == LEGACY { raw } else { &raw[1..] };
        let fields = &mut Header::decode_bytes(&mut payload, true)?;
        let chain_id = if kind == LEGACY { None } else { Some(U256::decode(fields)?) };
        let nonce = u64::decode(fields)?;
        let max_tip = U256::decode(fields)?;
        let max_fee = if kind >= DYNAMIC_FEE { U256::decode(fields)? } else { max_tip };
        let mut env = TxEnv { tx_type: kind, caller: sender, nonce, ..empty() };
        env.gas_limit = u64::decode(fields)?;
        env.kind = decode_recipient(fields)?;
        env.value = U256::decode(fields)?;
        env.data = Bytes::decode(fields)?;
        if kind != LEGACY {
            env.access_list = AccessList::decode(fields)?;
        }
        let mut max_blob_fee = U256::ZERO;
        if kind == BLOB {
            max_blob_fee = U256::decode(fields)?;
            env.blob_hashes = Vec::<B256>::decode(fields)?;
        }
        if kind == SET_CODE {
            env.authorization_list = decode_authorizations(fields)?;
        }
        let chain_id = if kind == LEGACY { legacy_chain_id(U256::decode(fields)?) } else { chain_id };
        Ok(Self { kind, chain_id, max_fee, max_tip, max_blob_fee, raw: Bytes::copy_from_slice(raw), env })
    }

    pub fn blob_gas(&self) -> u64 {
        GAS_PER_BLOB * self.env.blob_hashes.len() as u64
    }

    /// Wei per gas that the sender pays in a block with `base_fee`.
    pub fn effective_price(&self, base_fee: u64) -> U256 {
        self.max_fee.min(self.max_tip.saturating_add(U256::from(base_fee)))
    }
}

/// From EIP-155 on the last of the three signature fields' first tells the chain.
fn legacy_chain_id(v: U256) -> Option<U256> {
    (v >= U256::from(35)).then(|| (v - U256::from(35)) >> 1)
}

fn empty() -> TxEnv {
    TxEnv {
        tx_type: 0,
        caller: Address::ZERO,
        gas_limit: 0,
        gas_price: 0,
        kind: TxKind::Create,
        value: U256::ZERO,
        data: Bytes::new(),
        nonce: 0,
        chain_id: None,
        access_list: AccessList::default(),
        gas_priority_fee: None,
        blob_hashes: Vec::new(),
        max_fee_per_blob_gas: 0,
        authorization_list: Vec::new(),
    }
}

/// A message without fees: deposits, calls.
pub fn message(sender: Address, kind: TxKind, gas_limit: u64, value: U256, data: Bytes) -> TxEnv {
    TxEnv { caller: sender, kind, gas_limit, value, data, ..empty() }
}

fn decode_recipient(fields: &mut &[u8]) -> Result<TxKind, Error> {
    let bytes = Header::decode_bytes(fields, false)?;
    match bytes.len() {
        0 => Ok(TxKind::Create),
        20 => Ok(TxKind::Call(Address::from_slice(bytes))),
        _ => Err(Error::UnexpectedLength),
    }
}

type AnyAuthorization =
    Either<op_revm::revm::context_interface::transaction::SignedAuthorization, RecoveredAuthorization>;

fn decode_authorizations(fields: &mut &[u8]) -> Result<Vec<AnyAuthorization>, Error> {
    let entries = &mut Header::decode_bytes(fields, true)?;
    let mut authorizations = Vec::new();
    while !entries.is_empty() {
        let entry = &mut Header::decode_bytes(entries, true)?;
        let authorization = Authorization {
            chain_id: U256::decode(entry)?,
            address: Address::decode(entry)?,
            nonce: u64::decode(entry)?,
        };
        let y_parity = u8::decode(entry)?;
        let (r, s) = (U256::decode(entry)?, U256::decode(entry)?);
        let mut signed = vec![AUTHORIZATION_MAGIC];
        authorization.encode(&mut signed);
        let authority = recover_address(keccak256(&signed), y_parity, r, s);
        let authority = authority.map_or(RecoveredAuthority::Invalid, RecoveredAuthority::Valid);
        authorizations.push(Either::Right(RecoveredAuthorization::new_unchecked(authorization, authority)));
    }
    Ok(authorizations)
}

impl Deposit {
    fn parse(raw: &[u8]) -> Result<Self, Error> {
        let mut payload = &raw[1..];
        let fields = &mut Header::decode_bytes(&mut payload, true)?;
        let _source_hash = B256::decode(fields)?;
        let sender = Address::decode(fields)?;
        let kind = decode_recipient(fields)?;
        let mint = U256::decode(fields)?;
        let value = U256::decode(fields)?;
        let gas_limit = u64::decode(fields)?;
        let _is_system = bool::decode(fields)?;
        let data = Bytes::decode(fields)?;
        Ok(Self { raw: Bytes::copy_from_slice(raw), mint, env: message(sender, kind, gas_limit, value, data) })
    }
}
