//! The Merkle-Patricia tries over the flat state (Yellow Paper, appendix D), kept by path.
//!
//! ```text
//! a                          root slot of the account trie         what hangs at the root: nothing, a leaf, a branch
//! a | 10 | nibbles           a branch of it                        its up to 16 children, leaves included
//! s | keccak(address)        root slot of a storage trie
//! s | keccak(address) | 10 | nibbles
//! ```
//!
//! A block changes the records on the changed paths and no others; nothing of older blocks is kept, since the reverse
//! changes of the flat state lead back to them. The flow of one update:
//!
//! ```text
//! changes -> storage tries (each by itself) -> account trie (16 subtries, on all threads) -> roots and records
//! ```

mod account;
mod history;
mod layers;
mod nodes;
mod path;
mod proof;
mod python;
mod rebuild;
mod record;
mod state;
mod threads;
mod update;
mod view;
mod write;

pub use history::{AccountProof, OlderTries, update_back_to};
pub use layers::Layers;
pub use proof::Proof;
pub use python::{NativeTrieUpdate, register};
pub use rebuild::Rebuild;
pub use state::{ParentState, TrieUpdate, compute, state_root};
pub use threads::threads;
pub use view::{Overlay, View};
pub use write::{put_layers, settle_all};
