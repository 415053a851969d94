//! Python's values made here: outcomes, receipts, logs, accounts, as the dataclasses that the layers above know.
//!
//! A frozen dataclass costs a microsecond through its constructor; its slots are set one by one here.

use alloy_primitives::{Address, B256, Bytes, U256};
use pyo3::exceptions::{PyKeyError, PyRuntimeError};
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple, PyType};
use pyo3::{ffi, intern, prelude::*};

use super::open_block::Outcome;
use super::verdict::InvalidReason;
use crate::changes::{Changes, FlatAccount};
use crate::state::{ReadError, u256_to_python};

/// The classes, given once by `execution/native/engine.py`.
pub struct Types {
    included: Py<PyType>,
    receipt: Py<PyType>,
    log: Py<PyType>,
    invalid: Py<PyType>,
    deferred: Py<PyType>,
    account: Py<PyType>,
    reasons: Py<PyAny>,
    no_bloom: Py<PyBytes>,
    no_logs: Py<PyTuple>,
    canyon: Py<PyAny>,
}

/// What a transaction says of itself that its receipt repeats.
const DEPOSIT_TYPE: u8 = 0x7E;

impl Types {
    pub fn new(py: Python<'_>, classes: &Bound<'_, PyDict>) -> PyResult<Self> {
        let class = |name: &str| -> PyResult<Py<PyType>> {
            let found = classes.get_item(name)?.ok_or_else(|| PyKeyError::new_err(name.to_owned()))?;
            Ok(found.cast_into::<PyType>()?.unbind())
        };
        let reasons = classes.get_item("InvalidReason")?.ok_or_else(|| PyKeyError::new_err("InvalidReason"))?;
        Ok(Self {
            included: class("Included")?,
            receipt: class("Receipt")?,
            log: class("Log")?,
            invalid: class("Invalid")?,
            deferred: class("Deferred")?,
            account: class("Account")?,
            reasons: reasons.unbind(),
            no_bloom: PyBytes::new(py, &[0; 256]).unbind(),
            no_logs: PyTuple::empty(py).unbind(),
            canyon: 1u8.into_pyobject(py)?.into_any().unbind(),
        })
    }

    pub fn outcome<'py>(
        &self,
        py: Python<'py>,
        transaction: &Bound<'py, PyAny>,
        kind: u8,
        outcome: Outcome,
    ) -> PyResult<Bound<'py, PyAny>> {
        match outcome {
            Outcome::Included(standing) => {
                let receipt = self.receipt(py, kind, &standing)?;
                let made = alloc(py, &self.included)?;
                set(&made, intern!(py, "transaction"), transaction)?;
                set(&made, intern!(py, "receipt"), &receipt)?;
                set(&made, intern!(py, "gas_used"), standing.gas_used.into_pyobject(py)?.as_any())?;
                Ok(made)
            }
            Outcome::Invalid(reason) => {
                let made = alloc(py, &self.invalid)?;
                set(&made, intern!(py, "transaction"), transaction)?;
                set(&made, intern!(py, "reason"), &self.reason(py, reason)?)?;
                Ok(made)
            }
            Outcome::Deferred => {
                let made = alloc(py, &self.deferred)?;
                set(&made, intern!(py, "transaction"), transaction)?;
                Ok(made)
            }
        }
    }

    fn reason<'py>(&self, py: Python<'py>, reason: InvalidReason) -> PyResult<Bound<'py, PyAny>> {
        self.reasons.bind(py).getattr(reason.name())
    }

    fn receipt<'py>(
        &self,
        py: Python<'py>,
        kind: u8,
        standing: &super::open_block::Standing,
    ) -> PyResult<Bound<'py, PyAny>> {
        let none = py.None().into_bound(py);
        let made = alloc(py, &self.receipt)?;
        set(&made, intern!(py, "type"), kind.into_pyobject(py)?.as_any())?;
        set(&made, intern!(py, "status"), u8::from(standing.is_success).into_pyobject(py)?.as_any())?;
        set(&made, intern!(py, "cumulative_gas_used"), standing.cumulative_gas.into_pyobject(py)?.as_any())?;
        match &standing.bloom {
            Some(bloom) => set(&made, intern!(py, "bloom"), PyBytes::new(py, bloom.as_slice()).as_any())?,
            None => set(&made, intern!(py, "bloom"), self.no_bloom.bind(py).as_any())?,
        }
        let mut logs = Vec::with_capacity(standing.logs.len());
        for log in &standing.logs {
            let entry = alloc(py, &self.log)?;
            set(&entry, intern!(py, "address"), PyBytes::new(py, log.address.as_slice()).as_any())?;
            let topics = log.topics().iter().map(|topic| PyBytes::new(py, topic.as_slice()));
            set(&entry, intern!(py, "topics"), PyTuple::new(py, topics)?.as_any())?;
            set(&entry, intern!(py, "data"), PyBytes::new(py, &log.data.data).as_any())?;
            logs.push(entry);
        }
        match logs.is_empty() {
            true => set(&made, intern!(py, "logs"), self.no_logs.bind(py).as_any())?,
            false => set(&made, intern!(py, "logs"), PyTuple::new(py, logs)?.as_any())?,
        }
        match standing.deposit_nonce {
            Some(nonce) => set(&made, intern!(py, "deposit_nonce"), nonce.into_pyobject(py)?.as_any())?,
            None => set(&made, intern!(py, "deposit_nonce"), &none)?,
        }
        let version = if kind == DEPOSIT_TYPE { self.canyon.bind(py) } else { &none };
        set(&made, intern!(py, "deposit_receipt_version"), version)?;
        Ok(made)
    }

    pub fn account<'py>(&self, py: Python<'py>, account: Option<FlatAccount>) -> PyResult<Bound<'py, PyAny>> {
        let Some(account) = account else { return Ok(py.None().into_bound(py)) };
        let made = alloc(py, &self.account)?;
        set(&made, intern!(py, "nonce"), account.nonce.into_pyobject(py)?.as_any())?;
        set(&made, intern!(py, "balance"), &u256_to_python(py, &account.balance)?)?;
        set(&made, intern!(py, "code_hash"), bytes(py, account.code_hash.as_slice()).as_any())?;
        Ok(made)
    }

    /// Accounts, storage, codes and wiped accounts, as `StateChanges` takes them.
    pub fn changes<'py>(&self, py: Python<'py>, changes: &Changes) -> PyResult<Bound<'py, PyTuple>> {
        let (accounts, storage, codes) = (PyDict::new(py), PyDict::new(py), PyDict::new(py));
        for (address, account) in &changes.accounts {
            accounts.set_item(bytes(py, address.as_slice()), self.account(py, *account)?)?;
        }
        for (address, slots) in &changes.storage {
            let values = PyDict::new(py);
            for (slot, value) in slots {
                values.set_item(u256_to_python(py, slot)?, u256_to_python(py, value)?)?;
            }
            storage.set_item(bytes(py, address.as_slice()), values)?;
        }
        for (hash, code) in &changes.codes {
            codes.set_item(bytes(py, hash.as_slice()), bytes(py, code))?;
        }
        let wiped = PyList::new(py, changes.wiped.iter().map(|address| bytes(py, address.as_slice())))?;
        PyTuple::new(py, [accounts.into_any(), storage.into_any(), codes.into_any(), wiped.into_any()])
    }
}

pub fn bytes<'py>(py: Python<'py>, data: &[u8]) -> Bound<'py, PyBytes> {
    PyBytes::new(py, data)
}

fn alloc<'py>(py: Python<'py>, class: &Py<PyType>) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: the class is a heap type without a constructor of its own; what comes back is a new reference or an error.
    unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyType_GenericAlloc(class.as_ptr().cast(), 0)) }
}

fn set(object: &Bound<'_, PyAny>, name: &Bound<'_, PyString>, value: &Bound<'_, PyAny>) -> PyResult<()> {
    // SAFETY: three live objects; the object's own `__setattr__`, which refuses, is passed by as `dataclasses` does it.
    let status = unsafe { ffi::PyObject_GenericSetAttr(object.as_ptr(), name.as_ptr(), value.as_ptr()) };
    if status == 0 { Ok(()) } else { Err(PyErr::fetch(object.py())) }
}

impl From<ReadError> for PyErr {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Python(error) => Python::attach(|py| error.clone_ref(py)),
            other => PyRuntimeError::new_err(other.to_string()),
        }
    }
}

/// An address of Python.
pub fn address_from(data: &[u8]) -> PyResult<Address> {
    Address::try_from(data).map_err(|_| pyo3::exceptions::PyValueError::new_err("an address has 20 bytes"))
}

/// A hash of Python.
pub fn hash_from(data: &[u8]) -> PyResult<B256> {
    B256::try_from(data).map_err(|_| pyo3::exceptions::PyValueError::new_err("a hash has 32 bytes"))
}

/// Output of a call with its end.
pub fn call_tuple<'py>(
    py: Python<'py>,
    output: &Bytes,
    gas_used: u64,
    error: Option<&str>,
) -> PyResult<Bound<'py, PyTuple>> {
    (bytes(py, output), gas_used, error).into_pyobject(py)
}

/// Wei or slots of Python.
pub fn number_from(number: &Bound<'_, PyAny>) -> PyResult<U256> {
    crate::state::u256_from_python(number)
}
