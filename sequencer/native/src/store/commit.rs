//! What one block writes to the flat state: new values, and the old ones as reverse changes.
//!
//! The same as `apply_changes` of `sequencer/state/world_state.py`, in sorted order of the keys.

use std::{borrow::Cow, sync::Arc};

use alloy_primitives::{Address, U256, map::HashMap};

use super::{Mark, StoreError, Table, WriteTxn, flat};
use crate::changes::{Changes, FlatAccount};

/// An account with code, and the largest balance.
const MAX_FLAT_BYTES: usize = 73;

const HEAD_KEY: &[u8] = b"head";

/// Make the flat state that of the block `mark`, the head's child.
///
/// Block 0 has no reverse changes: nothing is before it. Returns the changes with every slot that a deletion removed spelled out as 0.
pub fn apply_changes(
    transaction: &mut WriteTxn,
    mark: &Mark,
    changes: &Arc<Changes>,
) -> Result<Arc<Changes>, StoreError> {
    let complete = spell_out_deletions(transaction, changes)?;
    let mut number = [0; 8];
    number.copy_from_slice(&mark[..8]);
    let is_new =
        transaction.count(Table::Accounts)? == 0 && transaction.count(Table::Storage)? == 0 && number == [0; 8];
    let mut writer = FlatWriter { transaction, number, is_new, reverse: Vec::new() };
    let mut accounts: Vec<(&Address, &Option<FlatAccount>)> = complete.accounts.iter().collect();
    accounts.sort_unstable_by_key(|(address, _)| **address);
    for (address, account) in accounts {
        writer.set(Table::Accounts, address.as_slice(), &flat::encode_account(account.as_ref()))?;
    }
    let mut storage: Vec<(&Address, &HashMap<U256, U256>)> = complete.storage.iter().collect();
    storage.sort_unstable_by_key(|(address, _)| **address);
    for (address, slots) in storage {
        let mut slots: Vec<(&U256, &U256)> = slots.iter().collect();
        slots.sort_unstable();
        for (slot, value) in slots {
            writer.set(Table::Storage, &flat::slot_key(address, slot), &flat::encode_value(value))?;
        }
    }
    let reverse = writer.reverse;
    for (hash, code) in &complete.codes {
        transaction.put(Table::Codes, hash.as_slice(), code)?;
    }
    if number != [0; 8] {
        transaction.put(Table::Changed, &number, &reverse)?;
    }
    transaction.put(Table::Meta, HEAD_KEY, mark)?;
    Ok(complete)
}

fn spell_out_deletions(transaction: &WriteTxn, changes: &Arc<Changes>) -> Result<Arc<Changes>, StoreError> {
    let deleted = changes.accounts.iter().filter(|(_, account)| account.is_none()).map(|(address, _)| address);
    let mut complete = Cow::Borrowed(&**changes);
    for address in deleted {
        if let Some(slots) = changes.storage.get(address).filter(|slots| slots.values().any(|value| !value.is_zero())) {
            let nothing = slots.keys().map(|slot| (*slot, U256::ZERO)).collect();
            complete.to_mut().storage.insert(*address, nothing);
        }
        spell_out_slots(transaction, address, &mut complete)?;
    }
    for address in &changes.wiped {
        spell_out_slots(transaction, address, &mut complete)?;
    }
    Ok(match complete {
        Cow::Borrowed(_) => changes.clone(),
        Cow::Owned(owned) => Arc::new(owned),
    })
}

fn spell_out_slots(
    transaction: &WriteTxn,
    address: &Address,
    complete: &mut Cow<'_, Changes>,
) -> Result<(), StoreError> {
    for entry in transaction.from_key(Table::Storage, address.as_slice())? {
        let (key, _) = entry?;
        let Some(slot) = key.strip_prefix(address.as_slice()) else { break };
        let slot = flat::decode_value(slot)?;
        complete.to_mut().storage.entry(*address).or_default().entry(slot).or_insert(U256::ZERO);
    }
    Ok(())
}

/// Writes flat values in ascending order of their keys, and keeps what was there before.
struct FlatWriter<'a> {
    transaction: &'a mut WriteTxn,
    number: [u8; 8],
    /// Whether the tables were empty: then entries are put one behind the other.
    is_new: bool,
    reverse: Vec<u8>,
}

impl FlatWriter<'_> {
    fn set(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        if self.is_new {
            return if value.is_empty() { Ok(()) } else { self.transaction.append(table, key, value) };
        }
        let mut old = [0u8; MAX_FLAT_BYTES];
        let found = self.transaction.get(table, key)?.unwrap_or_default();
        if found == value {
            return Ok(());
        }
        let size = found.len();
        old.get_mut(..size)
            .ok_or_else(|| StoreError::Damaged("a flat value is too long".into()))?
            .copy_from_slice(found);
        if value.is_empty() {
            self.transaction.delete(table, key)?;
        } else {
            self.transaction.put(table, key, value)?;
        }
        if self.number == [0; 8] {
            return Ok(());
        }
        let start = self.reverse.len();
        self.reverse.push(if table == Table::Accounts { b'a' } else { b's' });
        self.reverse.extend_from_slice(key);
        let mut history = [0u8; 1 + flat::SLOT_KEY_BYTES + 8];
        let end = 1 + key.len();
        history[..end].copy_from_slice(&self.reverse[start..]);
        history[end..end + 8].copy_from_slice(&self.number);
        self.transaction.put(Table::History, &history[..end + 8], &old[..size])
    }
}
