//! What one block writes to the flat state: new values, and the old ones as reverse changes.
//!
//! The same as `apply_changes` of `sequencer/state/world_state.py`, in sorted order of the keys.

use std::{borrow::Cow, sync::Arc};

use alloy_primitives::{Address, U256};

use super::{Mark, StoreError, Table, WriteTxn, flat};
use crate::changes::{Changes, FlatAccount};

const HEAD_KEY: &[u8] = b"head";

/// Make the flat state that of the block `mark`, the head's child.
///
/// Returns the changes with every slot that a deletion removed spelled out as 0.
pub fn apply_changes(
    transaction: &mut WriteTxn,
    mark: &Mark,
    changes: &Arc<Changes>,
) -> Result<Arc<Changes>, StoreError> {
    let complete = spell_out_deletions(transaction, changes)?;
    let number = &mark[..8];
    let mut reverse = Vec::new();
    let mut accounts: Vec<(&Address, &Option<FlatAccount>)> = complete.accounts.iter().collect();
    accounts.sort_unstable_by_key(|(address, _)| **address);
    for (address, account) in accounts {
        let value = flat::encode_account(account.as_ref());
        replace(transaction, b'a', address.as_slice(), &value, number, &mut reverse)?;
    }
    let mut addresses: Vec<&Address> = complete.storage.keys().collect();
    addresses.sort_unstable();
    for address in addresses {
        let mut slots: Vec<(&U256, &U256)> = complete.storage[address].iter().collect();
        slots.sort_unstable();
        for (slot, value) in slots {
            let key = flat::slot_key(address, slot);
            replace(transaction, b's', &key, &flat::encode_value(value), number, &mut reverse)?;
        }
    }
    for (hash, code) in &complete.codes {
        transaction.put(Table::Codes, hash.as_slice(), code)?;
    }
    transaction.put(Table::Changed, number, &reverse)?;
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

fn replace(
    transaction: &mut WriteTxn,
    kind: u8,
    key: &[u8],
    value: &[u8],
    number: &[u8],
    reverse: &mut Vec<u8>,
) -> Result<(), StoreError> {
    let table = if kind == b'a' { Table::Accounts } else { Table::Storage };
    let mut old = [0u8; 80];
    let found = transaction.get(table, key)?.unwrap_or_default();
    if found == value {
        return Ok(());
    }
    let size = found.len().min(old.len());
    old[..size].copy_from_slice(&found[..size]);
    if value.is_empty() {
        transaction.delete(table, key)?;
    } else {
        transaction.put(table, key, value)?;
    }
    let start = reverse.len();
    reverse.push(kind);
    reverse.extend_from_slice(key);
    let mut history = [0u8; 1 + flat::SLOT_KEY_BYTES + 8];
    let end = 1 + key.len();
    history[..end].copy_from_slice(&reverse[start..]);
    history[end..end + 8].copy_from_slice(number);
    transaction.put(Table::History, &history[..end + 8], &old[..size])
}
