//! Committed state: any Python StateReader, or the store without the way through Python.

use std::fmt;
use std::sync::Arc;

use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256};
use op_revm::revm::bytecode::Bytecode;
use op_revm::revm::database_interface::DBErrorMarker;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::cache::{CodeCache, CommittedCache};
use super::guesses::Guesses;
use crate::changes::FlatAccount;
use crate::store::{ReadTxn, StateAt, StoreError};

/// Why a read gave nothing.
#[derive(Clone, Debug)]
pub enum ReadError {
    /// A Python reader raised: the exception goes back to the caller as it was.
    Python(Arc<PyErr>),
    /// The store could not be read.
    Store(String),
    /// A speculative run wants a value that only the ordered commit knows: it waits for its turn.
    Turn,
}

impl fmt::Display for ReadError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Python(error) => write!(formatter, "{error}"),
            Self::Store(reason) => write!(formatter, "{reason}"),
            Self::Turn => write!(formatter, "the value is known at the transaction's turn only"),
        }
    }
}

impl std::error::Error for ReadError {}
impl DBErrorMarker for ReadError {}

impl From<PyErr> for ReadError {
    fn from(error: PyErr) -> Self {
        Self::Python(Arc::new(error))
    }
}

impl From<StoreError> for ReadError {
    fn from(error: StoreError) -> Self {
        Self::Python(Arc::new(PyErr::from(error)))
    }
}

/// A committed state; every thread reads through a session of its own.
pub trait Source: Send + Sync {
    fn session(&self) -> Result<Box<dyn Session + '_>, ReadError>;
}

/// Reads of one thread during one slice or call.
pub trait Session {
    fn account(&mut self, address: &Address) -> Result<Option<FlatAccount>, ReadError>;
    fn storage(&mut self, address: &Address, slot: &U256) -> Result<U256, ReadError>;
    fn code(&mut self, hash: &B256) -> Result<Bytes, ReadError>;

    /// Whether any slot of the account is not zero; a state that can not tell says no (`state/reader.py`).
    fn has_storage(&mut self, _: &Address) -> Result<bool, ReadError> {
        Ok(false)
    }
}

/// Any object with the methods of `sequencer.state.reader.StateReader`.
pub struct PythonSource(pub Py<PyAny>);

impl Source for PythonSource {
    fn session(&self) -> Result<Box<dyn Session + '_>, ReadError> {
        Ok(Box::new(PythonSession(&self.0)))
    }
}

struct PythonSession<'a>(&'a Py<PyAny>);

impl Session for PythonSession<'_> {
    fn account(&mut self, address: &Address) -> Result<Option<FlatAccount>, ReadError> {
        Python::attach(|py| {
            let found = self.0.bind(py).call_method1("account", (PyBytes::new(py, address.as_slice()),))?;
            if found.is_none() { Ok(None) } else { account_from_python(&found).map(Some) }
        })
        .map_err(ReadError::from)
    }

    fn storage(&mut self, address: &Address, slot: &U256) -> Result<U256, ReadError> {
        Python::attach(|py| {
            let key = u256_to_python(py, slot)?;
            let found = self.0.bind(py).call_method1("storage", (PyBytes::new(py, address.as_slice()), key))?;
            u256_from_python(&found)
        })
        .map_err(ReadError::from)
    }

    fn code(&mut self, hash: &B256) -> Result<Bytes, ReadError> {
        Python::attach(|py| {
            let found = self.0.bind(py).call_method1("code", (PyBytes::new(py, hash.as_slice()),))?;
            Ok(Bytes::copy_from_slice(found.extract::<&[u8]>()?))
        })
        .map_err(|error: PyErr| ReadError::from(error))
    }

    fn has_storage(&mut self, address: &Address) -> Result<bool, ReadError> {
        Python::attach(|py| {
            let state = self.0.bind(py);
            if !state.hasattr("has_storage")? {
                return Ok(false);
            }
            state.call_method1("has_storage", (PyBytes::new(py, address.as_slice()),))?.extract()
        })
        .map_err(|error: PyErr| ReadError::from(error))
    }
}

impl Source for StateAt {
    fn session(&self) -> Result<Box<dyn Session + '_>, ReadError> {
        Ok(Box::new(StoreSession { state: self, transaction: self.begin()? }))
    }
}

/// One look at the store, for as long as the session lives.
struct StoreSession<'a> {
    state: &'a StateAt,
    transaction: ReadTxn,
}

impl Session for StoreSession<'_> {
    fn account(&mut self, address: &Address) -> Result<Option<FlatAccount>, ReadError> {
        Ok(self.state.account(&self.transaction, address)?)
    }

    fn storage(&mut self, address: &Address, slot: &U256) -> Result<U256, ReadError> {
        Ok(self.state.storage(&self.transaction, address, slot)?)
    }

    fn code(&mut self, hash: &B256) -> Result<Bytes, ReadError> {
        Ok(self.state.code(&self.transaction, hash)?.ok_or(StoreError::Unavailable)?)
    }
}

/// An `Account` of Python, by its attributes.
pub fn account_from_python(account: &Bound<'_, PyAny>) -> PyResult<FlatAccount> {
    let code_hash = account.getattr("code_hash")?;
    let code_hash: &[u8] = code_hash.extract()?;
    Ok(FlatAccount {
        nonce: account.getattr("nonce")?.extract()?,
        balance: u256_from_python(&account.getattr("balance")?)?,
        code_hash: B256::try_from(code_hash).map_err(|_| pyo3::exceptions::PyValueError::new_err("code hash"))?,
    })
}

/// A Python integer of up to 256 bits.
pub fn u256_from_python(number: &Bound<'_, PyAny>) -> PyResult<U256> {
    if let Ok(small) = number.extract::<u64>() {
        return Ok(U256::from(small));
    }
    let bytes = number.call_method1("to_bytes", (32, "big"))?;
    let bytes: &[u8] = bytes.extract()?;
    Ok(U256::from_be_slice(bytes))
}

/// The Python integer of the same value.
pub fn u256_to_python<'py>(py: Python<'py>, number: &U256) -> PyResult<Bound<'py, PyAny>> {
    if let Ok(small) = u64::try_from(*number) {
        return Ok(small.into_pyobject(py)?.into_any());
    }
    let bytes = PyBytes::new(py, &number.to_be_bytes::<32>());
    py.get_type::<pyo3::types::PyInt>().call_method1("from_bytes", (bytes, "big"))
}

/// The committed state of one block: a source, with what this process keeps of it before it.
#[derive(Clone)]
pub struct Base {
    pub source: Arc<dyn Source>,
    pub cache: Arc<CommittedCache>,
    pub codes: Arc<CodeCache>,
    /// Which content of the cache belongs to this block.
    pub generation: u64,
    /// What one run may take for the source's word; whoever gives them checks them.
    pub guesses: Option<Arc<Guesses>>,
}

impl Base {
    pub fn reader(&self) -> Result<BaseReader<'_>, ReadError> {
        Ok(BaseReader { base: self, session: self.source.session()? })
    }
}

/// One thread's way to committed state: the cache first, then guesses where there are any, then the source.
pub struct BaseReader<'a> {
    base: &'a Base,
    session: Box<dyn Session + 'a>,
}

impl BaseReader<'_> {
    pub fn account(&mut self, address: &Address) -> Result<Option<FlatAccount>, ReadError> {
        let (cache, generation) = (&self.base.cache, self.base.generation);
        if let Some(found) = cache.account(generation, address) {
            return Ok(found);
        }
        if let Some(guess) = self.base.guesses.as_ref().and_then(|guesses| guesses.account(address)) {
            return Ok(guess);
        }
        let found = self.session.account(address)?;
        cache.keep_account(generation, *address, found);
        Ok(found)
    }

    pub fn storage(&mut self, address: &Address, slot: &U256) -> Result<U256, ReadError> {
        let (cache, generation) = (&self.base.cache, self.base.generation);
        if let Some(found) = cache.storage(generation, address, slot) {
            return Ok(found);
        }
        if let Some(guess) = self.base.guesses.as_ref().and_then(|guesses| guesses.storage(address, slot)) {
            return Ok(guess);
        }
        let found = self.session.storage(address, slot)?;
        cache.keep_storage(generation, *address, *slot, found);
        Ok(found)
    }

    /// Whether an account that has neither nonce nor code has storage; what runs in a block can not change that.
    pub fn has_storage(&mut self, address: &Address) -> Result<bool, ReadError> {
        match self.account(address)? {
            Some(account) if account.nonce == 0 && account.code_hash == KECCAK256_EMPTY => {
                self.session.has_storage(address)
            }
            _ => Ok(false),
        }
    }

    /// The code with that hash, with its jump table.
    pub fn code(&mut self, hash: &B256) -> Result<Bytecode, ReadError> {
        if *hash == KECCAK256_EMPTY {
            return Ok(Bytecode::default());
        }
        if let Some(found) = self.base.codes.get(hash) {
            return Ok(found);
        }
        let code = to_bytecode(self.session.code(hash)?);
        self.base.codes.keep(*hash, code.clone());
        Ok(code)
    }
}

/// Bytes of an account's code as the interpreter takes them.
pub fn to_bytecode(code: Bytes) -> Bytecode {
    Bytecode::new_raw_checked(code.clone()).unwrap_or_else(|_| Bytecode::new_legacy(code))
}
