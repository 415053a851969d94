//! Where an update reads the records of its parent state.

use std::{collections::HashSet, sync::Arc};

use alloy_primitives::{B256, map::HashMap};

use super::update::storage_trie;
use crate::store::{ReadTxn, StoreError, Table};

/// Changed records by key; None is a record that is gone.
pub type Records = Vec<(Vec<u8>, Option<Vec<u8>>)>;

/// Changed records laid over older ones.
#[derive(Default)]
pub struct Overlay {
    /// Sorted by key.
    records: Records,
    /// Owners whose storage tries start from nothing below the records.
    wiped: HashSet<B256>,
    /// Place of a record by the digest of its key; a lookup that finds another key there searches.
    places: HashMap<u64, u32>,
}

/// A quick digest of a key; whoever makes two keys with the same one makes lookups a little slower.
fn digest(key: &[u8]) -> u64 {
    const FACTOR: u64 = 0x517c_c1b7_2722_0a95;
    key.chunks(8).fold(key.len() as u64, |digest, chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        (digest.rotate_left(5) ^ u64::from_le_bytes(word)).wrapping_mul(FACTOR)
    })
}

impl Overlay {
    pub fn new(wiped: HashSet<B256>, mut records: Records) -> Self {
        records.sort_by(|a, b| a.0.cmp(&b.0)); // made of sorted runs, which this sort takes as they are
        let places = records.iter().zip(0..).map(|((key, _), place)| (digest(key), place)).collect();
        Overlay { records, wiped, places }
    }

    pub fn records(&self) -> &Records {
        &self.records
    }

    pub fn wiped(&self) -> &HashSet<B256> {
        &self.wiped
    }

    /// What is here under a key whose digest is given; None says nothing of what lies below.
    fn get(&self, key: &[u8], digest: u64) -> Option<Option<&[u8]>> {
        if let Some(place) = self.places.get(&digest) {
            match self.records.get(*place as usize) {
                Some((other, record)) if other == key => return Some(record.as_deref()),
                _ => {
                    if let Ok(place) = self.records.binary_search_by(|(other, _)| other.as_slice().cmp(key)) {
                        return Some(self.records[place].1.as_deref());
                    }
                }
            }
        }
        let is_wiped = !self.wiped.is_empty() && owner_of(key).is_some_and(|owner| self.wiped.contains(&owner));
        is_wiped.then_some(None)
    }
}

/// The owner of a storage trie's record.
pub fn owner_of(key: &[u8]) -> Option<B256> {
    key.get(..33).filter(|name| name[0] == b's').map(|name| B256::from_slice(&name[1..]))
}

/// Records of layers, each the newest of its key; None is one that is gone.
pub type Merged<'a> = Vec<(&'a [u8], Option<&'a [u8]>)>;

/// What `layers`, the newest first, come to: sorted records, each the newest of its key, and the owners to wipe before.
pub fn merge(layers: &[Arc<Overlay>]) -> (Vec<&B256>, Merged<'_>) {
    let mut wiped: Vec<&B256> = layers.iter().flat_map(|layer| layer.wiped.iter()).collect();
    wiped.sort_unstable();
    wiped.dedup();
    let mut records = Vec::new();
    for (age, layer) in layers.iter().enumerate() {
        for (key, record) in &layer.records {
            let is_wiped_later =
                owner_of(key).is_some_and(|owner| layers[..age].iter().any(|newer| newer.wiped.contains(&owner)));
            if !is_wiped_later {
                records.push((key.as_slice(), age, record.as_deref()));
            }
        }
    }
    records.sort_unstable_by_key(|(key, age, _)| (*key, *age));
    records.dedup_by(|older, newer| older.0 == newer.0);
    (wiped, records.into_iter().map(|(key, _, record)| (key, record)).collect())
}

/// All keys of an owner's storage trie: from the first on, up to the second.
pub fn range_of(owner: &B256) -> (Vec<u8>, Vec<u8>) {
    let first = storage_trie(owner);
    let mut end = first.clone();
    while end.last() == Some(&0xff) {
        end.pop();
    }
    if let Some(last) = end.last_mut() {
        *last += 1;
    }
    (first, end)
}

/// One look at the records of a state: a table, layers over it, or neither.
pub struct View<'a> {
    table: Option<ReadTxnRef<'a>>,
    /// The newest first.
    layers: &'a [Arc<Overlay>],
}

/// A transaction that only the thread with the view uses.
struct ReadTxnRef<'a>(&'a ReadTxn);

// SAFETY: a transaction must not be used by two threads at once. Each `View` with a table is made of a transaction of
// its own (`View::of` takes it by unique reference), and the one thread that works with the view is its only user.
unsafe impl Sync for ReadTxnRef<'_> {}
// SAFETY: as above; the transaction itself may move between threads.
unsafe impl Send for ReadTxnRef<'_> {}

impl<'a> View<'a> {
    /// Nothing at all.
    pub fn empty() -> Self {
        View { table: None, layers: &[] }
    }

    /// Layers over nothing.
    pub fn over(layers: &'a [Arc<Overlay>]) -> Self {
        View { table: None, layers }
    }

    /// The table as `transaction` sees it, below `layers`.
    pub fn of(transaction: &'a mut ReadTxn, layers: &'a [Arc<Overlay>]) -> Self {
        View { table: Some(ReadTxnRef(transaction)), layers }
    }

    /// The record under `key`.
    pub fn get(&self, key: &[u8]) -> Result<Option<&'a [u8]>, StoreError> {
        if !self.layers.is_empty() {
            let digest = digest(key);
            for layer in self.layers {
                if let Some(found) = layer.get(key, digest) {
                    return Ok(found);
                }
            }
        }
        match &self.table {
            Some(transaction) => transaction.0.get(Table::Paths, key),
            None => Ok(None),
        }
    }
}
