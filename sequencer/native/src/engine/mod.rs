//! The native engine: what `sequencer/execution/serial.py` does, on revm.
//!
//! One rule set is a parameter (`Environment`): plain Ethereum by fork, or OP Stack (Isthmus) on top of Prague. The way
//! around the interpreter (verdict, charge, refund, floor, settlement, deposits) is written here once for both, step for
//! step as the reference has it; opcodes, precompiles and the journal are revm's.

mod access;
mod call;
mod counts;
mod door;
mod environment;
mod machine;
mod open_block;
mod outcome;
mod receipt;
pub mod slice;
mod steps;
mod transaction;
mod values;
mod verdict;

#[cfg(test)]
mod breakdown_tests;

pub use door::register;
pub use environment::Environment;
pub use machine::{FeeParameters, Machine, StateView};
pub use outcome::{Executed, Payments, Read, Write};
pub use transaction::{Deposit, Parsed, UserTransaction, message};
pub use verdict::InvalidReason;
