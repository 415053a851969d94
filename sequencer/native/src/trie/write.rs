//! Puts changed records into the table, in the order of their keys.

use std::sync::Arc;

use super::{
    Layers, layers,
    view::{Overlay, merge, range_of},
};
use crate::store::{Mark, StoreError, Table, WriteTxn, settle};

/// Write what `layers`, the newest first, change.
pub fn put_layers(transaction: &mut WriteTxn, layers: &[Arc<Overlay>]) -> Result<(), StoreError> {
    let (wiped, records) = merge(layers);
    for owner in wiped {
        let (first, end) = range_of(owner);
        if transaction.get(Table::Paths, &first)?.is_some() {
            // there is no trie without a root slot
            transaction.delete_range(Table::Paths, &first, Some(&end))?;
        }
    }
    let is_new = transaction.count(Table::Paths)? == 0;
    for (key, record) in records {
        match record {
            Some(record) if is_new => transaction.append(Table::Paths, key, record)?,
            Some(record) => transaction.put(Table::Paths, key, record)?,
            None => transaction.delete(Table::Paths, key)?,
        }
    }
    Ok(())
}

/// Spread the pending blocks over the tables: flat state, reverse changes, and tries where they are of this kind.
///
/// Returns whether the table of the tries stands at the head now.
pub fn settle_all(transaction: &mut WriteTxn, head: &Mark, layers: &Layers) -> Result<bool, StoreError> {
    settle(transaction)?;
    let Some(table) = layers::tag_in(transaction)? else { return Ok(false) };
    let Some(found) = layers.between(head, &table) else { return Ok(false) };
    put_layers(transaction, &found)?;
    layers::put_tag(transaction, head)?;
    Ok(true)
}
