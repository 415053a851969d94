//! The tries as Python sees them: `sequencer/state/native_trie.py` is the only user.

use std::sync::Arc;

use alloy_primitives::B256;
use parking_lot::Mutex;
use pyo3::{
    prelude::*,
    sync::PyOnceLock,
    types::{PyBytes, PyDict},
};

use super::{ParentState, TrieUpdate, compute, state, write};
use crate::{
    changes::NativeChanges,
    store::{NativeStore, NativeWrite, StoreError, apply_changes},
};

/// New roots, and the records that a commit must write for them.
#[pyclass(frozen, module = "sequencer.native.extension")]
pub struct NativeTrieUpdate {
    pub update: TrieUpdate,
    storage_roots: PyOnceLock<Py<PyDict>>,
}

#[pymethods]
impl NativeTrieUpdate {
    #[getter]
    fn state_root<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.update.state_root.as_slice())
    }

    #[getter]
    fn storage_roots(&self, py: Python<'_>) -> PyResult<Py<PyDict>> {
        let make = || {
            let roots = PyDict::new(py);
            for (address, root) in &self.update.storage_roots {
                roots.set_item(PyBytes::new(py, address.as_slice()), PyBytes::new(py, root.as_slice()))?;
            }
            Ok::<_, PyErr>(roots.unbind())
        };
        Ok(self.storage_roots.get_or_try_init(py, make)?.clone_ref(py))
    }

    /// Number of records that it changes.
    fn __len__(&self) -> usize {
        self.update.records.len()
    }
}

/// Roots after `changes` over the state with `state_root`, which must be the store's head; no store: the empty state.
#[pyfunction]
fn compute_tries(
    py: Python<'_>,
    store: Option<&NativeStore>,
    state_root: [u8; 32],
    changes: &NativeChanges,
) -> PyResult<NativeTrieUpdate> {
    let changes = changes.changes.clone();
    let environment = store.map(|store| store.environment.clone());
    let update = py.detach(move || {
        let mut parent = match &environment {
            None => ParentState::empty(),
            Some(environment) => ParentState::at_head(environment, state::threads(), None)?,
        };
        let update = compute(&parent.views(), &changes)?;
        if update.parent_root != B256::from(state_root) { Err(StoreError::Unavailable) } else { Ok(update) }
    })?;
    Ok(NativeTrieUpdate { update, storage_roots: PyOnceLock::new() })
}

/// Write a block's flat state, reverse changes and tries; returns its changes with every removed slot as 0.
#[pyfunction]
fn apply_block(
    py: Python<'_>,
    transaction: &NativeWrite,
    mark: [u8; 40],
    changes: &NativeChanges,
    update: Option<&NativeTrieUpdate>,
) -> PyResult<NativeChanges> {
    let changes: &Arc<_> = &changes.changes;
    let transaction: &Mutex<_> = &transaction.transaction;
    let update = update.map(|update| &update.update);
    let complete = py.detach(|| {
        let mut guard = transaction.lock();
        let transaction = guard.as_mut().ok_or(StoreError::Closed)?;
        let complete = apply_changes(transaction, &mark, changes)?;
        if let Some(update) = update {
            write::put_update(transaction, update)?;
        }
        Ok::<_, StoreError>(complete)
    })?;
    Ok(NativeChanges::new(complete))
}

/// Add the room's classes and functions to the extension's module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<NativeTrieUpdate>()?;
    module.add_function(wrap_pyfunction!(compute_tries, module)?)?;
    module.add_function(wrap_pyfunction!(apply_block, module)?)
}
