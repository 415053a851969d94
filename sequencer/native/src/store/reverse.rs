//! Reverse changes: the way from the head back to an older block, and the unwinding of the flat state.

use alloy_primitives::{Address, U256, map::HashMap};

use super::{ReadTxn, StoreError, Table, flat, pending::split_values};
use crate::changes::Changes;

/// What leads from the head's state to that of the older block `number`: the value there of each key changed since.
///
/// `Unavailable` when there are more than `most` changes on the way.
pub fn changes_back_to(transaction: &ReadTxn, number: u64, most: usize) -> Result<Changes, StoreError> {
    let mut back = Changes::default();
    let mut seen = 0;
    for entry in transaction.from_key(Table::Changed, &(number + 1).to_be_bytes())? {
        let (block, joined) = entry?;
        for key in split_keys(joined) {
            let key = key?;
            let history = [key, block].concat();
            let old = transaction.get(Table::History, &history)?.unwrap_or_default();
            put_back(&mut back, key, old)?;
            seen += 1;
        }
        if seen > most {
            return Err(StoreError::Unavailable);
        }
    }
    for entry in transaction.from_key(Table::Pending, &(number + 1).to_be_bytes())? {
        let (key, values) = entry?;
        put_back(&mut back, &key[8..], split_values(values)?.0)?;
    }
    Ok(back)
}

/// The value before the first change after the wanted block is the one that counts.
fn put_back(back: &mut Changes, key: &[u8], old: &[u8]) -> Result<(), StoreError> {
    let (kind, rest) = key.split_at(1);
    let address = Address::from_slice(&rest[..flat::ADDRESS_BYTES]);
    if kind == b"a" {
        let account = flat::decode_account(old)?;
        back.accounts.entry(address).or_insert(account);
    } else {
        let slot = flat::decode_value(&rest[flat::ADDRESS_BYTES..])?;
        let slots: &mut HashMap<U256, U256> = back.storage.entry(address).or_default();
        let value = flat::decode_value(old)?;
        slots.entry(slot).or_insert(value);
    }
    Ok(())
}

/// The keys that stand one after the other in an entry of `changed`.
pub fn split_keys(joined: &[u8]) -> impl Iterator<Item = Result<&[u8], StoreError>> {
    let mut rest = joined;
    std::iter::from_fn(move || {
        let size = match rest.first()? {
            b'a' => 1 + flat::ADDRESS_BYTES,
            b's' => 1 + flat::SLOT_KEY_BYTES,
            _ => 0,
        };
        if size == 0 || rest.len() < size {
            rest = &[];
            return Some(Err(StoreError::Damaged("a list of changed keys is malformed".into())));
        }
        let (key, others) = rest.split_at(size);
        rest = others;
        Some(Ok(key))
    })
}
