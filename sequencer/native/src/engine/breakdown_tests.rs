//! Panics on threads and in sequence: the block is the same without the thread, or there is an error; never an abort.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use super::door::guarded;
use super::open_block::{Memory, Mode, OpenBlock};
use super::slice::Outcome;
use super::transaction::Parsed;
use crate::changes::Changes;
use crate::scene::{Faults, Random, base, environment, sender, slice};
use crate::state::ReadError;

fn open(memory: &Arc<Memory>, threads: usize, faults: Faults) -> OpenBlock {
    let mode = if threads > 1 { Mode::Always } else { Mode::Planned };
    OpenBlock::open(environment(), base(faults), Arc::clone(memory), threads, mode).expect("readable")
}

fn apply(block: &mut OpenBlock, transactions: &[Arc<Parsed>]) -> Result<Vec<Outcome>, ReadError> {
    let (outcomes, untaken) = block.run_slice(transactions)?;
    block.take_in(transactions, &outcomes, untaken)?;
    Ok(outcomes)
}

/// Everything that the block shows: outcomes, roots, changes.
fn shown(block: &OpenBlock, outcomes: &[Outcome]) -> (Vec<String>, String, Changes) {
    let outcomes = outcomes.iter().map(|outcome| match outcome {
        Outcome::Included(standing) => format!("{} {}", standing.receipt, standing.gas_used),
        Outcome::Invalid(reason) => format!("{reason:?}"),
        Outcome::Deferred => "deferred".into(),
    });
    (outcomes.collect(), format!("{:?}", block.roots().expect("whole")), block.changes())
}

#[test]
fn a_panic_on_a_thread_leaves_the_block_that_the_sequence_makes() {
    let memory = Arc::default();
    for seed in 0..120 {
        let transactions = slice(&mut Random(seed), seed % 2 == 0);
        let mut expected = open(&Arc::default(), 1, Faults::default());
        let outcomes = apply(&mut expected, &transactions).expect("readable");
        let fuse = Arc::new(AtomicI64::new(i64::MAX));
        let mut block =
            open(&memory, 2 + 2 * (seed as usize % 2), Faults { fuse: Some(Arc::clone(&fuse)), broken: None });
        // threads look at all twelve senders: the fuse ends among them
        fuse.store(seed as i64 % 10, Ordering::Release);

        let found = apply(&mut block, &transactions).expect("the sequence goes on");

        assert_eq!(shown(&block, &found), shown(&expected, &outcomes), "seed {seed}");
        assert_eq!(memory.counts.lock().broken_slices, seed + 1, "seed {seed}");
    }
}

#[test]
fn a_panic_in_sequence_too_is_an_error_and_the_engine_goes_on() {
    let transactions = slice(&mut Random(1), false);
    for threads in [1, 4] {
        let memory = Arc::default();
        let broken = Faults { fuse: None, broken: Some(sender(3)) };
        let mut block = open(&memory, threads, broken);

        assert!(guarded(|| apply(&mut block, &transactions)).is_err());

        let mut next = open(&memory, threads, Faults::default());
        let outcomes = apply(&mut next, &transactions).expect("readable");
        let mut expected = open(&Arc::default(), 1, Faults::default());
        let alone = apply(&mut expected, &transactions).expect("readable");
        assert_eq!(shown(&next, &outcomes), shown(&expected, &alone), "{threads} threads");
    }
}

#[test]
fn a_block_of_which_a_slice_came_in_by_half_can_only_be_abandoned() {
    let transactions = slice(&mut Random(1), false);
    let mut block = open(&Arc::default(), 4, Faults { fuse: None, broken: Some(sender(3)) });
    assert!(guarded(|| apply(&mut block, &transactions)).is_err());
    assert!(apply(&mut block, &transactions[..1]).is_err());
    assert!(block.roots().is_err(), "it could be sealed");
}

#[test]
fn a_block_that_has_not_taken_in_its_last_slice_is_not_whole() {
    let transactions = slice(&mut Random(1), false);
    let mut block = open(&Arc::default(), 4, Faults::default());
    let (outcomes, untaken) = block.run_slice(&transactions).expect("readable");
    assert!(block.roots().is_err(), "it could be sealed");
    assert!(block.run_slice(&transactions[..1]).is_err(), "another slice could run over a state of the past");
    block.take_in(&transactions, &outcomes, untaken).expect("readable");
    assert!(block.roots().is_ok());
}
