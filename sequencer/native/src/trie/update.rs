//! Many changes to one trie in a single walk: every branch on the way is read, changed and encoded once.
//!
//! Entries come sorted, so those below a branch are a slice of them; of a large update only those of the subtries that
//! threads are at are there at once. What an update makes and unmakes on the way is never encoded. A walk reads through a `View` and collects the records that it changes; nothing is written here.

use std::sync::atomic::{AtomicUsize, Ordering};

use alloy_primitives::B256;
use alloy_trie::EMPTY_ROOT_HASH;

use super::{
    account::AccountChange,
    path::{Path, shared},
    record::{Child, Writer, read_branch},
    threads::on_threads,
    view::{Records, View},
};
use crate::store::StoreError;

/// From this number of entries on, the 16 subtries of a root are shared among threads.
const PARALLEL_ENTRIES: usize = 192;

/// Stands between a trie's name and the path of a branch.
const BRANCH_MARK: u8 = 0x10;

/// One key with its change.
pub struct Entry {
    pub key: Path,
    pub change: Change,
}

/// What becomes of the value under a key.
pub enum Change {
    Delete,
    Set(Vec<u8>),
    Account(AccountChange),
}

impl Change {
    fn apply(&self, old: Option<&[u8]>) -> Result<Option<Vec<u8>>, StoreError> {
        match self {
            Change::Delete => Ok(None),
            Change::Set(value) => Ok(Some(value.clone())),
            Change::Account(change) => change.apply(old),
        }
    }
}

/// Name of the account trie.
pub fn account_trie() -> Vec<u8> {
    vec![b'a']
}

/// Name of the storage trie of an account, by the hash of its address.
pub fn storage_trie(owner: &B256) -> Vec<u8> {
    [&b"s"[..], owner.as_slice()].concat()
}

/// Key of the branch at `path` in the trie `name`.
pub fn branch_key(name: &[u8], path: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(name.len() + 1 + path.len());
    key.extend_from_slice(name);
    key.push(BRANCH_MARK);
    key.extend_from_slice(path);
    key
}

/// Root of the trie over what stands in its root slot.
pub fn root_of(slot: &Child<'_>) -> Result<B256, StoreError> {
    if slot.is_empty() {
        return Ok(EMPTY_ROOT_HASH);
    }
    Ok(Writer::default().child(&mut Vec::new(), slot)?.root())
}

/// The root after the entries that `entry_of` makes of `items`, and the records that change with it.
///
/// The items are in the order of their entries' keys, which are unique. `views` are looks at the same parent state, one
/// a thread that may work.
pub fn update_trie<T: Sync>(
    name: &[u8],
    views: &[View<'_>],
    items: &[T],
    entry_of: impl Fn(&T) -> Entry + Sync,
) -> Result<(B256, Records), StoreError> {
    let Some(view) = views.first() else { return Err(StoreError::Closed) };
    let slot = view.get(name)?.map_or(Child::Empty, Child::Stored).open()?;
    let mut walk = Walk::new(name, view);
    let entries = |items: &[T]| -> Vec<Entry> { items.iter().map(&entry_of).collect() };
    let groups = || group_by_nibble(items, &entry_of);
    let after = match slot {
        Child::Branch { extension, .. } if extension.is_empty() && items.len() >= PARALLEL_ENTRIES => {
            walk.share(views, walk.read(&[])?, &groups(), &entries)?
        }
        Child::Empty if items.len() >= PARALLEL_ENTRIES => {
            walk.share(views, [const { Child::Empty }; 16], &groups(), &entries)?
        }
        slot => walk.change(&mut Path::default(), slot, &entries(items))?,
    };
    let mut record = Vec::new();
    let root = if after.is_empty() { EMPTY_ROOT_HASH } else { walk.writer.child(&mut record, &after)?.root() };
    walk.records.push((name.to_vec(), (!after.is_empty()).then_some(record)));
    Ok((root, walk.records))
}

/// The items by the first nibble of their keys.
fn group_by_nibble<T>(items: &[T], entry_of: impl Fn(&T) -> Entry) -> Vec<(u8, &[T])> {
    let nibble_of = |item: &T| entry_of(item).key.as_slice()[0];
    let (mut groups, mut rest) = (Vec::new(), items);
    while let Some(first) = rest.first() {
        let nibble = nibble_of(first);
        let (group, others) = rest.split_at(rest.partition_point(|item| nibble_of(item) == nibble));
        groups.push((nibble, group));
        rest = others;
    }
    groups
}

type Children<'a> = [Child<'a>; 16];

struct Walk<'a, 'v> {
    name: &'a [u8],
    view: &'a View<'v>,
    writer: Writer,
    records: Records,
}

impl<'a, 'v> Walk<'a, 'v> {
    fn new(name: &'a [u8], view: &'a View<'v>) -> Self {
        Walk { name, view, writer: Writer::default(), records: Vec::new() }
    }

    fn read(&self, path: &[u8]) -> Result<Children<'a>, StoreError> {
        match self.view.get(&branch_key(self.name, path))? {
            Some(data) => read_branch(data),
            None => Err(StoreError::Damaged("the trie lacks a branch".into())),
        }
    }

    /// Change a root branch on as many threads as there are views.
    fn share<T: Sync>(
        &mut self,
        views: &[View<'v>],
        mut children: Children<'a>,
        groups: &[(u8, &[T])],
        entries: &(impl Fn(&[T]) -> Vec<Entry> + Sync),
    ) -> Result<Child<'a>, StoreError> {
        let next = AtomicUsize::new(0);
        let name = self.name;
        let slots = &children;
        let work = |view: &View<'v>| -> Result<(Vec<(u8, Child<'static>)>, Records), StoreError> {
            let mut walk = Walk::new(name, view);
            let mut changed = Vec::new();
            while let Some((nibble, group)) = groups.get(next.fetch_add(1, Ordering::Relaxed)) {
                let mut path = Path::default();
                path.push(*nibble);
                let child = walk.change(&mut path, slots[usize::from(*nibble)].clone(), &entries(group))?;
                changed.push((*nibble, child.open()?));
            }
            walk.records.sort_unstable_by(|a, b| a.0.cmp(&b.0));
            Ok((changed, walk.records))
        };
        let parts = on_threads(views, work)?;
        for (changed, records) in parts {
            self.records.extend(records);
            for (nibble, child) in changed {
                children[usize::from(nibble)] = child;
            }
        }
        self.finish(&Path::default(), children)
    }

    /// What hangs at `path` after `entries`, all of which lie below it.
    fn change(&mut self, path: &mut Path, child: Child<'a>, entries: &[Entry]) -> Result<Child<'a>, StoreError> {
        let depth = path.len();
        match child.open()? {
            Child::Leaf { suffix, value } => self.change_leaf(path, suffix, value, entries),
            Child::Branch { extension, reference } => {
                let (Some(first), Some(last)) = (entries.first(), entries.last()) else {
                    return Ok(Child::Branch { extension, reference });
                };
                let common = shared(&extension, &first.key.as_slice()[depth..])
                    .min(shared(&extension, &last.key.as_slice()[depth..]));
                let mut children = [const { Child::Empty }; 16];
                path.extend(&extension[..common]);
                if common == extension.len() {
                    children = self.read(path.as_slice())?;
                } else {
                    let rest = extension[common + 1..].to_vec();
                    children[usize::from(extension[common])] = Child::Branch { extension: rest, reference };
                }
                let changed = self.change_branch(path, children, entries)?;
                path.truncate(depth);
                changed.lengthen(&extension[..common])
            }
            _ => {
                let mut items = Vec::with_capacity(entries.len());
                for entry in entries {
                    if let Some(value) = entry.change.apply(None)? {
                        items.push((&entry.key, value));
                    }
                }
                self.build(path, &mut items)
            }
        }
    }

    fn change_leaf(
        &mut self,
        path: &mut Path,
        suffix: Vec<u8>,
        value: Vec<u8>,
        entries: &[Entry],
    ) -> Result<Child<'a>, StoreError> {
        let depth = path.len();
        let mut key = *path;
        key.extend(&suffix);
        let mut items = Vec::with_capacity(entries.len() + 1);
        let mut is_changed = false;
        for entry in entries {
            let is_leaf = entry.key.as_slice()[depth..] == suffix[..];
            is_changed |= is_leaf;
            if let Some(value) = entry.change.apply(is_leaf.then_some(&value[..]))? {
                items.push((&entry.key, value));
            }
        }
        if !is_changed {
            let place = items.partition_point(|(other, _)| other.as_slice() < key.as_slice());
            items.insert(place, (&key, value));
        }
        self.build(path, &mut items)
    }

    fn change_branch(
        &mut self,
        path: &mut Path,
        mut children: Children<'a>,
        entries: &[Entry],
    ) -> Result<Child<'a>, StoreError> {
        let depth = path.len();
        for group in entries.chunk_by(|a, b| a.key.as_slice()[depth] == b.key.as_slice()[depth]) {
            let nibble = group[0].key.as_slice()[depth];
            let child = std::mem::replace(&mut children[usize::from(nibble)], Child::Empty);
            path.push(nibble);
            children[usize::from(nibble)] = self.change(path, child, group)?;
            path.truncate(depth);
        }
        self.finish(path, children)
    }

    /// The branch at `path`, or what is left of it.
    fn finish(&mut self, path: &Path, mut children: Children<'a>) -> Result<Child<'a>, StoreError> {
        let used = children.iter().filter(|child| !child.is_empty()).count();
        if used < 2 {
            self.records.push((branch_key(self.name, path.as_slice()), None));
            let Some(nibble) = children.iter().position(|child| !child.is_empty()) else { return Ok(Child::Empty) };
            let child = std::mem::replace(&mut children[nibble], Child::Empty);
            return child.lengthen(&[nibble as u8]);
        }
        let (record, reference) = self.writer.branch(&children)?;
        self.records.push((branch_key(self.name, path.as_slice()), Some(record)));
        Ok(Child::Branch { extension: Vec::new(), reference })
    }

    /// A trie of these items alone, which are sorted and all lie below `path`.
    fn build(&mut self, path: &mut Path, items: &mut [(&Path, Vec<u8>)]) -> Result<Child<'a>, StoreError> {
        let depth = path.len();
        let (Some((first, _)), Some((last, _))) = (items.first(), items.last()) else { return Ok(Child::Empty) };
        if let [(key, value)] = items {
            return Ok(Child::Leaf { suffix: key.as_slice()[depth..].to_vec(), value: std::mem::take(value) });
        }
        let common = shared(&first.as_slice()[depth..], &last.as_slice()[depth..]);
        let extension = first.as_slice()[depth..depth + common].to_vec();
        let mut children = [const { Child::Empty }; 16];
        path.extend(&extension);
        let place = path.len();
        for group in items.chunk_by_mut(|a, b| a.0.as_slice()[place] == b.0.as_slice()[place]) {
            let nibble = group[0].0.as_slice()[place];
            path.push(nibble);
            children[usize::from(nibble)] = self.build(path, group)?;
            path.truncate(place);
        }
        let branch = self.finish(path, children)?;
        path.truncate(depth);
        branch.lengthen(&extension)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::{BTreeMap, HashSet},
        sync::Arc,
    };

    use alloy_trie::{HashBuilder, Nibbles};

    use super::*;
    use crate::trie::view::{Overlay, merge};

    /// A repeatable source of small numbers.
    struct Dice(u64);

    impl Dice {
        fn below(&mut self, limit: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (self.0 >> 33) % limit
        }
    }

    type Model = BTreeMap<Vec<u8>, Vec<u8>>;

    fn expected(model: &Model) -> B256 {
        let mut builder = HashBuilder::default();
        for (key, value) in model {
            builder.add_leaf(Nibbles::unpack(key), value);
        }
        builder.root()
    }

    /// Keys of `size` bytes out of few, so that branches split and collapse all the time.
    fn batch(dice: &mut Dice, size: usize, most: u64) -> Model {
        let few = [0x00, 0x01, 0x10, 0x11, 0x1f, 0xf0, 0xff];
        (0..dice.below(most) + 1)
            .map(|_| {
                let key = (0..size).map(|_| few[dice.below(few.len() as u64) as usize]).collect();
                let long = if dice.below(2) == 0 { 1 } else { 40 };
                let value = if dice.below(5) < 2 { Vec::new() } else { vec![dice.below(255) as u8 + 1; long] };
                (key, value)
            })
            .collect()
    }

    fn update(views: &[View<'_>], batch: &Model) -> (B256, Records) {
        let change = |value: &Vec<u8>| if value.is_empty() { Change::Delete } else { Change::Set(value.clone()) };
        let items: Vec<(&Vec<u8>, &Vec<u8>)> = batch.iter().collect();
        update_trie(b"a", views, &items, |(key, value)| Entry { key: Path::of_key(key), change: change(value) })
            .unwrap()
    }

    fn layer(records: Records) -> Arc<Overlay> {
        Arc::new(Overlay::new(HashSet::new(), records))
    }

    fn count(layers: &[Arc<Overlay>]) -> usize {
        merge(layers).1.iter().filter(|(_, record)| record.is_some()).count()
    }

    fn play(seed: u64, size: usize, most: u64, threads: usize) {
        let (mut dice, mut model, mut layers) = (Dice(seed), Model::new(), Vec::new());
        for step in 0..30 {
            let batch = batch(&mut dice, size, most);
            for (key, value) in &batch {
                if value.is_empty() {
                    model.remove(key)
                } else {
                    model.insert(key.clone(), value.clone())
                };
            }
            let views: Vec<View<'_>> = (0..threads).map(|_| View::over(&layers)).collect();
            let (root, records) = update(&views, &batch);
            assert_eq!(root, expected(&model), "seed {seed}, step {step}");
            layers.insert(0, layer(records));
        }
        assert!(count(&layers) <= 2 * model.len() + 1, "records of branches that are gone stay behind");
    }

    #[test]
    fn roots_are_those_of_tries_made_from_nothing() {
        for seed in 0..60 {
            play(seed, 1 + (seed as usize % 3), 12, 1);
        }
    }

    #[test]
    fn threads_make_no_difference() {
        for seed in 100..106 {
            play(seed, 8, 600, 3);
        }
    }

    #[test]
    fn a_trie_that_loses_its_last_key_is_empty() {
        let full: Model = [(vec![1, 2], vec![7]), (vec![1, 3], vec![8])].into();
        let (_, records) = update(&[View::empty()], &full);
        let mut layers = vec![layer(records)];
        let none = full.keys().map(|key| (key.clone(), Vec::new())).collect();
        let (root, records) = update(&[View::over(&layers)], &none);
        layers.insert(0, layer(records));

        assert_eq!(root, EMPTY_ROOT_HASH);
        assert_eq!(count(&layers), 0);
    }
}
