//! Puts an update's records into the table, in the order of their keys.

use alloy_primitives::B256;

use super::{TrieUpdate, update::storage_trie};
use crate::store::{StoreError, Table, WriteTxn};

/// Write what `update` changes.
pub fn put_update(transaction: &mut WriteTxn, update: &TrieUpdate) -> Result<(), StoreError> {
    for owner in &update.wiped {
        wipe(transaction, owner)?;
    }
    let is_new = transaction.count(Table::Paths)? == 0;
    for (key, record) in &update.records {
        match record {
            Some(record) if is_new => transaction.append(Table::Paths, key, record)?,
            Some(record) => transaction.put(Table::Paths, key, record)?,
            None => transaction.delete(Table::Paths, key)?,
        }
    }
    Ok(())
}

/// Remove the storage trie of an account.
fn wipe(transaction: &mut WriteTxn, owner: &B256) -> Result<(), StoreError> {
    let first = storage_trie(owner);
    if transaction.get(Table::Paths, &first)?.is_none() {
        return Ok(()); // no trie without a root slot
    }
    let mut end = first.clone();
    while end.last() == Some(&0xff) {
        end.pop();
    }
    if let Some(last) = end.last_mut() {
        *last += 1;
    }
    transaction.delete_range(Table::Paths, &first, Some(&end))?;
    Ok(())
}
