//! Parallel runs against the run in sequence: random slices full of conflicts, on 2 and 4 threads.

use parking_lot::Mutex;

use super::{Job, MvMemory, Waits, run_parallel};
use crate::engine::slice::{Finished, Ground, Outcome, Room, run_in_sequence};
use crate::scene::{COUNTER, Faults, Random, SENDERS, base, call, environment, sender, slice};
use crate::state::Overlay;

/// More than any slice of these tests can lose.
const PATIENT: u64 = u64::MAX;

fn summary(finished: &Finished) -> Vec<String> {
    let mut lines: Vec<String> = finished
        .outcomes
        .iter()
        .zip(&finished.traces)
        .map(|(outcome, trace)| match outcome {
            Outcome::Included(standing) => {
                let trace = trace.as_ref().expect("an included transaction leaves a trace");
                let mut writes: Vec<String> = trace.access.writes.iter().map(|write| format!("{write:?}")).collect();
                writes.sort();
                format!("{} {} {writes:?}", standing.is_success, standing.gas_used)
            }
            Outcome::Invalid(reason) => format!("{reason:?}"),
            Outcome::Deferred => "deferred".into(),
        })
        .collect();
    lines.push(format!("{:?} {:?}", finished.owed, finished.room));
    lines
}

#[test]
fn threads_give_what_the_sequence_gives() {
    let (base, environment, overlay) = (base(Faults::default()), environment(), Overlay::default());
    let ground = Ground { environment: &environment, base: &base, overlay: &overlay, fees: None };
    let mut conflicts = 0;
    for seed in 0..150 {
        let transactions = slice(&mut Random(seed), true);
        let expected = run_in_sequence(ground, &transactions, Room::default()).expect("readable");
        let threads = 2 + 2 * (seed as usize % 2);
        let waits = Waits::none(transactions.len());
        let codes = Mutex::default();
        let (transactions, room) = (&transactions[..], Room::default());
        let job = Job { ground, transactions, waits: &waits, room, threads, codes: &codes, patience_gas: PATIENT };
        let found = run_parallel(&job, &MvMemory::default()).expect("readable");
        assert_eq!(summary(&found), summary(&expected), "seed {seed}");
        conflicts += found.traces.iter().flatten().filter(|trace| trace.access.conflict.is_some()).count();
    }
    assert!(conflicts > 0, "nothing ever conflicted: the test says little");
}

#[test]
fn a_planned_order_runs_every_transaction_once() {
    let (base, environment, overlay) = (base(Faults::default()), environment(), Overlay::default());
    let ground = Ground { environment: &environment, base: &base, overlay: &overlay, fees: None };
    for seed in 0..40 {
        let transactions = slice(&mut Random(seed), false);
        let mut waits = Waits::none(transactions.len());
        for place in 1..transactions.len() {
            waits.counts[place] = 1;
            waits.followers[place - 1].push(place as u32);
        }
        let codes = Mutex::default();
        let job = Job {
            ground,
            transactions: &transactions,
            waits: &waits,
            room: Room::default(),
            threads: 4,
            codes: &codes,
            patience_gas: PATIENT,
        };
        let found = run_parallel(&job, &MvMemory::default()).expect("readable");
        let runs = found.traces.iter().flatten().map(|trace| trace.access.runs);
        assert_eq!(runs.max(), Some(1), "seed {seed}: a chain has no conflicts");
        let expected = run_in_sequence(ground, &transactions, Room::default()).expect("readable");
        assert_eq!(summary(&found), summary(&expected), "seed {seed}");
    }
}

#[test]
fn a_slice_of_which_nothing_holds_is_left_to_the_sequence() {
    let (base, environment, overlay) = (base(Faults::default()), environment(), Overlay::default());
    let ground = Ground { environment: &environment, base: &base, overlay: &overlay, fees: None };
    let transactions: Vec<_> = (0..SENDERS).map(|index| call(sender(index), 0, COUNTER)).collect();
    // the last one runs first: what the others read of the counter is too old for all of them
    let mut waits = Waits::none(transactions.len());
    for place in 1..transactions.len() {
        waits.counts[place - 1] = 1;
        waits.followers[place].push(place as u32 - 1);
    }
    let (codes, room) = (Mutex::default(), Room::default());
    let run = |patience_gas| {
        let (transactions, waits) = (&transactions[..], &waits);
        let job = Job { ground, transactions, waits, room, threads: 2, codes: &codes, patience_gas };
        run_parallel(&job, &MvMemory::default()).expect("readable")
    };
    let (patient, impatient) = (run(PATIENT), run(100_000));
    assert!(!patient.is_cut_short);
    assert_eq!(patient.outcomes.len(), transactions.len());
    assert!(impatient.is_cut_short);
    let expected = run_in_sequence(ground, &transactions[..impatient.outcomes.len()], room).expect("readable");
    assert_eq!(summary(&impatient), summary(&expected), "what was committed is that of the sequence");
    assert!(impatient.outcomes.len() < transactions.len());
}
