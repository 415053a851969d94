//! What one block writes to the flat state: new values, and the old ones as reverse changes.
//!
//! The same as `apply_changes` of `sequencer/state/world_state.py`, in sorted order of the keys.

use std::{borrow::Cow, sync::Arc};

use alloy_primitives::{Address, U256, map::HashMap};

use super::{
    Mark, StoreError, Table, WriteTxn, flat, number_of,
    pending::{KEY, oldest_pending, pending_key, pending_value},
};
use crate::changes::{Changes, FlatAccount};

/// Kind, address and slot.
const MAX_KEY_BYTES: usize = 1 + flat::SLOT_KEY_BYTES;

const HEAD_KEY: &[u8] = b"head";

/// Make the flat state that of the block `mark`, the head's child.
///
/// A block of more than `direct` keys, and every block above one that is pending, becomes pending itself. Block 0 never
/// does, and has no reverse changes: nothing is before it. Returns the changes with every slot that a deletion removed spelled out as 0.
pub fn apply_changes(
    transaction: &mut WriteTxn,
    mark: &Mark,
    changes: &Arc<Changes>,
    direct: usize,
) -> Result<Arc<Changes>, StoreError> {
    let complete = spell_out_deletions(transaction, changes)?;
    let mut number = [0; 8];
    number.copy_from_slice(&mark[..8]);
    let is_new =
        transaction.count(Table::Accounts)? == 0 && transaction.count(Table::Storage)? == 0 && number == [0; 8];
    let place = if is_new {
        Place::Empty
    } else {
        match oldest_pending(transaction)? {
            Some(oldest) => Place::Pending(oldest),
            None if number != [0; 8] && complete.keys() > direct => Place::Pending(number_of(&number)),
            None => Place::Flat,
        }
    };
    let mut writer = FlatWriter { transaction, number, place, reverse: Vec::new() };
    let mut accounts: Vec<(Address, &Option<FlatAccount>)> =
        complete.accounts.iter().map(|(address, account)| (*address, account)).collect();
    accounts.sort_unstable_by_key(|(address, _)| *address);
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
    let is_pending = matches!(place, Place::Pending(_));
    for (hash, code) in &complete.codes {
        transaction.put(Table::Codes, hash.as_slice(), code)?;
    }
    if number != [0; 8] && !is_pending {
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
    let mut slots = Vec::new();
    for entry in transaction.from_key(Table::Storage, address.as_slice())? {
        let (key, _) = entry?;
        let Some(slot) = key.strip_prefix(address.as_slice()) else { break };
        slots.push(flat::decode_value(slot)?);
    }
    if let Some(oldest) = oldest_pending(transaction)? {
        slots.extend(pending_slots(transaction, oldest, address)?);
    }
    for slot in slots {
        complete.to_mut().storage.entry(*address).or_default().entry(slot).or_insert(U256::ZERO);
    }
    Ok(())
}

/// Slots of an account that pending blocks set.
fn pending_slots(transaction: &WriteTxn, oldest: u64, address: &Address) -> Result<Vec<U256>, StoreError> {
    let mut slots = Vec::new();
    let newest = transaction.get(Table::Meta, HEAD_KEY)?.map_or(oldest, number_of);
    for number in oldest..=newest {
        let prefix = [&number.to_be_bytes()[..], b"s", address.as_slice()].concat();
        for entry in transaction.from_key(Table::Pending, &prefix)? {
            let (key, _) = entry?;
            let Some(slot) = key.strip_prefix(&prefix[..]) else { break };
            slots.push(flat::decode_value(slot)?);
        }
    }
    Ok(slots)
}

/// Where a block's values go.
#[derive(Clone, Copy)]
enum Place {
    /// Into tables without entries: one value behind the other.
    Empty,
    Flat,
    /// Into a run of the block's own; blocks from this one on are pending.
    Pending(u64),
}

/// Writes flat values in ascending order of their keys, and keeps what was there before.
struct FlatWriter<'a> {
    transaction: &'a mut WriteTxn,
    number: [u8; 8],
    place: Place,
    reverse: Vec<u8>,
}

impl FlatWriter<'_> {
    fn set(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        let mut kept = [0u8; MAX_KEY_BYTES];
        kept[0] = if table == Table::Accounts { b'a' } else { b's' };
        kept[1..1 + key.len()].copy_from_slice(key);
        let kept = &kept[..1 + key.len()];
        match self.place {
            Place::Empty if value.is_empty() => Ok(()),
            Place::Empty => self.transaction.append(table, key, value),
            Place::Flat => self.set_flat(table, kept, value),
            Place::Pending(oldest) => self.set_pending(table, oldest, kept, value),
        }
    }

    fn set_pending(&mut self, table: Table, oldest: u64, kept: &[u8], value: &[u8]) -> Result<(), StoreError> {
        let number = number_of(&self.number);
        let found = match pending_value(self.transaction, oldest, number.saturating_sub(1), kept)? {
            Some(found) => found,
            None => self.transaction.get(table, &kept[1..])?.unwrap_or_default(),
        };
        if found == value {
            return Ok(());
        }
        let mut entry = Vec::with_capacity(1 + found.len() + value.len());
        entry.push(found.len() as u8);
        entry.extend_from_slice(found);
        entry.extend_from_slice(value);
        let mut buffer = KEY;
        self.transaction.append(Table::Pending, pending_key(&mut buffer, number, kept)?, &entry)
    }

    fn set_flat(&mut self, table: Table, kept: &[u8], value: &[u8]) -> Result<(), StoreError> {
        let key = &kept[1..];
        let found = self.transaction.get(table, key)?.unwrap_or_default();
        if found == value {
            return Ok(());
        }
        let old = found.to_vec();
        if value.is_empty() {
            self.transaction.delete(table, key)?;
        } else {
            self.transaction.put(table, key, value)?;
        }
        if self.number == [0; 8] {
            return Ok(());
        }
        self.reverse.extend_from_slice(kept);
        self.transaction.put(Table::History, &[kept, &self.number].concat(), &old)
    }
}
