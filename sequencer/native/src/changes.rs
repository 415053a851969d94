//! What a block (or a slice, or one transaction) changes in the flat state, as `sequencer/state/changes.py` has it.

use std::sync::Arc;

use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256, map::HashMap, map::HashSet};
use pyo3::{
    exceptions::PyValueError,
    prelude::*,
    sync::PyOnceLock,
    types::{PyBytes, PyDict, PyFrozenSet, PyInt},
};

use crate::store::flat;

/// Nonce, balance in wei and code hash of one address; storage is kept apart, by slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlatAccount {
    pub nonce: u64,
    pub balance: U256,
    pub code_hash: B256,
}

impl Default for FlatAccount {
    fn default() -> Self {
        Self { nonce: 0, balance: U256::ZERO, code_hash: KECCAK256_EMPTY }
    }
}

impl FlatAccount {
    /// No nonce, no balance, no code (EIP-161): such an account does not exist once touched.
    pub fn is_empty(&self) -> bool {
        self.nonce == 0 && self.balance.is_zero() && self.code_hash == KECCAK256_EMPTY
    }
}

/// New values by key. An account of None is deleted, and all its storage with it; a slot of 0 is deleted.
///
/// Storage of an account in `wiped` starts from nothing: older slots are gone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    pub accounts: HashMap<Address, Option<FlatAccount>>,
    pub storage: HashMap<Address, HashMap<U256, U256>>,
    pub codes: HashMap<B256, Bytes>,
    pub wiped: HashSet<Address>,
}

impl Changes {
    /// Number of flat keys with a new value.
    pub fn keys(&self) -> usize {
        self.accounts.len() + self.storage.values().map(|slots| slots.len()).sum::<usize>()
    }

    /// Every flat key with its new value, as caches hold them: `a` | address, `s` | address | slot.
    pub fn encoded(&self) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> + '_ {
        let accounts = self.accounts.iter().map(|(address, account)| {
            ([&b"a"[..], address.as_slice()].concat(), flat::encode_account(account.as_ref()))
        });
        let slots = self.storage.iter().flat_map(|(address, slots)| {
            slots.iter().map(move |(slot, value)| {
                ([&b"s"[..], &flat::slot_key(address, slot)].concat(), flat::encode_value(value))
            })
        });
        accounts.chain(slots)
    }
}

/// The changes as Python sees them: a `StateChanges` whose mappings are made when they are asked for.
#[pyclass(frozen, module = "sequencer.native.extension")]
pub struct NativeChanges {
    pub changes: Arc<Changes>,
    accounts: PyOnceLock<Py<PyAny>>,
    storage: PyOnceLock<Py<PyAny>>,
    codes: PyOnceLock<Py<PyAny>>,
    wiped: PyOnceLock<Py<PyAny>>,
}

impl NativeChanges {
    pub fn new(changes: Arc<Changes>) -> Self {
        NativeChanges {
            changes,
            accounts: PyOnceLock::new(),
            storage: PyOnceLock::new(),
            codes: PyOnceLock::new(),
            wiped: PyOnceLock::new(),
        }
    }
}

#[pymethods]
impl NativeChanges {
    /// The same as `changes`, a `StateChanges` of Python.
    #[staticmethod]
    fn from_python(changes: &Bound<'_, PyAny>) -> PyResult<Self> {
        let mut made = Changes::default();
        for item in items_of(&changes.getattr("accounts")?)? {
            let (address, account) = item?;
            made.accounts.insert(read_address(&address)?, read_account(&account)?);
        }
        for item in items_of(&changes.getattr("storage")?)? {
            let (address, slots) = item?;
            let target = made.storage.entry(read_address(&address)?).or_default();
            for item in items_of(&slots)? {
                let (slot, value) = item?;
                target.insert(read_integer(&slot)?, read_integer(&value)?);
            }
        }
        for item in items_of(&changes.getattr("codes")?)? {
            let (hash, code) = item?;
            made.codes.insert(B256::from(hash.extract::<[u8; 32]>()?), Bytes::from(code.extract::<Vec<u8>>()?));
        }
        for address in changes.getattr("wiped")?.try_iter()? {
            made.wiped.insert(read_address(&address?)?);
        }
        Ok(NativeChanges::new(Arc::new(made)))
    }

    #[getter]
    fn accounts(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let make = || -> PyResult<Py<PyAny>> {
            let class = py.import("sequencer.primitives.account")?.getattr("Account")?;
            let accounts = PyDict::new(py);
            for (address, account) in &self.changes.accounts {
                let value = match account {
                    None => py.None().into_bound(py),
                    Some(account) => class.call1((
                        account.nonce,
                        integer(py, &account.balance)?,
                        PyBytes::new(py, account.code_hash.as_slice()),
                    ))?,
                };
                accounts.set_item(PyBytes::new(py, address.as_slice()), value)?;
            }
            Ok(accounts.into_any().unbind())
        };
        Ok(self.accounts.get_or_try_init(py, make)?.clone_ref(py))
    }

    #[getter]
    fn storage(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let make = || -> PyResult<Py<PyAny>> {
            let storage = PyDict::new(py);
            for (address, slots) in &self.changes.storage {
                let values = PyDict::new(py);
                for (slot, value) in slots {
                    values.set_item(integer(py, slot)?, integer(py, value)?)?;
                }
                storage.set_item(PyBytes::new(py, address.as_slice()), values)?;
            }
            Ok(storage.into_any().unbind())
        };
        Ok(self.storage.get_or_try_init(py, make)?.clone_ref(py))
    }

    #[getter]
    fn codes(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let make = || -> PyResult<Py<PyAny>> {
            let codes = PyDict::new(py);
            for (hash, code) in &self.changes.codes {
                codes.set_item(PyBytes::new(py, hash.as_slice()), PyBytes::new(py, code))?;
            }
            Ok(codes.into_any().unbind())
        };
        Ok(self.codes.get_or_try_init(py, make)?.clone_ref(py))
    }

    #[getter]
    fn wiped(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let make = || -> PyResult<Py<PyAny>> {
            let addresses = self.changes.wiped.iter().map(|address| PyBytes::new(py, address.as_slice()));
            Ok(PyFrozenSet::new(py, addresses)?.into_any().unbind())
        };
        Ok(self.wiped.get_or_try_init(py, make)?.clone_ref(py))
    }

    /// Every flat key with its new value, as caches hold them.
    fn encoded<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let values = PyDict::new(py);
        for (key, value) in self.changes.encoded() {
            values.set_item(PyBytes::new(py, &key), PyBytes::new(py, &value))?;
        }
        Ok(values)
    }
}

type PythonItem<'py> = PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)>;

fn items_of<'py>(mapping: &Bound<'py, PyAny>) -> PyResult<impl Iterator<Item = PythonItem<'py>> + use<'py>> {
    Ok(mapping.call_method0("items")?.try_iter()?.map(|item| item?.extract()))
}

fn read_address(address: &Bound<'_, PyAny>) -> PyResult<Address> {
    Ok(Address::from(*bytes_of::<20>(address)?))
}

/// The content of a bytes object of that size.
fn bytes_of<'a, const SIZE: usize>(value: &'a Bound<'_, PyAny>) -> PyResult<&'a [u8; SIZE]> {
    let found = value.cast::<PyBytes>()?.as_bytes();
    found.try_into().map_err(|_| PyValueError::new_err(format!("{} bytes, not {SIZE}", found.len())))
}

fn read_account(account: &Bound<'_, PyAny>) -> PyResult<Option<FlatAccount>> {
    if account.is_none() {
        return Ok(None);
    }
    Ok(Some(FlatAccount {
        nonce: account.getattr("nonce")?.extract()?,
        balance: read_integer(&account.getattr("balance")?)?,
        code_hash: B256::from(*bytes_of::<32>(&account.getattr("code_hash")?)?),
    }))
}

/// A Python integer of at most 256 bits; raises OverflowError for another.
pub fn read_integer(number: &Bound<'_, PyAny>) -> PyResult<U256> {
    if let Ok(small) = number.extract::<u64>() {
        return Ok(U256::from(small));
    }
    let bytes = number.call_method1("to_bytes", (32, "big"))?;
    Ok(U256::from_be_bytes(bytes.extract::<[u8; 32]>()?))
}

/// The number as a Python integer.
pub fn integer<'py>(py: Python<'py>, number: &U256) -> PyResult<Bound<'py, PyAny>> {
    if let Ok(small) = u64::try_from(*number) {
        return Ok(small.into_pyobject(py)?.into_any());
    }
    let bytes = PyBytes::new(py, &number.to_be_bytes::<32>());
    py.get_type::<PyInt>().call_method1("from_bytes", (bytes, "big"))
}
