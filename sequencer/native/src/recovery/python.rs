//! Python's `Transaction` values from decoded transactions.

use alloy_primitives::U256;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyInt, PyList, PyTuple};
use pyo3::{IntoPyObjectExt, intern};

use super::transaction::{AccessListEntry, Authorization, Transaction};
use crate::dataclass::Dataclass;

const MODULE: &str = "sequencer.primitives.transaction";

/// The fields of `Transaction` in the order in which `make` fills them.
const TRANSACTION_FIELDS: [&str; 19] = [
    "type",
    "chain_id",
    "nonce",
    "max_priority_fee_per_gas",
    "max_fee_per_gas",
    "gas_limit",
    "to",
    "value",
    "data",
    "access_list",
    "authorizations",
    "y_parity",
    "r",
    "s",
    "raw",
    "hash",
    "sender",
    "max_fee_per_blob_gas",
    "blob_hashes",
];

/// The classes of `sequencer.primitives.transaction`.
pub struct Classes {
    transaction: Dataclass,
    access_list_entry: Dataclass,
    authorization: Dataclass,
}

static CLASSES: PyOnceLock<Classes> = PyOnceLock::new();

impl Classes {
    /// Looked up once.
    pub fn get(py: Python<'_>) -> PyResult<&Self> {
        CLASSES.get_or_try_init(py, || {
            let authorization = ["chain_id", "address", "nonce", "y_parity", "r", "s"];
            Ok(Self {
                transaction: Dataclass::find(py, MODULE, "Transaction", &TRANSACTION_FIELDS)?,
                access_list_entry: Dataclass::find(py, MODULE, "AccessListEntry", &["address", "slots"])?,
                authorization: Dataclass::find(py, MODULE, "Authorization", &authorization)?,
            })
        })
    }

    /// One value, or None, for each of `raws`.
    pub fn make_all<'py>(
        &self,
        py: Python<'py>,
        raws: &[Bound<'py, PyBytes>],
        decoded: Vec<Option<Transaction>>,
    ) -> PyResult<Bound<'py, PyList>> {
        let made = PyList::empty(py);
        for (raw, transaction) in raws.iter().zip(decoded) {
            match transaction {
                Some(transaction) => made.append(self.make(raw, &transaction)?)?,
                None => made.append(py.None())?,
            }
        }
        Ok(made)
    }

    /// The value of `transaction`, whose encoding is `raw`.
    pub fn make<'py>(&self, raw: &Bound<'py, PyBytes>, transaction: &Transaction) -> PyResult<Bound<'py, PyAny>> {
        let py = raw.py();
        let chain_id = transaction.chain_id.map(|id| number(py, id)).transpose()?;
        self.transaction.make(
            py,
            [
                transaction.kind.into_bound_py_any(py)?,
                chain_id.into_bound_py_any(py)?,
                transaction.nonce.into_bound_py_any(py)?,
                number(py, transaction.max_priority_fee_per_gas)?,
                number(py, transaction.max_fee_per_gas)?,
                transaction.gas_limit.into_bound_py_any(py)?,
                transaction.to.map(|to| PyBytes::new(py, to.as_slice())).into_bound_py_any(py)?,
                number(py, transaction.value)?,
                PyBytes::new(py, &raw.as_bytes()[transaction.data.clone()]).into_any(),
                self.access_list(py, &transaction.access_list)?,
                self.authorizations(py, &transaction.authorizations)?,
                transaction.y_parity.into_bound_py_any(py)?,
                number(py, transaction.r)?,
                number(py, transaction.s)?,
                raw.clone().into_any(),
                PyBytes::new(py, transaction.hash.as_slice()).into_any(),
                PyBytes::new(py, transaction.sender.as_slice()).into_any(),
                0_u8.into_bound_py_any(py)?, // blob transactions do not exist on this chain
                PyTuple::empty(py).into_any(),
            ],
        )
    }

    fn access_list<'py>(&self, py: Python<'py>, entries: &[AccessListEntry]) -> PyResult<Bound<'py, PyAny>> {
        let mut made = Vec::with_capacity(entries.len());
        for entry in entries {
            let slots = entry.slots.iter().map(|slot| number(py, *slot)).collect::<PyResult<Vec<_>>>()?;
            let address = PyBytes::new(py, entry.address.as_slice()).into_any();
            made.push(self.access_list_entry.make(py, [address, PyTuple::new(py, slots)?.into_any()])?);
        }
        Ok(PyTuple::new(py, made)?.into_any())
    }

    fn authorizations<'py>(&self, py: Python<'py>, entries: &[Authorization]) -> PyResult<Bound<'py, PyAny>> {
        let mut made = Vec::with_capacity(entries.len());
        for entry in entries {
            let fields = [
                number(py, entry.chain_id)?,
                PyBytes::new(py, entry.address.as_slice()).into_any(),
                entry.nonce.into_bound_py_any(py)?,
                entry.y_parity.into_bound_py_any(py)?,
                number(py, entry.r)?,
                number(py, entry.s)?,
            ];
            made.push(self.authorization.make(py, fields)?);
        }
        Ok(PyTuple::new(py, made)?.into_any())
    }
}

/// A Python integer.
fn number(py: Python<'_>, value: U256) -> PyResult<Bound<'_, PyAny>> {
    if let Ok(small) = u64::try_from(value) {
        return small.into_bound_py_any(py);
    }
    let bytes = PyBytes::new(py, &value.to_be_bytes::<32>());
    py.get_type::<PyInt>().call_method1(intern!(py, "from_bytes"), (bytes, intern!(py, "big")))
}
