//! Decoding of raw transactions and recovery of their senders, many in one call on all threads, with the GIL released.
//!
//! raw bytes -> decode (fields, signing digest) -> recover (secp256k1) -> Python's `Transaction`, or None: refused.
//! None does not say why: the caller asks Python's own decoder, whose word is the law, and gets its exception.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use queue::RecoveryQueue;

mod fields;
mod python;
mod queue;
mod signature;
mod threads;
mod transaction;

pub use python::Classes;
pub use signature::recover_address;
pub use transaction::{Transaction, decode};

/// Decode and recover each of `raws`, on `threads` threads (0: one a core); one `Transaction` or None for each.
#[pyfunction]
#[pyo3(signature = (raws, threads = 0))]
fn recover_transactions<'py>(
    py: Python<'py>,
    raws: Vec<Bound<'py, PyBytes>>,
    threads: usize,
) -> PyResult<Bound<'py, PyList>> {
    let copies: Vec<Arc<[u8]>> = raws.iter().map(|raw| Arc::from(raw.as_bytes())).collect();
    let threads = if threads == 0 { threads::default_threads() } else { threads };
    let decoded = py.detach(|| threads::map(copies, threads, |raw| transaction::decode(raw)));
    python::Classes::get(py)?.make_all(py, &raws, decoded)
}

/// Estimated bytes that a transaction takes in a batch, in millionths (specs, Fjord): what its L1 fee is counted by.
#[pyfunction]
fn estimate_size_scaled(raw: &[u8]) -> u64 {
    op_revm::estimate_tx_compressed_size(raw)
}

/// Register what this room exports.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<RecoveryQueue>()?;
    module.add_function(wrap_pyfunction!(estimate_size_scaled, module)?)?;
    module.add_function(wrap_pyfunction!(recover_transactions, module)?)
}
