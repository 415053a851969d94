//! A slice in parallel: speculative runs on threads, and an ordered commit that alone decides.
//!
//! ```text
//! scheduler   which transactions wait for which, and whether threads pay at all
//! worker      runs transactions ahead of their turn over mv_memory, notes what they read
//! commit      in order: a run holds when all that it read still has that value, else it runs again, now, at its turn
//! mv_memory   what runs have written, by full location and by the place of the writer
//! ```
//!
//! The correctness boundary is the commit's check by value (`commit.rs`): whatever the scheduler guesses, whatever order
//! threads run in, the outcome is that of one transaction after another. Fee recipients are owed deferred sums; a run
//! that looks at one of them waits for its turn, where the sum is known.

mod commit;
mod mv_memory;
mod scheduler;
mod worker;

#[cfg(test)]
mod tests;

pub use mv_memory::MvMemory;
pub use scheduler::{Ahead, Hint, Hints, PATIENCE_GAS, Plan, Planner, Waits};
pub use worker::{Job, run_parallel};
