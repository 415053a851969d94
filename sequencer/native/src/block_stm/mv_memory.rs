//! Multi-version memory: each location with the values that runs of this slice wrote, by the writer's place.
//!
//! Sharded by the full location; a lock is held for one look. A reader at place i sees the newest write below i.

use std::hash::{BuildHasher, Hash};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use alloy_primitives::map::{DefaultHashBuilder, HashMap, HashSet};
use alloy_primitives::{Address, B256, U256};
use op_revm::revm::bytecode::Bytecode;
use parking_lot::{Mutex, RwLock};

use crate::changes::FlatAccount;
use crate::engine::Write;
use crate::state::Location;

const SHARDS: usize = 256;

/// Buckets of locations for which the lowest writer is known without a lock.
const BUCKETS: usize = 1 << 15;

/// Values of one location by place, ascending; nearly always one.
struct Versions<T> {
    first: Option<(u32, T)>,
    more: Vec<(u32, T)>,
}

impl<T: Copy> Versions<T> {
    fn one(place: u32, value: T) -> Self {
        Self { first: Some((place, value)), more: Vec::new() }
    }

    fn below(&self, place: u32) -> Option<(u32, T)> {
        newest_below(&self.more, place, |(writer, _)| *writer)
            .copied()
            .or_else(|| self.first.filter(|(writer, _)| *writer < place))
    }

    fn put(&mut self, place: u32, value: T) {
        let Some(first) = self.first else {
            self.first = Some((place, value));
            return;
        };
        if first.0 == place {
            self.first = Some((place, value));
        } else if place < first.0 {
            self.more.insert(0, first);
            self.first = Some((place, value));
        } else {
            match self.more.binary_search_by_key(&place, |(writer, _)| *writer) {
                Ok(at) => self.more[at].1 = value,
                Err(at) => self.more.insert(at, (place, value)),
            }
        }
    }

    fn remove(&mut self, place: u32) {
        if self.first.is_some_and(|(writer, _)| writer == place) {
            self.first = if self.more.is_empty() { None } else { Some(self.more.remove(0)) };
        } else if let Ok(at) = self.more.binary_search_by_key(&place, |(writer, _)| *writer) {
            self.more.remove(at);
        }
    }
}

/// The last of `ascending` whose writer stands below `place`: nearly always the very last one.
fn newest_below<T>(ascending: &[T], place: u32, writer: impl Fn(&T) -> u32) -> Option<&T> {
    let last = ascending.last()?;
    if writer(last) < place {
        return Some(last);
    }
    ascending[..ascending.partition_point(|one| writer(one) < place)].last()
}

/// Locations by hash. Most reads find nothing of the slice: `lowest` says so by one load, where nobody below the reader
/// has written any location of the bucket. A writer is there before its run is given out, so the commit sees it.
struct Shards<K, T> {
    shards: Vec<Mutex<HashMap<K, Versions<T>>>>,
    lowest: Vec<AtomicU32>,
    hasher: DefaultHashBuilder,
}

impl<K: Hash + Eq, T: Copy> Shards<K, T> {
    fn new(hasher: DefaultHashBuilder) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            lowest: (0..BUCKETS).map(|_| AtomicU32::new(u32::MAX)).collect(),
            hasher,
        }
    }

    fn of(&self, key: &K) -> (&Mutex<HashMap<K, Versions<T>>>, &AtomicU32) {
        let hash = self.hasher.hash_one(key);
        (&self.shards[(hash >> 32) as usize % SHARDS], &self.lowest[hash as usize % BUCKETS])
    }

    fn below(&self, key: &K, place: u32) -> Option<(u32, T)> {
        let (shard, lowest) = self.of(key);
        if lowest.load(Ordering::Acquire) >= place {
            return None;
        }
        shard.lock().get(key).and_then(|versions| versions.below(place))
    }

    fn put(&self, key: K, place: u32, value: T) {
        let (shard, lowest) = self.of(&key);
        let mut shard = shard.lock();
        shard.entry(key).and_modify(|versions| versions.put(place, value)).or_insert(Versions::one(place, value));
        drop(shard);
        lowest.fetch_min(place, Ordering::AcqRel);
    }

    fn remove(&self, key: &K, place: u32) {
        if let Some(versions) = self.of(key).0.lock().get_mut(key) {
            versions.remove(place);
        }
    }

    fn clear(&mut self) {
        for shard in &mut self.shards {
            shard.get_mut().clear();
        }
        self.lowest.iter_mut().for_each(|lowest| *lowest.get_mut() = u32::MAX);
    }
}

/// See the module.
pub struct MvMemory {
    accounts: Shards<Address, Option<FlatAccount>>,
    storage: Shards<(Address, U256), U256>,
    /// Places after which nothing older of the account's storage is left.
    wipes: RwLock<HashMap<Address, Vec<u32>>>,
    has_wipes: AtomicBool,
    codes: RwLock<HashMap<B256, Bytecode>>,
}

impl Default for MvMemory {
    fn default() -> Self {
        let hasher = DefaultHashBuilder::default();
        Self {
            accounts: Shards::new(hasher.clone()),
            storage: Shards::new(hasher),
            wipes: RwLock::default(),
            has_wipes: AtomicBool::new(false),
            codes: RwLock::default(),
        }
    }
}

impl MvMemory {
    /// Ready for the next slice; what was allocated stays.
    pub fn clear(&mut self) {
        self.accounts.clear();
        self.storage.clear();
        self.wipes.get_mut().clear();
        *self.has_wipes.get_mut() = false;
        self.codes.get_mut().clear();
    }

    pub fn account(&self, address: &Address, place: u32) -> Option<Option<FlatAccount>> {
        self.accounts.below(address, place).map(|(_, account)| account)
    }

    pub fn storage(&self, address: &Address, slot: &U256, place: u32) -> Option<U256> {
        let written = self.storage.below(&(*address, *slot), place);
        if self.has_wipes.load(Ordering::Acquire) {
            let wipes = self.wipes.read();
            let wiped = wipes.get(address).and_then(|places| newest_below(places, place, |wiper| *wiper));
            if let Some(wiper) = wiped {
                return Some(written.filter(|(writer, _)| writer >= wiper).map_or(U256::ZERO, |(_, value)| value));
            }
        }
        written.map(|(_, value)| value)
    }

    pub fn code(&self, hash: &B256) -> Option<Bytecode> {
        self.codes.read().get(hash).cloned()
    }

    /// Let readers after `place` see what its run wrote; `older` is what an earlier run at this place had written.
    pub fn publish(&self, place: u32, writes: &[Write], codes: &[(B256, Bytecode)], older: &[Write]) {
        if !codes.is_empty() {
            self.codes.write().extend(codes.iter().cloned());
        }
        for write in writes {
            match write {
                Write::Account(address, account) => self.accounts.put(*address, place, *account),
                Write::Slot(address, slot, value) => self.storage.put((*address, *slot), place, *value),
                Write::Wipe(address) => self.add_wipe(*address, place),
            }
        }
        if older.is_empty() {
            return;
        }
        let kept: HashSet<Written> = writes.iter().map(Written::of).collect();
        for write in older.iter().filter(|write| !kept.contains(&Written::of(write))) {
            match write {
                Write::Account(address, _) => self.accounts.remove(address, place),
                Write::Slot(address, slot, _) => self.storage.remove(&(*address, *slot), place),
                Write::Wipe(address) => self.remove_wipe(address, place),
            }
        }
    }

    fn add_wipe(&self, address: Address, place: u32) {
        let mut wipes = self.wipes.write();
        let places = wipes.entry(address).or_default();
        if let Err(at) = places.binary_search(&place) {
            places.insert(at, place);
        }
        self.has_wipes.store(true, Ordering::Release);
    }

    fn remove_wipe(&self, address: &Address, place: u32) {
        if let Some(places) = self.wipes.write().get_mut(address)
            && let Ok(at) = places.binary_search(&place)
        {
            places.remove(at);
        }
    }
}

/// What a write changes, without the value.
#[derive(PartialEq, Eq, Hash)]
enum Written {
    At(Location),
    Wipe(Address),
}

impl Written {
    fn of(write: &Write) -> Self {
        match write {
            Write::Account(address, _) => Self::At(Location::Account(*address)),
            Write::Slot(address, slot, _) => Self::At(Location::Slot(*address, *slot)),
            Write::Wipe(address) => Self::Wipe(*address),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::{FAR_MORE, quickest};

    const A: Address = Address::repeat_byte(1);

    fn account(nonce: u64) -> Option<FlatAccount> {
        Some(FlatAccount { nonce, ..FlatAccount::default() })
    }

    #[test]
    fn a_reader_sees_the_newest_write_below_its_place() {
        let memory = MvMemory::default();
        for place in [5, 1, 3] {
            memory.publish(place, &[Write::Account(A, account(place.into()))], &[], &[]);
        }
        assert_eq!(memory.account(&A, 1), None);
        assert_eq!(memory.account(&A, 2), Some(account(1)));
        assert_eq!(memory.account(&A, 5), Some(account(3)));
        assert_eq!(memory.account(&A, 9), Some(account(5)));
    }

    #[test]
    fn what_a_second_run_does_not_write_is_gone() {
        let memory = MvMemory::default();
        let (first, second) =
            (Write::Slot(A, U256::from(1), U256::from(7)), Write::Slot(A, U256::from(2), U256::from(8)));
        memory.publish(0, &[first], &[], &[]);
        memory.publish(0, &[second], &[], &[first]);
        assert_eq!(memory.storage(&A, &U256::from(1), 1), None);
        assert_eq!(memory.storage(&A, &U256::from(2), 1), Some(U256::from(8)));
    }

    #[test]
    fn a_wipe_hides_what_is_older_and_not_what_is_newer() {
        let memory = MvMemory::default();
        let slot = U256::from(1);
        memory.publish(0, &[Write::Slot(A, slot, U256::from(7))], &[], &[]);
        memory.publish(1, &[Write::Wipe(A), Write::Account(A, None)], &[], &[]);
        memory.publish(2, &[Write::Slot(A, slot, U256::from(9))], &[], &[]);
        assert_eq!(memory.storage(&A, &slot, 1), Some(U256::from(7)));
        assert_eq!(memory.storage(&A, &slot, 2), Some(U256::ZERO));
        assert_eq!(memory.storage(&A, &U256::from(2), 2), Some(U256::ZERO));
        assert_eq!(memory.storage(&A, &slot, 3), Some(U256::from(9)));
        memory.publish(1, &[], &[], &[Write::Wipe(A)]);
        assert_eq!(memory.storage(&A, &slot, 2), Some(U256::from(7)));
    }

    #[test]
    fn what_a_large_second_run_leaves_is_found_without_comparing_each_with_each() {
        let slots = |from: u64| -> Vec<Write> {
            (from..from + 30_000).map(|slot| Write::Slot(A, U256::from(slot), U256::from(1))).collect()
        };
        let (first, second) = (slots(0), slots(30_000));
        let publish = |older: &[Write]| {
            let memory = MvMemory::default();
            memory.publish(0, &first, &[], &[]);
            quickest(1, || memory.publish(0, &second, &[], older))
        };
        let alone = (0..3).map(|_| publish(&[])).min().unwrap_or_default();
        let after_another = (0..3).map(|_| publish(&first)).min().unwrap_or_default();
        assert!(after_another < FAR_MORE * alone, "{after_another:?} after another run, {alone:?} alone");
    }

    #[test]
    fn a_reader_far_below_the_newest_writer_does_not_pass_by_all_writers() {
        let memory = MvMemory::default();
        for place in 0..20_000 {
            memory.publish(place, &[Write::Account(A, account(place.into())), Write::Wipe(A)], &[], &[]);
        }
        let read_at = |place: u32| {
            quickest(3, || {
                for _ in 0..5_000 {
                    std::hint::black_box(memory.account(&A, place));
                    std::hint::black_box(memory.storage(&A, &U256::ZERO, place));
                }
            })
        };
        let (early, late) = (read_at(2), read_at(30_000));
        assert_eq!(memory.account(&A, 2), Some(account(1)));
        assert!(early < FAR_MORE * late, "{early:?} far below, {late:?} above");
    }
}
