//! The tries of a store whose tables another implementation wrote: made anew from the flat state.
//!
//! The work goes in batches, in the order of the hashed addresses, so memory is bounded and each batch can be
//! committed by itself. The tag that says whose tables they are is written when all are done.

use std::sync::Arc;

use alloy_primitives::{Address, B256, U256, keccak256};

use super::{Layers, ParentState, TrieUpdate, compute, threads};
use crate::{
    changes::Changes,
    store::{Environment, ReadTxn, StoreError, Table, flat},
};

/// Accounts and slots of one batch.
const BATCH: usize = 200_000;

/// A rebuilding under way.
pub struct Rebuild {
    environment: Arc<Environment>,
    accounts: Vec<(B256, Address)>,
    next: usize,
    /// Where the storage of the next account goes on, when a batch ended inside it.
    slot: U256,
}

impl Rebuild {
    /// Begin with the flat state as it is; nothing may change it until the end.
    pub fn begin(environment: Arc<Environment>) -> Result<Self, StoreError> {
        let transaction = environment.begin_read()?;
        let mut accounts = Vec::with_capacity(transaction.count(Table::Accounts)? as usize);
        for entry in transaction.from_key(Table::Accounts, &[])? {
            let (key, _) = entry?;
            if key.len() != flat::ADDRESS_BYTES {
                return Err(StoreError::Damaged("a key of the accounts is no address".into()));
            }
            accounts.push((keccak256(key), Address::from_slice(key)));
        }
        accounts.sort_unstable();
        Ok(Rebuild { environment, accounts, next: 0, slot: U256::ZERO })
    }

    /// Accounts that are done, and all.
    pub fn progress(&self) -> (usize, usize) {
        (self.next, self.accounts.len())
    }

    /// The next part of the tries, over those that are in the table; None at the end.
    pub fn step(&mut self) -> Result<Option<TrieUpdate>, StoreError> {
        if self.next >= self.accounts.len() {
            return Ok(None);
        }
        let transaction = self.environment.begin_read()?;
        let mut changes = Changes::default();
        let mut keys = 0;
        while keys < BATCH && self.next < self.accounts.len() {
            keys += self.add_account(&transaction, &mut changes, BATCH - keys)?;
        }
        drop(transaction);
        let mut parent = ParentState::at_head(&self.environment, &Layers::default(), threads())?;
        Ok(Some(compute(&parent.views(), &changes)?))
    }

    fn add_account(&mut self, transaction: &ReadTxn, changes: &mut Changes, limit: usize) -> Result<usize, StoreError> {
        let address = self.accounts[self.next].1;
        let value = transaction.get(Table::Accounts, address.as_slice())?.unwrap_or_default();
        changes.accounts.insert(address, flat::decode_account(value)?);
        let mut keys = 1;
        for entry in transaction.from_key(Table::Storage, &flat::slot_key(&address, &self.slot))? {
            let (key, value) = entry?;
            let Some(slot) = key.strip_prefix(address.as_slice()) else { break };
            let slot = flat::decode_value(slot)?;
            if keys > limit {
                self.slot = slot;
                return Ok(keys);
            }
            changes.storage.entry(address).or_default().insert(slot, flat::decode_value(value)?);
            keys += 1;
        }
        self.slot = U256::ZERO;
        self.next += 1;
        Ok(keys)
    }
}
