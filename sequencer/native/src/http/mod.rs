//! Simple requests over HTTP, read and answered on a thread of Rust: what a wallet or a dApp sends over and over.
//!
//! ```text
//! a simple POST -> its body ------------------------------> Python -> the answer -> written
//!               -> `eth_sendRawTransaction` -> recovered -> Python -> a member of the answer -> written
//! anything else -> the connection goes to Python's server with what came, and stays there
//! ```
//!
//! Nothing is refused here: what this room does not know it gives away (`head`, `call`). A connection has one request
//! at a time under way; what comes meanwhile is not read.

use pyo3::prelude::*;

mod call;
mod connection;
mod front;
mod head;
mod python;
mod response;
#[cfg(test)]
mod tests;

/// Register what this room exports.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<python::HttpFront>()
}
