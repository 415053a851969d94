//! The tries as Python sees them: `sequencer/state/native_trie.py` is the only user.

use std::sync::Arc;

use alloy_primitives::{B256, U256};
use parking_lot::Mutex;
use pyo3::{
    prelude::*,
    pybacked::PyBackedBytes,
    sync::PyOnceLock,
    types::{PyBytes, PyDict},
};

use super::{
    ParentState, Proof, Rebuild, TrieUpdate, compute, layers, put_layers, settle_all, state, state_root, threads,
    update_back_to,
};
use crate::{
    changes::NativeChanges,
    store::{NativeStore, NativeWrite, StoreError, apply_changes, head_in, oldest_pending},
};

/// New roots, and the records that a commit must write for them.
#[pyclass(frozen, module = "sequencer.native.extension")]
pub struct NativeTrieUpdate {
    pub update: TrieUpdate,
    storage_roots: PyOnceLock<Py<PyDict>>,
}

impl NativeTrieUpdate {
    pub fn new(update: TrieUpdate) -> Self {
        NativeTrieUpdate { update, storage_roots: PyOnceLock::new() }
    }
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
        self.update.overlay.records().len()
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
    let update = py.detach(move || {
        let mut parent = match store {
            None => ParentState::empty(),
            Some(store) => ParentState::at_head(&store.environment, &store.layers, threads())?,
        };
        let update = compute(&parent.views(), &changes)?;
        if update.parent_root != B256::from(state_root) { Err(StoreError::Unavailable) } else { Ok(update) }
    })?;
    Ok(NativeTrieUpdate::new(update))
}

/// Commit a block's flat state, reverse changes and tries; returns its changes with every removed slot as 0.
///
/// A block of more than `direct` keys becomes pending, see `store::pending`.
#[pyfunction]
fn apply_block(
    py: Python<'_>,
    store: &NativeStore,
    transaction: &NativeWrite,
    mark: [u8; 40],
    changes: &NativeChanges,
    update: &NativeTrieUpdate,
    direct: usize,
) -> PyResult<NativeChanges> {
    let changes: &Arc<_> = &changes.changes;
    let transaction: &Mutex<_> = &transaction.transaction;
    let overlay = &update.update.overlay;
    let complete = py.detach(|| {
        let mut guard = transaction.lock();
        let transaction = guard.as_mut().ok_or(StoreError::Closed)?;
        let parent = head_in(transaction)?;
        let complete = apply_changes(transaction, &mark, changes, direct)?;
        match (parent, layers::tag_in(transaction)?) {
            (Some(parent), Some(table)) if oldest_pending(transaction)?.is_some() => {
                store.layers.add(&table, parent, mark, overlay.clone());
            }
            _ => {
                put_layers(transaction, std::slice::from_ref(overlay))?;
                layers::put_tag(transaction, &mark)?;
            }
        }
        Ok::<_, StoreError>(complete)
    })?;
    Ok(NativeChanges::new(complete))
}

/// Spread the pending blocks over the tables; returns whether those of the tries stand at the head now.
#[pyfunction]
fn settle(py: Python<'_>, store: &NativeStore, transaction: &NativeWrite) -> PyResult<bool> {
    let transaction: &Mutex<_> = &transaction.transaction;
    Ok(py.detach(|| {
        let mut guard = transaction.lock();
        let transaction = guard.as_mut().ok_or(StoreError::Closed)?;
        match head_in(transaction)? {
            Some(head) => settle_all(transaction, &head, &store.layers),
            None => Ok(false),
        }
    })?)
}

/// Make the tries of pending blocks again, after a start.
#[pyfunction]
fn restore_layers(py: Python<'_>, store: &NativeStore) -> PyResult<()> {
    Ok(py.detach(|| store.layers.restore(&store.environment))?)
}

/// Storage root of an account in the state with `state_root`, which must be the store's head.
#[pyfunction]
fn storage_root<'py>(
    py: Python<'py>,
    store: Option<&NativeStore>,
    state_root: [u8; 32],
    address: [u8; 20],
) -> PyResult<Bound<'py, PyBytes>> {
    let mut parent = match store {
        None => ParentState::empty(),
        Some(store) => ParentState::at_head(&store.environment, &store.layers, 1)?,
    };
    let views = parent.views();
    let view = views.first().ok_or(StoreError::Closed)?;
    if state::state_root(view)? != B256::from(state_root) {
        return Err(StoreError::Unavailable.into());
    }
    Ok(PyBytes::new(py, state::storage_root(view, &address.into())?.as_slice()))
}

/// Write an update of the tries alone.
#[pyfunction]
fn put_tries(py: Python<'_>, transaction: &NativeWrite, update: &NativeTrieUpdate) -> PyResult<()> {
    let transaction: &Mutex<_> = &transaction.transaction;
    let overlay = &update.update.overlay;
    Ok(py.detach(|| {
        let mut guard = transaction.lock();
        put_layers(guard.as_mut().ok_or(StoreError::Closed)?, std::slice::from_ref(overlay))
    })?)
}

/// What leads from the head's tries back to those of the older block `number`.
#[pyfunction]
fn tries_back_to(py: Python<'_>, store: &NativeStore, number: u64) -> PyResult<NativeTrieUpdate> {
    let update = py.detach(|| update_back_to(&store.environment, &store.layers, number))?;
    Ok(NativeTrieUpdate::new(update))
}

/// Root of the account trie in the store's table.
#[pyfunction]
fn root_of_tries<'py>(py: Python<'py>, store: &NativeStore) -> PyResult<Bound<'py, PyBytes>> {
    let root = state_root(
        ParentState::at_head(&store.environment, &store.layers, 1)?.views().first().ok_or(StoreError::Closed)?,
    )?;
    Ok(PyBytes::new(py, root.as_slice()))
}

/// Root of the list of a block's transactions or receipts, by their encodings.
#[pyfunction]
fn ordered_trie_root<'py>(py: Python<'py>, values: Vec<PyBackedBytes>) -> Bound<'py, PyBytes> {
    let root = py.detach(|| alloy_trie::root::ordered_trie_root_encoded(&values));
    PyBytes::new(py, root.as_slice())
}

/// A value (None: there is none) and the nodes that show it.
type PythonProof<'py> = (Option<Bound<'py, PyBytes>>, Vec<Bound<'py, PyBytes>>);

/// Proofs of an account and of slots, in the state of the block `mark`, which has `state_root`.
#[pyfunction]
fn prove<'py>(
    py: Python<'py>,
    store: &NativeStore,
    mark: [u8; 40],
    state_root: [u8; 32],
    address: [u8; 20],
    slots: Vec<[u8; 32]>,
) -> PyResult<(PythonProof<'py>, Vec<PythonProof<'py>>)> {
    let slots: Vec<U256> = slots.into_iter().map(U256::from_be_bytes).collect();
    let found = py.detach(|| {
        store.older.prove(&store.environment, &store.layers, mark, state_root.into(), &address.into(), &slots)
    })?;
    let slots = found.slots.iter().map(|proof| python_proof(py, proof)).collect();
    Ok((python_proof(py, &found.account), slots))
}

fn python_proof<'py>(py: Python<'py>, proof: &Proof) -> PythonProof<'py> {
    let value = proof.value.as_ref().map(|value| PyBytes::new(py, value));
    (value, proof.nodes.iter().map(|node| PyBytes::new(py, node)).collect())
}

/// A rebuilding of the tries from the flat state, batch by batch.
#[pyclass(frozen, module = "sequencer.native.extension")]
pub struct NativeRebuild {
    rebuild: Mutex<Rebuild>,
}

#[pymethods]
impl NativeRebuild {
    #[new]
    fn new(py: Python<'_>, store: &NativeStore) -> PyResult<Self> {
        let environment = store.environment.clone();
        let rebuild = py.detach(|| Rebuild::begin(environment))?;
        Ok(NativeRebuild { rebuild: Mutex::new(rebuild) })
    }

    /// The next batch, to be written before the one after it is asked for; None at the end.
    fn step(&self, py: Python<'_>) -> PyResult<Option<NativeTrieUpdate>> {
        let update = py.detach(|| self.rebuild.lock().step())?;
        Ok(update.map(NativeTrieUpdate::new))
    }

    /// Accounts that are done, and all.
    fn progress(&self) -> (usize, usize) {
        self.rebuild.lock().progress()
    }
}

/// Add the room's classes and functions to the extension's module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<NativeTrieUpdate>()?;
    module.add_class::<NativeRebuild>()?;
    module.add_function(wrap_pyfunction!(compute_tries, module)?)?;
    module.add_function(wrap_pyfunction!(apply_block, module)?)?;
    module.add_function(wrap_pyfunction!(storage_root, module)?)?;
    module.add_function(wrap_pyfunction!(prove, module)?)?;
    module.add_function(wrap_pyfunction!(settle, module)?)?;
    module.add_function(wrap_pyfunction!(restore_layers, module)?)?;
    module.add_function(wrap_pyfunction!(put_tries, module)?)?;
    module.add_function(wrap_pyfunction!(tries_back_to, module)?)?;
    module.add_function(wrap_pyfunction!(root_of_tries, module)?)?;
    module.add_function(wrap_pyfunction!(ordered_trie_root, module)?)
}
