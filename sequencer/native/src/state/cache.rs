//! What this process keeps of the committed state at the head, and of codes.
//!
//! Both are bounded and never wrong: the content of `CommittedCache` belongs to one block, named by a generation; a
//! reader of another block's state does not see it. Codes are named by their hash and belong to every block.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use alloy_primitives::map::{DefaultHashBuilder, HashMap};
use alloy_primitives::{Address, B256, U256};
use op_revm::revm::bytecode::Bytecode;
use parking_lot::{Mutex, RwLock};

use crate::changes::{Changes, FlatAccount};

const SHARDS: usize = 64;

/// Entries of one shard of accounts, and of slots; a shard that is full starts again from nothing.
const SHARD_ENTRIES: usize = 8_192;

/// Bytes of code that are kept; beyond, all are forgotten.
const CODE_BYTES: usize = 64 << 20;

#[derive(Default)]
struct Shard {
    generation: u64,
    accounts: HashMap<Address, Option<FlatAccount>>,
    storage: HashMap<(Address, U256), U256>,
}

/// The committed state at the head, as far as it was read or written by this process.
pub struct CommittedCache {
    shards: Vec<RwLock<Shard>>,
    hasher: DefaultHashBuilder,
    generation: AtomicU64,
    is_on: bool,
    /// Whether the content goes on to the next block; else each block begins with nothing.
    is_kept: bool,
    head: Mutex<B256>,
}

impl CommittedCache {
    pub fn new(is_on: bool, is_kept: bool) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| RwLock::default()).collect(),
            hasher: DefaultHashBuilder::default(),
            generation: AtomicU64::new(1),
            is_on,
            is_kept,
            head: Mutex::new(B256::ZERO),
        }
    }

    /// The generation under which the state after `parent` is kept; `made` is the last block that was sealed here.
    pub fn open(&self, parent: B256, made: Option<(B256, B256, &Changes)>) -> u64 {
        let mut head = self.head.lock();
        if *head != parent || !self.is_kept {
            let next = self.generation.load(Ordering::Acquire) + 1;
            match made {
                Some((before, hash, changes)) if self.is_kept && hash == parent && before == *head => {
                    self.advance(next, changes)
                }
                _ => self.forget(next),
            }
            self.generation.store(next, Ordering::Release);
            *head = parent;
        }
        self.generation.load(Ordering::Acquire)
    }

    fn shard(&self, address: &Address, slot: Option<&U256>) -> &RwLock<Shard> {
        &self.shards[self.hasher.hash_one((address, slot)) as usize % SHARDS]
    }

    pub fn account(&self, generation: u64, address: &Address) -> Option<Option<FlatAccount>> {
        if !self.is_on {
            return None;
        }
        let shard = self.shard(address, None).read();
        (shard.generation == generation).then(|| shard.accounts.get(address).copied()).flatten()
    }

    pub fn storage(&self, generation: u64, address: &Address, slot: &U256) -> Option<U256> {
        if !self.is_on {
            return None;
        }
        let shard = self.shard(address, Some(slot)).read();
        (shard.generation == generation).then(|| shard.storage.get(&(*address, *slot)).copied()).flatten()
    }

    pub fn keep_account(&self, generation: u64, address: Address, account: Option<FlatAccount>) {
        if self.is_on {
            let mut shard = self.shard(&address, None).write();
            if shard.generation == generation {
                put(&mut shard.accounts, address, account);
            }
        }
    }

    pub fn keep_storage(&self, generation: u64, address: Address, slot: U256, value: U256) {
        if self.is_on {
            let mut shard = self.shard(&address, Some(&slot)).write();
            if shard.generation == generation {
                put(&mut shard.storage, (address, slot), value);
            }
        }
    }

    fn advance(&self, next: u64, changes: &Changes) {
        let emptied = !changes.wiped.is_empty() || changes.accounts.values().any(Option::is_none);
        for shard in &self.shards {
            let mut shard = shard.write();
            shard.generation = next;
            if emptied {
                shard.storage.clear();
            }
        }
        for (address, account) in &changes.accounts {
            self.keep_account(next, *address, *account);
        }
        for (address, slots) in &changes.storage {
            for (slot, value) in slots {
                self.keep_storage(next, *address, *slot, *value);
            }
        }
    }

    fn forget(&self, next: u64) {
        for shard in &self.shards {
            *shard.write() = Shard { generation: next, ..Shard::default() };
        }
    }
}

fn put<K: std::hash::Hash + Eq, V>(map: &mut HashMap<K, V>, key: K, value: V) {
    if map.len() >= SHARD_ENTRIES {
        map.clear();
    }
    map.insert(key, value);
}

/// Codes with their jump tables.
#[derive(Default)]
pub struct CodeCache {
    codes: RwLock<HashMap<B256, Bytecode>>,
    bytes: AtomicUsize,
}

impl CodeCache {
    pub fn get(&self, hash: &B256) -> Option<Bytecode> {
        self.codes.read().get(hash).cloned()
    }

    pub fn keep(&self, hash: B256, code: Bytecode) {
        let mut codes = self.codes.write();
        let size = code.len();
        if self.bytes.fetch_add(size, Ordering::Relaxed) + size > CODE_BYTES {
            codes.clear();
            self.bytes.store(size, Ordering::Relaxed);
        }
        codes.insert(hash, code);
    }
}
