//! The durable store: one LMDB environment a data directory, in the layout of `docs/spec/store.md`.
//!
//! ```text
//! Environment   the open environment: the gate that lets the map grow, read and write transactions
//! ReadTxn       one consistent look, for one thread at a time; it may move between threads
//! StateAt       the flat state at one block, at the head or back through the reverse changes
//! ```
//!
//! Other rooms hold an `Arc<Environment>` and read without Python. This room is the only door to `heed`.

mod commit;
mod environment;
mod error;
pub mod flat;
mod gate;
mod genesis;
mod pending;
mod python;
mod reverse;
mod state_at;
mod tables;
#[cfg(test)]
mod tests;

pub use commit::apply_changes;
pub use environment::{Environment, ReadTxn, WriteTxn};
pub use error::StoreError;
pub use pending::{oldest_pending, settle, split_values};
pub use python::{NativeState, NativeStore, NativeWrite, register};
pub use reverse::changes_back_to;
pub use state_at::{Mark, StateAt, canonical_hash, head_in, head_of, mark_of, number_of};
pub use tables::Table;
