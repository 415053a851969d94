//! State as the engine sees it: what is committed below a block, and what the open block has changed over it.
//!
//! ```text
//! a transaction      its journal (revm's own)
//! the slice          block_stm::mv_memory while slices run in parallel, else the slice's own changes
//! the open block     overlay
//! committed          cache (in this process), guesses (one run of a slice, checked after it), then a source: the store,
//!                    or any Python StateReader
//! ```

mod cache;
mod guesses;
mod overlay;
mod slots;
mod source;

pub use cache::{CodeCache, CommittedCache};
pub use guesses::Guesses;
pub use overlay::{Overlay, PendingView};
pub use slots::Slots;
pub use source::{Base, BaseReader, PythonSource, ReadError, Session, Source, to_bytecode};
pub use source::{account_from_python, u256_from_python, u256_to_python};

use alloy_primitives::{Address, U256};

use crate::changes::FlatAccount;

/// One thing that a transaction can read or write, by its full key. Code needs none: it is named by its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Location {
    Account(Address),
    Slot(Address, U256),
}

/// The value at a location.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    Account(Option<FlatAccount>),
    Slot(U256),
}
