//! Where an update reads the records of its parent state.

use std::collections::HashMap;

use alloy_primitives::{B256, map::FbBuildHasher};

use crate::store::{ReadTxn, StoreError, Table};

/// Changed records by key; None is a record that is gone.
pub type Records = Vec<(Vec<u8>, Option<Vec<u8>>)>;

/// Changed records laid over the table.
#[derive(Default)]
pub struct Overlay {
    records: HashMap<Vec<u8>, Option<Vec<u8>>>,
    wiped: std::collections::HashSet<B256, FbBuildHasher<32>>,
}

impl Overlay {
    /// Lay further changes over what is here; the storage tries of `wiped` start from nothing.
    pub fn extend(&mut self, wiped: &[B256], records: Records) {
        for owner in wiped {
            let name = super::update::storage_trie(owner);
            self.records.retain(|key, _| !key.starts_with(&name));
            self.wiped.insert(*owner);
        }
        self.records.extend(records);
    }

    /// Number of records that are there.
    pub fn len(&self) -> usize {
        self.records.values().filter(|record| record.is_some()).count()
    }

    /// Whether no record is there.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn get(&self, key: &[u8]) -> Option<Option<&[u8]>> {
        if let Some(record) = self.records.get(key) {
            return Some(record.as_deref());
        }
        let is_wiped = !self.wiped.is_empty() && key.get(1..33).is_some_and(|owner| self.wiped.contains(owner));
        is_wiped.then_some(None)
    }
}

/// One look at the records of a state: a table, changes over it, or neither.
pub struct View<'a> {
    table: Option<ReadTxnRef<'a>>,
    overlay: Option<&'a Overlay>,
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
        View { table: None, overlay: None }
    }

    /// Changes over nothing.
    pub fn over(overlay: &'a Overlay) -> Self {
        View { table: None, overlay: Some(overlay) }
    }

    /// The table as `transaction` sees it, below `overlay`.
    pub fn of(transaction: &'a mut ReadTxn, overlay: Option<&'a Overlay>) -> Self {
        View { table: Some(ReadTxnRef(transaction)), overlay }
    }

    /// The record under `key`.
    pub fn get(&self, key: &[u8]) -> Result<Option<&'a [u8]>, StoreError> {
        if let Some(found) = self.overlay.and_then(|overlay| overlay.get(key)) {
            return Ok(found);
        }
        match &self.table {
            Some(transaction) => transaction.0.get(Table::Paths, key),
            None => Ok(None),
        }
    }
}
