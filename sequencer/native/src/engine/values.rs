//! Python's values made here: outcomes, receipts, logs, accounts, as the dataclasses that the layers above know.
//!
//! See `dataclass` for why they are not made by their constructors.

use alloy_primitives::{Address, B256, Bytes, Log, U256};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyTuple};

use super::receipt::DEPOSIT_RECEIPT_VERSION;
use super::slice::{Outcome, Standing};
use super::transaction::DEPOSIT;
use crate::changes::FlatAccount;
use crate::dataclass::Dataclass;
use crate::state::{Location, ReadError, u256_to_python};

/// The classes of `execution/interface.py` and below, found once.
pub struct Types {
    included: Dataclass,
    receipt: Dataclass,
    log: Dataclass,
    invalid: Dataclass,
    deferred: Dataclass,
    account: Dataclass,
    reasons: Py<PyAny>,
    no_bloom: Py<PyBytes>,
    no_logs: Py<PyTuple>,
    canyon: Py<PyAny>,
}

const INTERFACE: &str = "sequencer.execution.interface";
const RECEIPTS: &str = "sequencer.primitives.receipt";
const RECEIPT_FIELDS: [&str; 8] =
    ["type", "status", "cumulative_gas_used", "bloom", "logs", "deposit_nonce", "deposit_receipt_version", "raw"];

impl Types {
    pub fn find(py: Python<'_>) -> PyResult<Self> {
        Ok(Self {
            included: Dataclass::find(py, INTERFACE, "Included", &["transaction", "receipt", "gas_used"])?,
            receipt: Dataclass::find(py, RECEIPTS, "Receipt", &RECEIPT_FIELDS)?,
            log: Dataclass::find(py, RECEIPTS, "Log", &["address", "topics", "data"])?,
            invalid: Dataclass::find(py, INTERFACE, "Invalid", &["transaction", "reason"])?,
            deferred: Dataclass::find(py, INTERFACE, "Deferred", &["transaction"])?,
            account: Dataclass::find(
                py,
                "sequencer.primitives.account",
                "Account",
                &["nonce", "balance", "code_hash"],
            )?,
            reasons: py.import(INTERFACE)?.getattr("InvalidReason")?.unbind(),
            no_bloom: PyBytes::new(py, &[0; 256]).unbind(),
            no_logs: PyTuple::empty(py).unbind(),
            canyon: DEPOSIT_RECEIPT_VERSION.into_pyobject(py)?.into_any().unbind(),
        })
    }

    /// One outcome a transaction.
    pub fn outcomes<'py>(
        &self,
        py: Python<'py>,
        transactions: &[Bound<'py, PyAny>],
        kinds: impl Iterator<Item = u8>,
        outcomes: &[Outcome],
    ) -> PyResult<Bound<'py, PyList>> {
        let made = PyList::empty(py);
        for ((transaction, kind), outcome) in transactions.iter().zip(kinds).zip(outcomes) {
            made.append(self.outcome(py, transaction.clone(), kind, outcome)?)?;
        }
        Ok(made)
    }

    fn outcome<'py>(
        &self,
        py: Python<'py>,
        transaction: Bound<'py, PyAny>,
        kind: u8,
        outcome: &Outcome,
    ) -> PyResult<Bound<'py, PyAny>> {
        match outcome {
            Outcome::Included(standing) => {
                let receipt = self.receipt(py, kind, standing)?;
                self.included.make(py, [transaction, receipt, number(py, standing.gas_used)?])
            }
            Outcome::Invalid(reason) => {
                self.invalid.make(py, [transaction, self.reasons.bind(py).getattr(reason.name())?])
            }
            Outcome::Deferred => self.deferred.make(py, [transaction]),
        }
    }

    fn receipt<'py>(&self, py: Python<'py>, kind: u8, standing: &Standing) -> PyResult<Bound<'py, PyAny>> {
        let none = || py.None().into_bound(py);
        let bloom = match &standing.bloom {
            Some(bloom) => bytes(py, bloom.as_slice()).into_any(),
            None => self.no_bloom.bind(py).clone().into_any(),
        };
        let deposit_nonce = standing.deposit_nonce.map_or_else(|| Ok(none()), |nonce| number(py, nonce))?;
        let version = if kind == DEPOSIT { self.canyon.bind(py).clone() } else { none() };
        let receipt = [
            number(py, u64::from(kind))?,
            number(py, u64::from(standing.is_success))?,
            number(py, standing.cumulative_gas)?,
            bloom,
            self.logs(py, &standing.logs)?,
            deposit_nonce,
            version,
            bytes(py, &standing.receipt).into_any(),
        ];
        self.receipt.make(py, receipt)
    }

    fn logs<'py>(&self, py: Python<'py>, logs: &[Log]) -> PyResult<Bound<'py, PyAny>> {
        if logs.is_empty() {
            return Ok(self.no_logs.bind(py).clone().into_any());
        }
        let mut made = Vec::with_capacity(logs.len());
        for log in logs {
            let topics = PyTuple::new(py, log.topics().iter().map(|topic| bytes(py, topic.as_slice())))?;
            let address = bytes(py, log.address.as_slice()).into_any();
            made.push(self.log.make(py, [address, topics.into_any(), bytes(py, &log.data.data).into_any()])?);
        }
        Ok(PyTuple::new(py, made)?.into_any())
    }

    pub fn account<'py>(&self, py: Python<'py>, account: Option<FlatAccount>) -> PyResult<Bound<'py, PyAny>> {
        let Some(account) = account else { return Ok(py.None().into_bound(py)) };
        let code_hash = bytes(py, account.code_hash.as_slice()).into_any();
        self.account.make(py, [number(py, account.nonce)?, u256_to_python(py, &account.balance)?, code_hash])
    }
}

pub fn bytes<'py>(py: Python<'py>, data: &[u8]) -> Bound<'py, PyBytes> {
    PyBytes::new(py, data)
}

fn number(py: Python<'_>, number: u64) -> PyResult<Bound<'_, PyAny>> {
    Ok(number.into_pyobject(py)?.into_any())
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
    Address::try_from(data).map_err(|_| PyValueError::new_err("an address has 20 bytes"))
}

/// A hash of Python.
pub fn hash_from(data: &[u8]) -> PyResult<B256> {
    B256::try_from(data).map_err(|_| PyValueError::new_err("a hash has 32 bytes"))
}

/// A key of the flat state.
pub fn location_from(key: &[u8]) -> PyResult<Location> {
    match (key.first(), key.len()) {
        (Some(b'a'), 21) => Ok(Location::Account(Address::from_slice(&key[1..]))),
        (Some(b's'), 53) => Ok(Location::Slot(Address::from_slice(&key[1..21]), U256::from_be_slice(&key[21..]))),
        _ => Err(PyValueError::new_err("no key of the flat state")),
    }
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
