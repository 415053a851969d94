//! Tries of pending blocks: the table stands at an older block, and what changed since lies over it in memory.
//!
//! A tag in `meta` says at which block the table stands. The layers are a cache: after a start they are made again from
//! the runs of the pending blocks.

use std::sync::Arc;

use alloy_primitives::{Address, B256};
use parking_lot::Mutex;

use super::{View, compute, threads, view::Overlay};
use crate::{
    changes::Changes,
    store::{
        Environment, Mark, ReadTxn, StoreError, Table, WriteTxn, canonical_hash, flat, head_of, mark_of, number_of,
        oldest_pending, split_values,
    },
};

const TAG_KEY: &[u8] = b"trie";
const KIND: &[u8] = b"path-nodes ";

/// Makes of layers that a reader may try before it gives up: each miss means a commit in between.
const TRIES: usize = 8;

struct Layer {
    block: Mark,
    parent: Mark,
    overlay: Arc<Overlay>,
}

/// What lies over the table, block by block.
#[derive(Default)]
pub struct Layers {
    kept: Mutex<Vec<Layer>>,
}

impl Layers {
    /// Lay a block's changes over those of its parent. `table` is the block at which the table stands.
    pub fn add(&self, table: &Mark, parent: Mark, block: Mark, overlay: Arc<Overlay>) {
        let mut kept = self.kept.lock();
        if parent == *table {
            kept.clear(); // all of it is in the table
        }
        kept.retain(|layer| layer.block != block);
        kept.push(Layer { block, parent, overlay });
    }

    /// The layers from `head` down to the block `table`, the newest first; None where one is missing.
    pub fn between(&self, head: &Mark, table: &Mark) -> Option<Vec<Arc<Overlay>>> {
        let kept = self.kept.lock();
        let (mut found, mut block) = (Vec::new(), *head);
        while block != *table {
            let layer = kept.iter().find(|layer| layer.block == block)?;
            found.push(layer.overlay.clone());
            block = layer.parent;
        }
        Some(found)
    }

    /// A look at the head's tries: a transaction, and the layers over its table.
    pub fn look(&self, environment: &Arc<Environment>) -> Result<(ReadTxn, Vec<Arc<Overlay>>), StoreError> {
        for _ in 0..TRIES {
            let transaction = environment.begin_read()?;
            if let Some(layers) = self.over(&transaction)? {
                return Ok((transaction, layers));
            }
        }
        Err(StoreError::Unavailable)
    }

    /// The layers over the table as `transaction` sees it; None where one is missing.
    pub fn over(&self, transaction: &ReadTxn) -> Result<Option<Vec<Arc<Overlay>>>, StoreError> {
        match (head_of(transaction)?, table_mark(transaction.get(Table::Meta, TAG_KEY)?)) {
            (Some(head), Some(table)) => Ok(self.between(&head, &table)),
            _ => Ok(Some(Vec::new())), // tries that are being made anew have no layers
        }
    }

    /// Make the layers of all pending blocks from their runs.
    pub fn restore(&self, environment: &Arc<Environment>) -> Result<(), StoreError> {
        let transaction = environment.begin_read()?;
        let Some(oldest) = oldest_pending(&transaction)? else { return Ok(()) };
        let Some(table) = table_mark(transaction.get(Table::Meta, TAG_KEY)?) else { return Ok(()) };
        let head = head_of(&transaction)?.ok_or(StoreError::Unavailable)?;
        if number_of(&table) + 1 != oldest {
            return Ok(()); // tries of another block: they are made anew
        }
        let (mut parent, mut layers) = (table, Vec::new());
        for number in oldest..=number_of(&head) {
            let changes = pending_changes(&transaction, number)?;
            let mut looks = Vec::new();
            for _ in 0..threads() {
                looks.push(environment.begin_read()?);
            }
            let views: Vec<View<'_>> = looks.iter_mut().map(|look| View::of(look, &layers)).collect();
            let overlay = compute(&views, &changes)?.overlay;
            drop(views);
            let hash = canonical_hash(&transaction, number)?.ok_or(StoreError::Unavailable)?;
            let block = mark_of(number, &B256::from_slice(hash));
            self.add(&table, parent, block, overlay.clone());
            layers.insert(0, overlay);
            parent = block;
        }
        Ok(())
    }
}

/// The block at which the table stands, from the tag; None where the tries are not of this kind.
pub fn table_mark(tag: Option<&[u8]>) -> Option<Mark> {
    tag?.strip_prefix(KIND)?.try_into().ok()
}

/// Say that the table stands at `mark`.
pub fn put_tag(transaction: &mut WriteTxn, mark: &Mark) -> Result<(), StoreError> {
    transaction.put(Table::Meta, TAG_KEY, &[KIND, mark].concat())
}

/// The tag as a write transaction sees it.
pub fn tag_in(transaction: &WriteTxn) -> Result<Option<Mark>, StoreError> {
    Ok(table_mark(transaction.get(Table::Meta, TAG_KEY)?))
}

/// What a pending block changed.
fn pending_changes(transaction: &ReadTxn, number: u64) -> Result<Changes, StoreError> {
    let mut changes = Changes::default();
    for entry in transaction.from_key(Table::Pending, &number.to_be_bytes())? {
        let (key, values) = entry?;
        if number_of(key) != number {
            break;
        }
        let value = split_values(values)?.1;
        let malformed = || StoreError::Damaged("a pending key is malformed".into());
        let address = Address::from_slice(key.get(9..29).ok_or_else(malformed)?);
        if key[8] == b'a' {
            changes.accounts.insert(address, flat::decode_account(value)?);
        } else {
            let slot = flat::decode_value(&key[29..])?;
            changes.storage.entry(address).or_default().insert(slot, flat::decode_value(value)?);
        }
    }
    Ok(changes)
}
