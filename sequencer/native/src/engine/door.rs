//! The engine as Python sees it: `sequencer/execution/native/engine.py` is the only user of these classes.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use alloy_primitives::{B256, Bytes, TxKind, keccak256};
use op_revm::revm::context_interface::transaction::{AccessList, AccessListItem};
use parking_lot::Mutex;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyDict, PyList, PyTuple};

use super::access::{AccessRecord, EncodedAccess, encode_accesses, encode_location};
use super::call::{CallOutcome, Override, Overrides, halt_name, run_call};
use super::environment::{Environment, address_of};
use super::open_block::{Memory, Mode, OpenBlock};
use super::transaction::{Parsed, message};
use super::values::{Types, address_from, bytes, call_tuple, hash_from, location_from, number_from};
use crate::block_stm::{Hint, Hints};
use crate::changes::{Changes, NativeChanges};
use crate::state::{
    Base, CodeCache, CommittedCache, Guesses, Location, PendingView, PythonSource, ReadError, Source, Value,
    account_from_python, to_bytecode, u256_to_python,
};
use crate::store::NativeState;
use crate::store::flat::{decode_account, decode_value};

/// The last block that was sealed here: its parent, its hash, and what it changed.
type Made = Option<(B256, B256, Arc<Changes>)>;

/// What all blocks of one engine share.
#[pyclass(frozen, module = "sequencer.native.extension")]
pub struct NativeEngine {
    threads: usize,
    mode: Mode,
    types: Arc<Types>,
    memory: Arc<Memory>,
    codes: Arc<CodeCache>,
    cache: Arc<CommittedCache>,
    uncached: Arc<CommittedCache>,
    made: Arc<Mutex<Made>>,
}

#[pymethods]
impl NativeEngine {
    #[new]
    #[pyo3(signature = (threads, *, is_cached = true, is_always_parallel = false))]
    fn new(py: Python<'_>, threads: usize, is_cached: bool, is_always_parallel: bool) -> PyResult<Self> {
        if threads == 0 {
            return Err(PyValueError::new_err("an engine has one thread at least"));
        }
        Ok(Self {
            threads,
            mode: if is_always_parallel { Mode::Always } else { Mode::Planned },
            types: Arc::new(Types::find(py)?),
            memory: Arc::default(),
            codes: Arc::default(),
            cache: Arc::new(CommittedCache::new(true, is_cached)),
            uncached: Arc::new(CommittedCache::new(false, false)),
            made: Arc::default(),
        })
    }

    /// Begin the block of `environment` over `state`.
    fn open_block(
        &self,
        py: Python<'_>,
        environment: &Bound<'_, PyAny>,
        state: &Bound<'_, PyAny>,
    ) -> PyResult<NativeOpenBlock> {
        let environment = Environment::from_python(environment)?;
        let base = self.base(state, Some(environment.parent_hash))?;
        let (memory, threads, mode) = (Arc::clone(&self.memory), self.threads, self.mode);
        let block = py.detach(|| guarded(|| OpenBlock::open(environment, base, memory, threads, mode)))?;
        let (types, made) = (Arc::clone(&self.types), Arc::clone(&self.made));
        Ok(NativeOpenBlock { block: Mutex::new(block), threads, types, made })
    }

    /// Output, gas and the end's name (None: success) of one message; see `execution/calls.py`.
    fn call<'py>(
        &self,
        py: Python<'py>,
        environment: &Bound<'_, PyAny>,
        state: &Bound<'_, PyAny>,
        call: &Bound<'_, PyAny>,
        overrides: &Bound<'_, PyDict>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let environment = Environment::from_python(environment)?;
        let base = self.base(state, None)?;
        let overrides = overrides_from_python(overrides)?;
        let message = message_from_python(call)?;
        let CallOutcome { output, gas_used, error } =
            py.detach(|| guarded(|| run_call(&environment, &base, &overrides, message)))?;
        call_tuple(py, &output, gas_used, error)
    }

    /// How often what happened: a tuple in the order of `NativeCounts`.
    #[getter]
    fn counts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.memory.counts.lock().in_order())
    }
}

impl NativeEngine {
    fn base(&self, state: &Bound<'_, PyAny>, parent: Option<B256>) -> PyResult<Base> {
        let codes = Arc::clone(&self.codes);
        if let Ok(view) = state.cast::<NativeView>() {
            let source: Arc<dyn Source> = Arc::new(view.get().view.clone());
            return Ok(Base { source, cache: Arc::clone(&self.uncached), codes, generation: 0, guesses: None });
        }
        let native = state.getattr("native").ok().and_then(|native| native.cast_into::<NativeState>().ok());
        let Some(native) = native else {
            let source: Arc<dyn Source> = Arc::new(PythonSource(state.clone().unbind()));
            return Ok(Base { source, cache: Arc::clone(&self.uncached), codes, generation: 0, guesses: None });
        };
        let state = native.get().state.clone();
        let is_parent = parent.is_some_and(|parent| state.mark[8..] == parent[..]);
        let Some(parent) = parent.filter(|_| is_parent) else {
            return Ok(Base {
                source: Arc::new(state),
                cache: Arc::clone(&self.uncached),
                codes,
                generation: 0,
                guesses: None,
            });
        };
        let made = self.made.lock();
        let made = made.as_ref().map(|(before, hash, changes)| (*before, *hash, &**changes));
        let generation = self.cache.open(parent, made);
        Ok(Base { source: Arc::new(state), cache: Arc::clone(&self.cache), codes, generation, guesses: None })
    }
}

/// One open block. The chain thread applies; any thread may hold a view.
#[pyclass(frozen, module = "sequencer.native.extension")]
pub struct NativeOpenBlock {
    block: Mutex<OpenBlock>,
    threads: usize,
    types: Arc<Types>,
    made: Arc<Mutex<Made>>,
}

#[pymethods]
impl NativeOpenBlock {
    /// Execute one slice; one outcome a transaction, in the same order. Another thread takes in what the slice changed
    /// while Python's values are made.
    fn apply<'py>(&self, py: Python<'py>, transactions: Vec<Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyList>> {
        let parsed: Vec<_> = parse_all(py, &transactions)?.into_iter().map(Arc::new).collect();
        let run = || guarded(|| self.block.lock().run_slice(&parsed));
        let (outcomes, untaken) = py.detach(run)?;
        let take_in = || guarded(|| self.block.lock().take_in(&parsed, &outcomes, untaken));
        let kinds = parsed.iter().map(|transaction| transaction.kind());
        if self.threads == 1 || outcomes.len() < LEAST_TAKEN_APART {
            py.detach(take_in)?;
            return self.types.outcomes(py, &transactions, kinds, &outcomes);
        }
        std::thread::scope(|scope| {
            let taken = std::thread::Builder::new().spawn_scoped(scope, take_in)?;
            let made = self.types.outcomes(py, &transactions, kinds, &outcomes);
            py.detach(|| taken.join()).unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            made
        })
    }

    /// Keys that the transactions will look at and that this process does not hold.
    fn wanted<'py>(&self, py: Python<'py>, transactions: Vec<Bound<'py, PyAny>>) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        let parsed = parse_all(py, &transactions)?;
        let keys = py.detach(|| self.block.lock().wanted(&parsed));
        Ok(keys.iter().map(|location| bytes(py, &encode_location(location))).collect())
    }

    /// Encoded values by key, from a place that is not trusted: the next slice runs on them, and they are checked.
    fn guess(&self, values: Vec<(Bound<'_, PyBytes>, Bound<'_, PyBytes>)>) -> PyResult<()> {
        let mut guesses = Vec::with_capacity(values.len());
        for (key, value) in &values {
            let location = location_from(key.as_bytes())?;
            let decoded = match location {
                Location::Account(_) => decode_account(value.as_bytes()).map(Value::Account),
                Location::Slot(..) => decode_value(value.as_bytes()).map(Value::Slot),
            };
            guesses.extend(decoded.ok().map(|value| (location, value)));
        }
        self.block.lock().guesses = (!guesses.is_empty()).then(|| Arc::new(Guesses::new(guesses)));
        Ok(())
    }

    /// What others say of the block's transactions: keys read and keys written, by the transaction's hash.
    fn expect(&self, py: Python<'_>, hints: &Bound<'_, PyDict>) -> PyResult<()> {
        let mut decoded = Hints::default();
        let (mut taken, mut keys) = (Vec::new(), 0);
        for (hash, hint) in hints {
            let (reads, writes): (Vec<PyBackedBytes>, Vec<PyBackedBytes>) = hint.extract()?;
            keys += reads.len() + writes.len();
            taken.push((hash_from(hash.extract::<&[u8]>()?)?, reads, writes));
            if keys >= KEYS_AT_ONCE {
                py.detach(|| decode_hints(&taken, &mut decoded))?;
                (taken, keys) = (Vec::new(), 0);
            }
        }
        py.detach(|| {
            decode_hints(&taken, &mut decoded)?;
            self.block.lock().hints = decoded;
            Ok(())
        })
    }

    /// The state after the last slice, immutable.
    fn view(&self, py: Python<'_>) -> NativeView {
        let view = py.detach(|| self.block.lock().view());
        NativeView { view, types: Arc::clone(&self.types) }
    }

    /// A call of the protocol: its output and the name of its failure (None: it ended well); None without code.
    fn system_call<'py>(
        &self,
        py: Python<'py>,
        contract: &[u8],
        data: &[u8],
    ) -> PyResult<Option<(Bound<'py, PyBytes>, Option<&'static str>)>> {
        let (contract, data) = (address_from(contract)?, Bytes::copy_from_slice(data));
        let executed = py.detach(|| guarded(|| self.block.lock().system_call(contract, data)))?;
        Ok(executed.map(|executed| {
            let error = match &executed.halt {
                Some(reason) => Some(halt_name(reason)),
                None => (!executed.is_success).then_some("execution reverted"),
            };
            (bytes(py, &executed.output), error)
        }))
    }

    /// Add to a balance.
    fn credit(&self, py: Python<'_>, address: &[u8], wei: &Bound<'_, PyAny>) -> PyResult<()> {
        let (address, wei) = (address_from(address)?, number_from(wei)?);
        py.detach(|| guarded(|| self.block.lock().credit(address, wei)))
    }

    /// What the block changes so far.
    fn changes(&self, py: Python<'_>) -> NativeChanges {
        NativeChanges::new(py.detach(|| Arc::new(self.block.lock().changes())))
    }

    /// Transactions root, receipts root, bloom.
    fn roots<'py>(&self, py: Python<'py>) -> PyResult<[Bound<'py, PyBytes>; 3]> {
        let (transactions, receipts, bloom) = py.detach(|| guarded(|| self.block.lock().roots()))?;
        Ok([bytes(py, transactions.as_slice()), bytes(py, receipts.as_slice()), bytes(py, bloom.as_slice())])
    }

    /// The block has this hash, and has made these changes: the next one opened over it begins with what is known of its state.
    fn sealed(&self, hash: &[u8], changes: &NativeChanges) -> PyResult<()> {
        let parent = self.block.lock().environment.parent_hash;
        *self.made.lock() = Some((parent, hash_from(hash)?, Arc::clone(&changes.changes)));
        Ok(())
    }

    /// Before the first transaction, of each included transaction, and after the last: lists of `AccessTuple`.
    fn accesses<'py>(&self, py: Python<'py>) -> PyResult<[Bound<'py, PyList>; 3]> {
        let encoded = py.detach(|| {
            let block = self.block.lock();
            let mut recipients = block.recipients.clone();
            let mut encode = |records: &[AccessRecord]| encode_accesses(records, &block.environment, &mut recipients);
            let transactions = encode(&block.accesses);
            let closing = encode(&block.closing);
            let mut before = block.before.clone();
            [encode_accesses(&block.opening, &block.environment, &mut before), transactions, closing]
        });
        let [opening, transactions, closing] = &encoded;
        Ok([access_list(py, opening)?, access_list(py, transactions)?, access_list(py, closing)?])
    }
}

fn parse_all(py: Python<'_>, transactions: &[Bound<'_, PyAny>]) -> PyResult<Vec<Parsed>> {
    let parse = |transaction: &Bound<'_, PyAny>| {
        let sender = address_of(&transaction.getattr(intern!(py, "sender"))?)?;
        let raw = transaction.getattr(intern!(py, "raw"))?;
        Parsed::parse(raw.extract::<&[u8]>()?, sender)
            .map_err(|reason| PyValueError::new_err(format!("a transaction does not decode: {reason}")))
    };
    transactions.iter().map(parse).collect()
}

/// Transactions of a slice from which on a thread of its own takes in what they changed: it costs as much as to start one.
const LEAST_TAKEN_APART: usize = 50;

/// Keys of hints that are taken over from Python before another thread may have the GIL.
const KEYS_AT_ONCE: usize = 4_096;

/// A transaction's hash, keys read and keys written.
type TakenHint = (B256, Vec<PyBackedBytes>, Vec<PyBackedBytes>);

fn decode_hints(taken: &[TakenHint], decoded: &mut Hints) -> PyResult<()> {
    let locations = |keys: &[PyBackedBytes]| keys.iter().map(|key| location_from(key)).collect::<PyResult<Vec<_>>>();
    for (hash, reads, writes) in taken {
        decoded.insert(*hash, Hint { reads: locations(reads)?, writes: locations(writes)? });
    }
    Ok(())
}

/// Keys read, keys written with their values, written accounts with what they were, runs, the key of a conflict.
fn access_list<'py>(py: Python<'py>, records: &[EncodedAccess]) -> PyResult<Bound<'py, PyList>> {
    let pairs = |entries: &[(Vec<u8>, Vec<u8>)]| {
        PyTuple::new(py, entries.iter().map(|(key, value)| (bytes(py, key), bytes(py, value))))
    };
    let made = PyList::empty(py);
    for record in records {
        let reads = PyTuple::new(py, record.reads.iter().map(|key| bytes(py, key)))?;
        let conflict = record.conflict.as_ref().map(|key| bytes(py, key));
        made.append((reads, pairs(&record.writes)?, pairs(&record.before)?, record.runs, conflict))?;
    }
    Ok(made)
}

/// The state after one slice of an open block: a StateReader.
#[pyclass(frozen, module = "sequencer.native.extension")]
pub struct NativeView {
    view: PendingView,
    types: Arc<Types>,
}

#[pymethods]
impl NativeView {
    fn account<'py>(&self, py: Python<'py>, address: &[u8]) -> PyResult<Bound<'py, PyAny>> {
        let address = address_from(address)?;
        let account = py.detach(|| self.view.account(&address))?;
        self.types.account(py, account)
    }

    fn storage<'py>(&self, py: Python<'py>, address: &[u8], slot: &Bound<'_, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let (address, slot) = (address_from(address)?, number_from(slot)?);
        let value = py.detach(|| self.view.storage(&address, &slot))?;
        u256_to_python(py, &value)
    }

    fn code<'py>(&self, py: Python<'py>, code_hash: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
        let hash = hash_from(code_hash)?;
        let code = py.detach(|| self.view.code(&hash))?;
        Ok(bytes(py, &code))
    }
}

/// Run `work`; a panic of ours becomes an error, so that whoever holds the block can go on without it.
pub fn guarded<T>(work: impl FnOnce() -> Result<T, ReadError>) -> PyResult<T> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result.map_err(PyErr::from),
        Err(_) => Err(PyRuntimeError::new_err("the native engine panicked")),
    }
}

fn message_from_python(call: &Bound<'_, PyAny>) -> PyResult<op_revm::revm::context::TxEnv> {
    let to = call.getattr("to")?;
    let kind = if to.is_none() { TxKind::Create } else { TxKind::Call(address_of(&to)?) };
    let data = Bytes::copy_from_slice(call.getattr("data")?.extract::<&[u8]>()?);
    let sender = address_of(&call.getattr("sender")?)?;
    let value = number_from(&call.getattr("value")?)?;
    let mut env = message(sender, kind, call.getattr("gas_limit")?.extract()?, value, data);
    env.gas_price = u128::try_from(number_from(&call.getattr("gas_price")?)?).unwrap_or(u128::MAX);
    let mut items = Vec::new();
    for entry in call.getattr("access_list")?.try_iter()? {
        let (address, slots): (Bound<'_, PyAny>, Bound<'_, PyAny>) = entry?.extract()?;
        let slots = slots.try_iter()?.map(|slot| Ok(B256::from(number_from(&slot?)?.to_be_bytes::<32>())));
        items.push(AccessListItem { address: address_of(&address)?, storage_keys: slots.collect::<PyResult<_>>()? });
    }
    env.access_list = AccessList(items);
    Ok(env)
}

fn overrides_from_python(overrides: &Bound<'_, PyDict>) -> PyResult<Overrides> {
    let mut made = Overrides::default();
    for (address, pretended) in overrides {
        let mut entry = Override::default();
        let account = pretended.getattr("account")?;
        if !account.is_none() {
            entry.account = Some(account_from_python(&account)?);
        }
        let code = pretended.getattr("code")?;
        if !code.is_none() {
            let code = Bytes::copy_from_slice(code.extract::<&[u8]>()?);
            entry.code = Some((keccak256(&code), to_bytecode(code)));
        }
        for item in pretended.getattr("storage")?.call_method0("items")?.try_iter()? {
            let (slot, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = item?.extract()?;
            entry.storage.insert(number_from(&slot)?, number_from(&value)?);
        }
        made.insert(address_of(&address)?, entry);
    }
    Ok(made)
}

/// Add the room's classes to the extension's module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<NativeEngine>()?;
    module.add_class::<NativeOpenBlock>()?;
    module.add_class::<NativeView>()
}
