//! All tries of one state: from a block's changes to its roots.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use alloy_primitives::{Address, B256, U256, keccak256, map::HashMap};
use alloy_trie::EMPTY_ROOT_HASH;
use parking_lot::Mutex;

use super::{
    Layers,
    account::{AccountChange, trimmed},
    nodes::put_string,
    path::Path,
    threads::{on_threads, threads},
    update::{Change, Entry, account_trie, root_of, storage_trie, update_trie},
    view::{Overlay, Records, View},
};
use crate::{
    changes::{Changes, FlatAccount},
    store::{Environment, ReadTxn, StoreError, head_of},
    trie::record::Child,
};

/// A storage trie with more changed slots than this gets all threads to itself.
const LARGE_STORAGE: usize = 512;

/// Accounts of a block from which on their tries are worth a second thread.
const PARALLEL_ACCOUNTS: usize = 64;

/// New roots, and what changes in the table for them.
pub struct TrieUpdate {
    pub parent_root: B256,
    pub state_root: B256,
    pub storage_roots: HashMap<Address, B256>,
    pub overlay: Arc<Overlay>,
}

/// Looks of several threads at one parent state.
pub struct ParentState {
    transactions: Vec<ReadTxn>,
    layers: Vec<Arc<Overlay>>,
}

impl ParentState {
    /// The empty state.
    pub fn empty() -> Self {
        ParentState { transactions: Vec::new(), layers: Vec::new() }
    }

    /// The state at the store's head, for `threads` threads.
    pub fn at_head(environment: &Arc<Environment>, layers: &Layers, threads: usize) -> Result<Self, StoreError> {
        loop {
            let (first, layers) = layers.look(environment)?;
            let head = head_of(&first)?;
            let mut transactions = vec![first];
            while transactions.len() < threads {
                let another = environment.begin_read()?;
                if head_of(&another)? != head {
                    break; // a commit came between
                }
                transactions.push(another);
            }
            if transactions.len() >= threads {
                return Ok(ParentState { transactions, layers });
            }
        }
    }

    /// One view a thread.
    pub fn views(&mut self) -> Vec<View<'_>> {
        if self.transactions.is_empty() {
            return (0..threads()).map(|_| View::empty()).collect();
        }
        let layers = &self.layers;
        self.transactions.iter_mut().map(|transaction| View::of(transaction, layers)).collect()
    }
}

/// Root of the account trie of a view.
pub fn state_root(view: &View<'_>) -> Result<B256, StoreError> {
    root_of(&view.get(&account_trie())?.map_or(Child::Empty, Child::Stored))
}

/// Root of the storage trie of an account.
pub fn storage_root(view: &View<'_>, address: &Address) -> Result<B256, StoreError> {
    root_of(&view.get(&storage_trie(&keccak256(address)))?.map_or(Child::Empty, Child::Stored))
}

/// Roots after `changes`; nothing is written.
pub fn compute(views: &[View<'_>], changes: &Changes) -> Result<TrieUpdate, StoreError> {
    let Some(view) = views.first() else { return Err(StoreError::Closed) };
    let parent_root = state_root(view)?;
    let touched = touched_accounts(views, changes)?;
    let mut storage = update_storage(views, changes, &touched)?;
    let roots = &storage.roots;
    let (state_root, changed) = update_trie(&account_trie(), views, &touched, |one| one.entry(roots))?;
    storage.records.extend(changed);
    let overlay = Arc::new(Overlay::new(storage.wiped, storage.records));
    Ok(TrieUpdate { parent_root, state_root, storage_roots: storage.roots, overlay })
}

/// An account that a block touches, by the hash of its address.
struct Touched<'a> {
    hash: B256,
    address: &'a Address,
    /// What it becomes; the outer None: as it was, but for its storage.
    account: Option<&'a Option<FlatAccount>>,
}

impl Touched<'_> {
    fn is_deleted(&self) -> bool {
        matches!(self.account, Some(None))
    }

    /// Its place in the account trie, where `roots` are the new storage roots.
    fn entry(&self, roots: &HashMap<Address, B256>) -> Entry {
        let key = Path::of_key(self.hash.as_slice());
        if self.is_deleted() {
            return Entry { key, change: Change::Delete };
        }
        let account = self.account.copied().flatten();
        let storage_root = roots.get(self.address).copied();
        Entry { key, change: Change::Account(AccountChange { account, storage_root }) }
    }
}

/// All of them in the order of their hashes.
fn touched_accounts<'a>(views: &[View<'_>], changes: &'a Changes) -> Result<Vec<Touched<'a>>, StoreError> {
    let touch = |address, account| Touched { hash: B256::ZERO, address, account };
    let mut touched = Vec::with_capacity(changes.accounts.len() + changes.storage.len());
    touched.extend(changes.accounts.iter().map(|(address, account)| touch(address, Some(account))));
    let others = changes.storage.keys().chain(changes.wiped.iter().filter(|one| !changes.storage.contains_key(*one)));
    touched.extend(others.filter(|one| !changes.accounts.contains_key(*one)).map(|one| touch(one, None)));
    let threads = if touched.len() >= PARALLEL_ACCOUNTS { views } else { &views[..1] };
    let share = touched.len().div_ceil(threads.len()).max(1);
    let shares = Mutex::new(touched.chunks_mut(share));
    on_threads(threads, |_| {
        let next = shares.lock().next();
        let Some(share) = next else { return Ok(()) };
        for one in share.iter_mut() {
            one.hash = keccak256(one.address);
        }
        share.sort_unstable_by_key(|one| one.hash);
        Ok(())
    })?;
    touched.sort_by_key(|one| one.hash); // takes the sorted runs as they are
    Ok(touched)
}

/// What becomes of the storage tries.
#[derive(Default)]
struct StorageUpdate {
    /// Owners whose tries start from nothing.
    wiped: HashSet<B256>,
    roots: HashMap<Address, B256>,
    records: Records,
}

/// Change every storage trie.
fn update_storage(views: &[View<'_>], changes: &Changes, touched: &[Touched<'_>]) -> Result<StorageUpdate, StoreError> {
    let mut update = StorageUpdate::default();
    let mut small: Vec<(&Touched<'_>, &HashMap<U256, U256>)> = Vec::new();
    for one in touched {
        if one.is_deleted() || changes.wiped.contains(one.address) {
            update.wiped.insert(one.hash);
            update.roots.insert(*one.address, EMPTY_ROOT_HASH);
        }
        match changes.storage.get(one.address) {
            None => {}
            Some(slots) if one.is_deleted() || slots.is_empty() => {}
            Some(slots) if slots.len() > LARGE_STORAGE => {
                let (root, changed) = update_slots(views, one, changes.wiped.contains(one.address), slots)?;
                update.roots.insert(*one.address, root);
                update.records.extend(changed);
            }
            Some(slots) => small.push((one, slots)),
        }
    }
    let is_parallel = small.len() >= PARALLEL_ACCOUNTS;
    let next = AtomicUsize::new(0);
    let parts = on_threads(if is_parallel { views } else { &views[..1] }, |view| {
        let mut part = StorageUpdate::default();
        while let Some((one, slots)) = small.get(next.fetch_add(1, Ordering::Relaxed)) {
            let is_fresh = changes.wiped.contains(one.address);
            let (root, changed) = update_slots(std::slice::from_ref(view), one, is_fresh, slots)?;
            part.roots.insert(*one.address, root);
            part.records.extend(changed);
        }
        Ok(part)
    })?;
    for part in parts {
        update.records.extend(part.records);
        update.roots.extend(part.roots);
    }
    Ok(update)
}

fn update_slots(
    views: &[View<'_>],
    account: &Touched<'_>,
    is_fresh: bool,
    slots: &HashMap<U256, U256>,
) -> Result<(B256, Records), StoreError> {
    let mut hashed: Vec<(B256, &U256)> =
        slots.iter().map(|(slot, value)| (keccak256(slot.to_be_bytes::<32>()), value)).collect();
    hashed.sort_unstable_by_key(|(hash, _)| *hash);
    let name = storage_trie(&account.hash);
    let entry = |(hash, value): &(B256, &U256)| slot_entry(hash, value);
    if is_fresh {
        let nothing: Vec<View<'_>> = views.iter().map(|_| View::empty()).collect();
        return update_trie(&name, &nothing, &hashed, entry);
    }
    update_trie(&name, views, &hashed, entry)
}

/// The entry of a slot, by its hash, in its account's storage trie.
fn slot_entry(hash: &B256, value: &U256) -> Entry {
    let key = Path::of_key(hash.as_slice());
    if value.is_zero() {
        return Entry { key, change: Change::Delete };
    }
    let mut leaf = Vec::with_capacity(33);
    put_string(&mut leaf, trimmed(&value.to_be_bytes::<32>()));
    Entry { key, change: Change::Set(leaf) }
}
