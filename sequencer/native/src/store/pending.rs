//! Blocks that are committed, but not yet spread over the flat tables.
//!
//! The keys of a large block lie all over the tables, so to write them there is to write thousands of pages. Such a
//! block is committed as one run instead, sorted, a few pages long; it is *settled*, together with its neighbours, in
//! a transaction of its own, when nobody waits for it.
//!
//! ```text
//! pending   number 8 | kind 1 | key -> length 1 of the old value | old value | new value
//! ```
//!
//! State at block M: the newest pending value at or below M; else the first reverse change above M; else the flat
//! value. A small block goes straight to the flat tables when nothing is pending.

use super::{ReadTxn, StoreError, Table, WriteTxn, environment::Entry, flat, state_at::number_of};

/// Longest key: number, kind, address, slot.
const KEY_BYTES: usize = 8 + 1 + flat::SLOT_KEY_BYTES;

/// The old and the new value in an entry.
pub fn split_values(entry: &[u8]) -> Result<(&[u8], &[u8]), StoreError> {
    let malformed = || StoreError::Damaged("a pending value is malformed".into());
    let (size, rest) = entry.split_first().ok_or_else(malformed)?;
    rest.split_at_checked(usize::from(*size)).ok_or_else(malformed)
}

/// Key of an entry; `key` begins with its kind.
pub fn pending_key<'a>(buffer: &'a mut [u8; KEY_BYTES], number: u64, key: &[u8]) -> Result<&'a [u8], StoreError> {
    let size = 8 + key.len();
    let target = buffer.get_mut(8..size).ok_or_else(|| StoreError::Failed("no key of the flat state".into()))?;
    target.copy_from_slice(key);
    buffer[..8].copy_from_slice(&number.to_be_bytes());
    Ok(&buffer[..size])
}

/// A buffer for one key.
pub const KEY: [u8; KEY_BYTES] = [0; KEY_BYTES];

/// What both kinds of transactions can read here.
pub trait Reads {
    fn value(&self, table: Table, key: &[u8]) -> Result<Option<&[u8]>, StoreError>;
    fn first(&self, table: Table, key: &[u8]) -> Result<Option<Entry<'_>>, StoreError>;
}

impl Reads for ReadTxn {
    fn value(&self, table: Table, key: &[u8]) -> Result<Option<&[u8]>, StoreError> {
        self.get(table, key)
    }

    fn first(&self, table: Table, key: &[u8]) -> Result<Option<Entry<'_>>, StoreError> {
        self.first_from(table, key)
    }
}

impl Reads for WriteTxn {
    fn value(&self, table: Table, key: &[u8]) -> Result<Option<&[u8]>, StoreError> {
        self.get(table, key)
    }

    fn first(&self, table: Table, key: &[u8]) -> Result<Option<Entry<'_>>, StoreError> {
        self.first_from(table, key)
    }
}

/// Number of the oldest pending block; None when all are settled.
pub fn oldest_pending(transaction: &impl Reads) -> Result<Option<u64>, StoreError> {
    Ok(transaction.first(Table::Pending, &[0])?.map(|(key, _)| number_of(key)))
}

/// The newest value of `key`, which begins with its kind, in the pending blocks from `oldest` to `newest`.
pub fn pending_value<'a>(
    transaction: &'a impl Reads,
    oldest: u64,
    newest: u64,
    key: &[u8],
) -> Result<Option<&'a [u8]>, StoreError> {
    let mut buffer = KEY;
    for number in (oldest..=newest).rev() {
        if let Some(entry) = transaction.value(Table::Pending, pending_key(&mut buffer, number, key)?)? {
            return Ok(Some(split_values(entry)?.1));
        }
    }
    Ok(None)
}

/// Spread all pending blocks over the flat tables and their reverse changes.
pub fn settle(transaction: &mut WriteTxn) -> Result<(), StoreError> {
    let mut entries: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    for entry in transaction.from_key(Table::Pending, &[])? {
        let (key, value) = entry?;
        entries.push((key.to_vec(), value.to_vec()));
    }
    let pruned = transaction.get(Table::Meta, b"pruned")?.map_or(0, number_of);
    for run in entries.chunk_by(|a, b| a.0[..8] == b.0[..8]) {
        let number = &run[0].0[..8];
        if number_of(number) > pruned {
            let keys: Vec<&[u8]> = run.iter().map(|(key, _)| &key[8..]).collect();
            transaction.put(Table::Changed, number, &keys.concat())?;
        }
    }
    entries.sort_by(|a, b| a.0[8..].cmp(&b.0[8..])); // stable: the blocks of one key stay in their order
    for run in entries.chunk_by(|a, b| a.0[8..] == b.0[8..]) {
        for (key, value) in run {
            if number_of(key) > pruned {
                let history = [&key[8..], &key[..8]].concat();
                transaction.put(Table::History, &history, split_values(value)?.0)?;
            }
        }
        if let Some((key, value)) = run.last() {
            let table = if key[8] == b'a' { Table::Accounts } else { Table::Storage };
            let value = split_values(value)?.1;
            if value.is_empty() {
                transaction.delete(table, &key[9..])?;
            } else {
                transaction.put(table, &key[9..], value)?;
            }
        }
    }
    transaction.clear(Table::Pending)
}
