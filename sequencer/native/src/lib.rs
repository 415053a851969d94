//! The hot path of Braid as one Python extension: store, trie, sender recovery, the native engine,
//! and the front of the HTTP server.
//!
//! This file is the Python door: it registers the classes and functions that each room exports, and nothing else.
//! Every call that works longer than microseconds releases the GIL; a panic becomes a Python exception.

use pyo3::prelude::*;

pub mod block_stm;
pub mod changes;
pub mod dataclass;
pub mod engine;
pub mod http;
pub mod mailbox;
pub mod recovery;
#[cfg(test)]
pub mod scene;
pub mod state;
pub mod store;
pub mod trie;

/// Threads make values that others drop: an allocator that is made for it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `sequencer.native.extension`
#[pymodule]
fn extension(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<changes::NativeChanges>()?;
    http::register(module)?;
    recovery::register(module)?;
    store::register(module)?;
    trie::register(module)?;
    engine::register(module)
}
