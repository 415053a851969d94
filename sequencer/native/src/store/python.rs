//! The store as Python sees it: `sequencer/state/native_environment.py` is the only user of these classes.
//!
//! Single reads and writes keep the GIL, since they take less than giving it up; whatever may wait releases it.

use std::{path::PathBuf, sync::Arc};

use parking_lot::Mutex;
use pyo3::{create_exception, exceptions::PyException, prelude::*, types::PyBytes};

use super::{Environment, ReadTxn, StateAt, StoreError, Table, WriteTxn, genesis};
use crate::{
    changes::NativeChanges,
    trie::{Layers, OlderTries},
};

create_exception!(extension, StoreFailure, PyException, "A store operation failed: kind, and what happened.");
create_exception!(extension, MapFull, StoreFailure, "The commit does not fit into the map.");

impl From<StoreError> for PyErr {
    fn from(error: StoreError) -> Self {
        let arguments = (error.kind(), error.to_string());
        if matches!(error, StoreError::MapFull) {
            MapFull::new_err(arguments)
        } else {
            StoreFailure::new_err(arguments)
        }
    }
}

/// Entry of a table as Python objects.
type Entry<'py> = (Bound<'py, PyBytes>, Bound<'py, PyBytes>);

/// An open environment.
#[pyclass(frozen, module = "sequencer.native.extension")]
pub struct NativeStore {
    pub environment: Arc<Environment>,
    /// Tries of older blocks that proofs were asked of.
    pub older: OlderTries,
    /// Tries of pending blocks.
    pub layers: Layers,
}

#[pymethods]
impl NativeStore {
    #[staticmethod]
    fn open(py: Python<'_>, path: PathBuf, read_only: bool, map_bytes: usize) -> PyResult<Self> {
        let environment = py.detach(|| Environment::open(&path, read_only, map_bytes))?;
        Ok(NativeStore { environment, older: OlderTries::default(), layers: Layers::default() })
    }

    fn begin_read(&self, py: Python<'_>) -> PyResult<NativeRead> {
        Ok(NativeRead { transaction: Mutex::new(Some(begin_read(py, &self.environment)?)) })
    }

    fn begin_write(&self, py: Python<'_>) -> PyResult<NativeWrite> {
        Ok(NativeWrite { transaction: Mutex::new(Some(py.detach(|| self.environment.begin_write())?)) })
    }

    /// Double the map.
    fn grow(&self, py: Python<'_>) -> PyResult<()> {
        Ok(py.detach(|| self.environment.grow())?)
    }

    /// How many blocks are committed, but not settled.
    fn pending_blocks(&self, py: Python<'_>) -> PyResult<u64> {
        let transaction = begin_read(py, &self.environment)?;
        let (oldest, head) = (super::oldest_pending(&transaction)?, super::head_of(&transaction)?);
        Ok(oldest.zip(head).map_or(0, |(oldest, head)| super::number_of(&head) + 1 - oldest))
    }

    /// Give back the slots of readers that were killed; returns how many there were.
    fn check_readers(&self, py: Python<'_>) -> PyResult<usize> {
        Ok(py.detach(|| self.environment.check_readers())?)
    }

    fn close(&self, py: Python<'_>) {
        py.detach(|| self.environment.close());
    }

    /// The state at the block whose number and hash are `mark`.
    fn state_at(&self, mark: [u8; 40]) -> NativeState {
        NativeState { state: StateAt::new(self.environment.clone(), mark) }
    }
}

/// Begin a look; the GIL is only released where it has to wait.
fn begin_read(py: Python<'_>, environment: &Arc<Environment>) -> Result<ReadTxn, StoreError> {
    match environment.try_begin_read()? {
        Some(transaction) => Ok(transaction),
        None => py.detach(|| environment.begin_read()),
    }
}

fn table_of(name: &[u8]) -> Result<Table, StoreError> {
    Table::named(name).ok_or_else(|| StoreError::Failed("no such table".into()))
}

fn entry<'py>(py: Python<'py>, (key, value): (&[u8], &[u8])) -> Entry<'py> {
    (PyBytes::new(py, key), PyBytes::new(py, value))
}

/// Up to `limit` entries from `key` on; `after` leaves out an entry with that very key.
fn page<'py>(
    py: Python<'py>,
    entries: super::environment::Entries<'_>,
    key: &[u8],
    after: bool,
    limit: usize,
) -> Result<Vec<Entry<'py>>, StoreError> {
    let mut found = Vec::new();
    for item in entries {
        let item = item?;
        if after && item.0 == key {
            continue;
        }
        found.push(entry(py, item));
        if found.len() >= limit {
            break;
        }
    }
    Ok(found)
}

/// A consistent look; ends with `end`, or when Python lets go of it.
#[pyclass(frozen, module = "sequencer.native.extension")]
pub struct NativeRead {
    transaction: Mutex<Option<ReadTxn>>,
}

#[pymethods]
impl NativeRead {
    fn get<'py>(&self, py: Python<'py>, table: &[u8], key: &[u8]) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let guard = self.transaction.lock();
        let transaction = guard.as_ref().ok_or(StoreError::Closed)?;
        Ok(transaction.get(table_of(table)?, key)?.map(|value| PyBytes::new(py, value)))
    }

    fn page<'py>(
        &self,
        py: Python<'py>,
        table: &[u8],
        key: &[u8],
        after: bool,
        limit: usize,
    ) -> PyResult<Vec<Entry<'py>>> {
        let guard = self.transaction.lock();
        let transaction = guard.as_ref().ok_or(StoreError::Closed)?;
        Ok(page(py, transaction.from_key(table_of(table)?, key)?, key, after, limit)?)
    }

    fn count(&self, table: &[u8]) -> PyResult<u64> {
        let guard = self.transaction.lock();
        Ok(guard.as_ref().ok_or(StoreError::Closed)?.count(table_of(table)?)?)
    }

    fn end(&self) {
        drop(self.transaction.lock().take());
    }
}

/// The transaction that changes the store; ends with `commit`, or with `end`, which forgets it, in the thread that began it.
#[pyclass(frozen, module = "sequencer.native.extension")]
pub struct NativeWrite {
    pub transaction: Mutex<Option<WriteTxn>>,
}

#[pymethods]
impl NativeWrite {
    fn get<'py>(&self, py: Python<'py>, table: &[u8], key: &[u8]) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let guard = self.transaction.lock();
        let transaction = guard.as_ref().ok_or(StoreError::Closed)?;
        Ok(transaction.get(table_of(table)?, key)?.map(|value| PyBytes::new(py, value)))
    }

    fn page<'py>(
        &self,
        py: Python<'py>,
        table: &[u8],
        key: &[u8],
        after: bool,
        limit: usize,
    ) -> PyResult<Vec<Entry<'py>>> {
        let guard = self.transaction.lock();
        let transaction = guard.as_ref().ok_or(StoreError::Closed)?;
        Ok(page(py, transaction.from_key(table_of(table)?, key)?, key, after, limit)?)
    }

    fn count(&self, table: &[u8]) -> PyResult<u64> {
        let guard = self.transaction.lock();
        Ok(guard.as_ref().ok_or(StoreError::Closed)?.count(table_of(table)?)?)
    }

    fn put(&self, table: &[u8], key: &[u8], value: &[u8]) -> PyResult<()> {
        let mut guard = self.transaction.lock();
        Ok(guard.as_mut().ok_or(StoreError::Closed)?.put(table_of(table)?, key, value)?)
    }

    fn delete(&self, table: &[u8], key: &[u8]) -> PyResult<()> {
        let mut guard = self.transaction.lock();
        Ok(guard.as_mut().ok_or(StoreError::Closed)?.delete(table_of(table)?, key)?)
    }

    /// Remove every entry of a table.
    fn clear(&self, py: Python<'_>, table: &[u8]) -> PyResult<()> {
        let table = table_of(table)?;
        let mut guard = self.transaction.lock();
        let transaction = guard.as_mut().ok_or(StoreError::Closed)?;
        Ok(py.detach(|| transaction.clear(table))?)
    }

    fn commit(&self, py: Python<'_>) -> PyResult<()> {
        let transaction = self.transaction.lock().take().ok_or(StoreError::Closed)?;
        Ok(py.detach(|| transaction.commit())?)
    }

    fn end(&self) {
        drop(self.transaction.lock().take());
    }
}

/// The flat state at one block; Rust rooms take its `state`.
#[pyclass(frozen, module = "sequencer.native.extension")]
pub struct NativeState {
    pub state: StateAt,
}

impl NativeState {
    fn begin(&self, py: Python<'_>) -> Result<ReadTxn, StoreError> {
        self.state.place(begin_read(py, &self.state.env)?)
    }
}

#[pymethods]
impl NativeState {
    /// Encoded value by key: `a` | address, `s` | address | slot, `c` | code hash; empty where there is nothing.
    fn encoded<'py>(&self, py: Python<'py>, key: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
        let transaction = self.begin(py)?;
        Ok(PyBytes::new(py, self.state.encoded(&transaction, key)?))
    }

    /// The same for many keys, in one look.
    fn encoded_many<'py>(&self, py: Python<'py>, keys: Vec<Vec<u8>>) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        let transaction = self.begin(py)?;
        let values = py.detach(|| {
            let transaction = transaction;
            let read = |key: &Vec<u8>| self.state.encoded(&transaction, key).map(<[u8]>::to_vec);
            keys.iter().map(read).collect::<Result<Vec<_>, StoreError>>()
        })?;
        Ok(values.iter().map(|value| PyBytes::new(py, value)).collect())
    }

    /// Raise where the state can not be read.
    fn check(&self, py: Python<'_>) -> PyResult<()> {
        self.begin(py)?;
        Ok(())
    }

    #[getter]
    fn mark(&self) -> [u8; 40] {
        self.state.mark
    }
}

/// A genesis file: its content without the accounts, as JSON, and the accounts; None for one of an unusual form.
#[pyfunction]
fn read_genesis(py: Python<'_>, path: PathBuf) -> PyResult<Option<(String, NativeChanges)>> {
    let found = py.detach(|| genesis::read_genesis(&std::fs::read(path)?).map_err(std::io::Error::from));
    Ok(found.ok().map(|(header, changes)| (header, NativeChanges::new(Arc::new(changes)))))
}

/// Add the room's classes to the extension's module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<NativeStore>()?;
    module.add_function(wrap_pyfunction!(read_genesis, module)?)?;
    module.add_class::<NativeRead>()?;
    module.add_class::<NativeWrite>()?;
    module.add_class::<NativeState>()?;
    module.add("StoreFailure", module.py().get_type::<StoreFailure>())?;
    module.add("MapFull", module.py().get_type::<MapFull>())
}
