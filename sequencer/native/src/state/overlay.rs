//! What an open block has changed so far: each location with its value after each slice that changed it.
//!
//! So the state after slice k stays readable while later slices run: the pending view that other threads hold. Within
//! a slice nobody writes here; the slice's changes come in when it ends.

use std::sync::Arc;

use alloy_primitives::map::HashMap;
use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256};
use op_revm::revm::bytecode::Bytecode;
use parking_lot::RwLock;

use super::slots::Slots;
use super::source::{Base, BaseReader, ReadError, Session, Source};
use crate::changes::{Changes, FlatAccount};

/// A value after each slice that changed it, oldest first.
#[derive(Debug, Clone)]
struct Versions<T> {
    last: (u32, T),
    older: Vec<(u32, T)>,
}

impl<T: Copy> Versions<T> {
    fn set(&mut self, slice: u32, value: T) {
        if self.last.0 != slice {
            self.older.push(self.last);
        }
        self.last = (slice, value);
    }

    fn at(&self, slice: u32) -> Option<T> {
        if self.last.0 <= slice {
            return Some(self.last.1);
        }
        self.older.iter().rev().find(|(written, _)| *written <= slice).map(|(_, value)| *value)
    }
}

/// See the module.
#[derive(Default)]
pub struct Overlay {
    accounts: HashMap<Address, Versions<Option<FlatAccount>>>,
    storage: Slots<Versions<U256>>,
    codes: HashMap<B256, Bytecode>,
    /// The first slice after which nothing of the parent's storage is left.
    wiped: HashMap<Address, u32>,
}

/// The newest state.
const NOW: u32 = u32::MAX;

impl Overlay {
    pub fn account(&self, address: &Address) -> Option<Option<FlatAccount>> {
        self.accounts.get(address).map(|versions| versions.last.1)
    }

    pub fn storage(&self, address: &Address, slot: &U256) -> Option<U256> {
        self.storage_at(address, slot, NOW)
    }

    pub fn code(&self, hash: &B256) -> Option<&Bytecode> {
        self.codes.get(hash)
    }

    fn storage_at(&self, address: &Address, slot: &U256, slice: u32) -> Option<U256> {
        if let Some(found) = self.storage.get(address, slot).and_then(|versions| versions.at(slice)) {
            return Some(found);
        }
        let is_wiped = !self.wiped.is_empty() && self.wiped.get(address).is_some_and(|first| *first <= slice);
        is_wiped.then_some(U256::ZERO)
    }

    pub fn set_account(&mut self, slice: u32, address: Address, account: Option<FlatAccount>) {
        self.accounts
            .entry(address)
            .and_modify(|versions| versions.set(slice, account))
            .or_insert(Versions { last: (slice, account), older: Vec::new() });
    }

    pub fn set_storage(&mut self, slice: u32, address: Address, slot: U256, value: U256) {
        let made = || Versions { last: (slice, value), older: Vec::new() };
        self.storage.entry(address, slot, made).set(slice, value);
    }

    pub fn add_code(&mut self, hash: B256, code: Bytecode) {
        self.codes.insert(hash, code);
    }

    /// Storage of the account starts from nothing.
    pub fn wipe(&mut self, slice: u32, address: Address) {
        self.storage.change_all(&address, |versions| versions.set(slice, U256::ZERO));
        self.wiped.entry(address).or_insert(slice);
    }

    /// Everything so far, as what one block changes.
    pub fn changes(&self) -> Changes {
        let mut changes = Changes::default();
        for (address, versions) in &self.accounts {
            changes.accounts.insert(*address, versions.last.1);
        }
        for ((address, slot), versions) in self.storage.iter() {
            changes.storage.entry(*address).or_default().insert(*slot, versions.last.1);
        }
        changes.codes = self.codes.iter().map(|(hash, code)| (*hash, code.original_bytes())).collect();
        changes.wiped = self.wiped.keys().copied().collect();
        changes
    }
}

/// The state after one slice: immutable, readable from any thread.
#[derive(Clone)]
pub struct PendingView {
    pub overlay: Arc<RwLock<Overlay>>,
    pub slice: u32,
    pub base: Base,
}

impl Source for PendingView {
    fn session(&self) -> Result<Box<dyn Session + '_>, ReadError> {
        Ok(Box::new(PendingSession { view: self, reader: self.base.reader()? }))
    }
}

/// One thread's reads of a pending view.
struct PendingSession<'a> {
    view: &'a PendingView,
    reader: BaseReader<'a>,
}

impl Session for PendingSession<'_> {
    fn account(&mut self, address: &Address) -> Result<Option<FlatAccount>, ReadError> {
        match self.view.changed_account(address) {
            Some(account) => Ok(account),
            None => self.reader.account(address),
        }
    }

    fn storage(&mut self, address: &Address, slot: &U256) -> Result<U256, ReadError> {
        match self.view.changed_storage(address, slot) {
            Some(value) => Ok(value),
            None => self.reader.storage(address, slot),
        }
    }

    fn code(&mut self, hash: &B256) -> Result<Bytes, ReadError> {
        if let Some(code) = self.view.overlay.read().code(hash) {
            return Ok(code.original_bytes());
        }
        Ok(self.reader.code(hash)?.original_bytes())
    }
}

impl PendingView {
    fn changed_account(&self, address: &Address) -> Option<Option<FlatAccount>> {
        self.overlay.read().accounts.get(address).and_then(|versions| versions.at(self.slice))
    }

    fn changed_storage(&self, address: &Address, slot: &U256) -> Option<U256> {
        self.overlay.read().storage_at(address, slot, self.slice)
    }

    pub fn account(&self, address: &Address) -> Result<Option<FlatAccount>, ReadError> {
        self.session()?.account(address)
    }

    pub fn storage(&self, address: &Address, slot: &U256) -> Result<U256, ReadError> {
        self.session()?.storage(address, slot)
    }

    pub fn code(&self, hash: &B256) -> Result<Bytes, ReadError> {
        if *hash == KECCAK256_EMPTY {
            return Ok(Bytes::new());
        }
        self.session()?.code(hash)
    }
}
