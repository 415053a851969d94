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

use super::{
    Layers,
    account::{AccountChange, trimmed},
    nodes::put_string,
    path::Path,
    update::{Change, Entry, account_trie, on_threads, root_of, storage_trie, update_trie},
    view::{Overlay, Records, View},
};
use crate::{
    changes::Changes,
    store::{Environment, ReadTxn, StoreError, head_of},
    trie::record::Child,
};

/// A storage trie with more changed slots than this gets all threads to itself.
const LARGE_STORAGE: usize = 512;

/// Addresses that a thread takes at once.
const HASHED_AT_ONCE: usize = 256;

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

/// Threads that a root is computed on.
pub fn threads() -> usize {
    const MOST: usize = 16;
    std::thread::available_parallelism().map_or(1, usize::from).min(MOST)
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
    let mut touched = touched_accounts(views, changes)?;
    let (wiped, mut records) = update_storage(views, changes, &mut touched)?;
    let entries: Vec<Entry> = touched.iter().map(|one| account_entry(changes, one)).collect();
    let (state_root, changed) = update_trie(&account_trie(), views, &entries)?;
    records.extend(changed);
    let overlay = Arc::new(Overlay::new(wiped, records));
    let storage_roots = touched.iter().filter_map(|one| Some((one.address, one.storage_root?))).collect();
    Ok(TrieUpdate { parent_root, state_root, storage_roots, overlay })
}

/// An account that a block touches.
#[derive(Clone)]
struct Touched {
    address: Address,
    hash: B256,
    is_deleted: bool,
    /// Whether its storage trie starts from nothing.
    is_fresh: bool,
    storage_root: Option<B256>,
}

fn touched_accounts(views: &[View<'_>], changes: &Changes) -> Result<Vec<Touched>, StoreError> {
    let mut addresses: Vec<Address> = changes.accounts.keys().copied().collect();
    addresses.extend(changes.storage.keys().filter(|address| !changes.accounts.contains_key(*address)));
    let is_known = |address: &Address| changes.accounts.contains_key(address) || changes.storage.contains_key(address);
    addresses.extend(changes.wiped.iter().filter(|address| !is_known(address)));
    let touch = |address: &Address| {
        let is_deleted = matches!(changes.accounts.get(address), Some(None));
        let is_fresh = is_deleted || changes.wiped.contains(address);
        Touched { address: *address, hash: keccak256(address), is_deleted, is_fresh, storage_root: None }
    };
    let threads = if addresses.len() >= PARALLEL_ACCOUNTS { views } else { &views[..1] };
    let parts: Vec<&[Address]> = addresses.chunks(HASHED_AT_ONCE).collect();
    let next = AtomicUsize::new(0);
    let found = on_threads(threads, |_| {
        let mut touched = Vec::new();
        while let Some(part) = parts.get(next.fetch_add(1, Ordering::Relaxed)) {
            touched.extend(part.iter().map(touch));
        }
        touched.sort_unstable_by_key(|one| one.hash);
        Ok(touched)
    })?;
    let mut touched = found.concat();
    touched.sort_by_key(|one| one.hash); // takes the sorted runs as they are
    Ok(touched)
}

/// Change every storage trie; sets the roots of `touched` that change.
fn update_storage(
    views: &[View<'_>],
    changes: &Changes,
    touched: &mut [Touched],
) -> Result<(HashSet<B256>, Records), StoreError> {
    let mut wiped = HashSet::new();
    let mut small: Vec<usize> = Vec::new();
    let mut records = Records::new();
    for (index, one) in touched.iter_mut().enumerate() {
        if one.is_fresh {
            wiped.insert(one.hash);
            one.storage_root = Some(EMPTY_ROOT_HASH);
        }
        match changes.storage.get(&one.address) {
            None => {}
            Some(slots) if one.is_deleted || slots.is_empty() => {}
            Some(slots) if slots.len() > LARGE_STORAGE => {
                let (root, changed) = update_slots(views, one, slots)?;
                one.storage_root = Some(root);
                records.extend(changed);
            }
            Some(_) => small.push(index),
        }
    }
    let is_parallel = small.len() >= PARALLEL_ACCOUNTS;
    let next = AtomicUsize::new(0);
    let accounts = &*touched;
    let parts = on_threads(if is_parallel { views } else { &views[..1] }, |view| {
        let mut roots = Vec::new();
        let mut records = Records::new();
        while let Some(index) = small.get(next.fetch_add(1, Ordering::Relaxed)) {
            let one = &accounts[*index];
            if let Some(slots) = changes.storage.get(&one.address) {
                let (root, changed) = update_slots(std::slice::from_ref(view), one, slots)?;
                roots.push((*index, root));
                records.extend(changed);
            }
        }
        Ok((roots, records))
    })?;
    for (roots, changed) in parts {
        records.extend(changed);
        for (index, root) in roots {
            touched[index].storage_root = Some(root);
        }
    }
    Ok((wiped, records))
}

fn update_slots(
    views: &[View<'_>],
    account: &Touched,
    slots: &HashMap<U256, U256>,
) -> Result<(B256, Records), StoreError> {
    let mut entries: Vec<Entry> = slots.iter().map(|(slot, value)| slot_entry(slot, value)).collect();
    entries.sort_unstable_by(|a, b| a.key.as_slice().cmp(b.key.as_slice()));
    let name = storage_trie(&account.hash);
    if account.is_fresh {
        let nothing: Vec<View<'_>> = views.iter().map(|_| View::empty()).collect();
        return update_trie(&name, &nothing, &entries);
    }
    update_trie(&name, views, &entries)
}

/// The entry of one slot in its account's storage trie.
pub fn slot_entry(slot: &U256, value: &U256) -> Entry {
    let key = Path::of_key(keccak256(slot.to_be_bytes::<32>()).as_slice());
    if value.is_zero() {
        return Entry { key, change: Change::Delete };
    }
    let mut leaf = Vec::with_capacity(33);
    put_string(&mut leaf, trimmed(&value.to_be_bytes::<32>()));
    Entry { key, change: Change::Set(leaf) }
}

fn account_entry(changes: &Changes, one: &Touched) -> Entry {
    let key = Path::of_key(one.hash.as_slice());
    if one.is_deleted {
        return Entry { key, change: Change::Delete };
    }
    let account = changes.accounts.get(&one.address).copied().flatten();
    Entry { key, change: Change::Account(AccountChange { account, storage_root: one.storage_root }) }
}
