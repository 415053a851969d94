//! Guesses, before anything runs: which transactions wait for which, and whether threads pay for this slice at all.
//!
//! A wrong guess costs time, never a result. Known from the transactions themselves: one sender's transactions follow
//! each other, and one that pays a later sender comes before it. Learned: a call whose results did not hold at its turn,
//! by contract and selector and by its first argument, follows the last one of its kind from then on.

use std::sync::Arc;

use alloy_primitives::map::HashMap;
use alloy_primitives::{Address, B256, TxKind, keccak256};

use crate::engine::Parsed;
use crate::state::Location;

/// Gas of a call of which nothing is known yet.
const UNKNOWN_GAS: f64 = 50_000.0;

/// What the average transaction must use for threads to pay: below, the way through shared memory costs what they gain.
const LEAST_AVERAGE_GAS: f64 = 25_000.0;

/// What a slice must use in all for threads to pay: they have to be woken. Measured by `python -m bench.slices`; the
/// table is in docs/adr/0021-native-engine.md.
const LEAST_SLICE_GAS: f64 = 3_000_000.0;

/// A chain of dependent transactions that holds this part of the slice's gas leaves nothing for a second thread.
const LONGEST_CHAIN: f64 = 0.75;

/// Share of runs that did not hold from which on calls of a kind follow each other.
const CONFLICT_SHARE: f64 = 0.3;

/// What is left of a kind's share of conflicts when it went where nothing can conflict: in sequence, or behind its own
/// kind. A kind that conflicts always is tried again after some twenty thousand of its transactions.
const KEPT_SHARE: f64 = 1.0 - 1.0 / 16_384.0;

/// Gas that runs may lose beyond what they gain until the rest of a slice goes in sequence.
pub const PATIENCE_GAS: u64 = 6_000_000;

/// Kinds of call that are remembered; beyond, all are forgotten.
const REMEMBERED: usize = 65_536;

/// Weight of the newest observation in averages.
const NEWEST: f64 = 0.1;

/// Its weight in what is said of all calls of a contract and selector: some first arguments that conflict, one after
/// the other, are not all of them.
const NEWEST_OF_ALL: f64 = 1.0 / 32.0;

/// Contract, first four bytes of the data, and first argument or nothing.
type CallKind = (Address, [u8; 4], Option<[u8; 32]>);

#[derive(Clone, Copy)]
struct Record {
    gas: f64,
    conflicts: f64,
}

/// What one transaction's run ahead of its turn said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ahead {
    /// It ran behind nobody, and held.
    Held,
    /// Something that it read had changed by its turn.
    Failed,
    /// It had waited for the last of its kind, and still something had changed.
    FailedBehind,
    /// There was none, or it had waited for others and held: nothing is said.
    Nothing,
}

impl Ahead {
    fn is_failure(self) -> bool {
        matches!(self, Self::Failed | Self::FailedBehind)
    }
}

/// What was learned of calls so far.
#[derive(Default)]
pub struct Planner {
    kinds: HashMap<CallKind, Record>,
}

/// Who waits for whom in a slice.
#[derive(Default)]
pub struct Waits {
    /// For each transaction how many it waits for, and who waits for it.
    pub counts: Vec<u32>,
    pub followers: Vec<Vec<u32>>,
    /// Whether one of them is the last call of its own kind.
    pub is_behind_kind: Vec<bool>,
}

impl Waits {
    /// Nobody waits.
    pub fn none(count: usize) -> Self {
        Self { counts: vec![0; count], followers: vec![Vec::new(); count], is_behind_kind: vec![false; count] }
    }

    /// What a run ahead of its turn says of the transaction's kind, where there was one.
    pub fn told_by(&self, place: usize, has_run: bool, has_failed: bool) -> Ahead {
        match (has_failed, self.is_behind_kind[place]) {
            (true, false) => Ahead::Failed,
            (true, true) => Ahead::FailedBehind,
            (false, _) if has_run && self.counts[place] == 0 => Ahead::Held,
            (false, _) => Ahead::Nothing,
        }
    }

    fn add(&mut self, place: u32, earlier: u32) {
        let followers = &mut self.followers[earlier as usize];
        if followers.last() != Some(&place) {
            followers.push(place);
            self.counts[place as usize] += 1;
        }
    }
}

/// How a slice is run.
pub enum Plan {
    Sequential,
    Parallel(Waits),
}

/// What somebody says that a transaction will read and write.
#[derive(Clone, Debug, Default)]
pub struct Hint {
    pub reads: Vec<Location>,
    pub writes: Vec<Location>,
}

/// Hints by the transaction's hash.
pub type Hints = HashMap<B256, Hint>;

fn coarse(transaction: &Parsed) -> Option<CallKind> {
    let env = transaction.env();
    let TxKind::Call(to) = env.kind else { return None };
    let selector = env.data.first_chunk::<4>().copied().unwrap_or_default();
    Some((to, selector, None))
}

fn fine(transaction: &Parsed, coarse: &CallKind) -> Option<CallKind> {
    let argument = transaction.env().data.get(4..36)?;
    Some((coarse.0, coarse.1, Some(argument.try_into().ok()?)))
}

impl Planner {
    /// One transaction was committed.
    pub fn learn(&mut self, transaction: &Parsed, gas_used: u64, ahead: Ahead) {
        let Some(kind) = coarse(transaction) else { return };
        if self.kinds.len() > REMEMBERED {
            self.kinds.clear();
        }
        let fine = fine(transaction, &kind);
        let is_chained = fine.is_some_and(|fine| self.is_hot(&fine));
        // what the first argument explains says nothing of calls with another one
        let of_all = if ahead == Ahead::Failed && is_chained { Ahead::Nothing } else { ahead };
        self.record(kind, gas_used, of_all);
        if let Some(fine) = fine.filter(|fine| ahead.is_failure() || self.kinds.contains_key(fine)) {
            self.record(fine, gas_used, ahead);
        }
    }

    fn record(&mut self, kind: CallKind, gas_used: u64, ahead: Ahead) {
        let gas = gas_used as f64;
        // a first argument is remembered when it failed
        let (conflicts, newest) = if kind.2.is_some() { (1.0, NEWEST) } else { (0.0, NEWEST_OF_ALL) };
        let record = self.kinds.entry(kind).or_insert(Record { gas, conflicts });
        record.gas += NEWEST * (gas - record.gas);
        match ahead {
            Ahead::Failed | Ahead::FailedBehind => record.conflicts += newest * (1.0 - record.conflicts),
            Ahead::Held => record.conflicts -= newest * record.conflicts,
            Ahead::Nothing => record.conflicts *= KEPT_SHARE,
        }
    }

    fn chained(&self, transaction: &Parsed, coarse: &CallKind) -> Option<CallKind> {
        if self.is_hot(coarse) {
            return Some(*coarse);
        }
        fine(transaction, coarse).filter(|fine| self.is_hot(fine))
    }

    fn is_hot(&self, kind: &CallKind) -> bool {
        self.kinds.get(kind).is_some_and(|record| record.conflicts > CONFLICT_SHARE)
    }

    fn expected_gas(&self, transaction: &Parsed, kind: Option<&CallKind>) -> f64 {
        let known = kind.and_then(|kind| self.kinds.get(kind)).map_or(UNKNOWN_GAS, |record| record.gas);
        known.min(transaction.env().gas_limit as f64)
    }

    /// The plan of a slice on `threads` threads.
    pub fn plan(&self, transactions: &[Arc<Parsed>], hints: &Hints, threads: usize) -> Plan {
        if threads < 2 || transactions.len() < 2 {
            return Plan::Sequential;
        }
        if transactions.iter().any(|transaction| matches!(**transaction, Parsed::Deposit(_))) {
            return Plan::Sequential;
        }
        let kinds: Vec<_> = transactions.iter().map(|transaction| coarse(transaction)).collect();
        let gas: Vec<_> =
            transactions.iter().zip(&kinds).map(|(one, kind)| self.expected_gas(one, kind.as_ref())).collect();
        let total: f64 = gas.iter().sum();
        if total < LEAST_SLICE_GAS || total < LEAST_AVERAGE_GAS * transactions.len() as f64 {
            return Plan::Sequential;
        }
        let mut order = Order::new(transactions.len());
        for ((transaction, kind), gas) in transactions.iter().zip(kinds).zip(gas) {
            let chain = kind.and_then(|kind| self.chained(transaction, &kind));
            let hint = if hints.is_empty() { None } else { hints.get(&keccak256(transaction.raw())) };
            order.push(transaction, gas, chain, hint);
        }
        if order.longest > LONGEST_CHAIN * total {
            return Plan::Sequential;
        }
        Plan::Parallel(order.waits)
    }
}

/// Transactions of a slice as they are put in order: who waits for whom, and how much gas the longest chain holds.
struct Order {
    waits: Waits,
    ends: Vec<f64>,
    longest: f64,
    senders: HashMap<Address, u32>,
    kinds: HashMap<CallKind, u32>,
    writers: HashMap<Location, u32>,
}

impl Order {
    fn new(count: usize) -> Self {
        Self {
            waits: Waits::none(count),
            ends: Vec::with_capacity(count),
            longest: 0.0,
            senders: HashMap::default(),
            kinds: HashMap::default(),
            writers: HashMap::default(),
        }
    }

    fn push(&mut self, transaction: &Parsed, gas: f64, chain: Option<CallKind>, hint: Option<&Hint>) {
        let (env, place) = (transaction.env(), self.ends.len() as u32);
        let mut start = 0.0f64;
        let mut wait = |waits: &mut Waits, ends: &[f64], earlier: Option<u32>| {
            if let Some(earlier) = earlier {
                waits.add(place, earlier);
                start = start.max(ends[earlier as usize]);
            }
        };
        wait(&mut self.waits, &self.ends, self.senders.insert(env.caller, place));
        match hint {
            Some(hint) => {
                for location in &hint.reads {
                    wait(&mut self.waits, &self.ends, self.writers.get(location).copied());
                }
                self.writers.extend(hint.writes.iter().map(|location| (*location, place)));
            }
            None => {
                if let Some(kind) = chain {
                    let last = self.kinds.insert(kind, place);
                    self.waits.is_behind_kind[place as usize] = last.is_some();
                    wait(&mut self.waits, &self.ends, last);
                }
            }
        }
        if let TxKind::Call(to) = env.kind
            && to != env.caller
            && (!env.value.is_zero() || env.data.is_empty())
        {
            wait(&mut self.waits, &self.ends, self.senders.insert(to, place));
        }
        self.longest = self.longest.max(start + gas);
        self.ends.push(start + gas);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::{COUNTER, call, call_with, sender};

    fn slice() -> Vec<Arc<Parsed>> {
        (0..400).map(|index| call(sender(index), 0, COUNTER)).collect()
    }

    fn is_parallel(planner: &Planner) -> bool {
        matches!(planner.plan(&slice(), &Hints::default(), 2), Plan::Parallel(_))
    }

    fn learn(planner: &mut Planner, times: usize, ahead: Ahead) {
        let transaction = call(sender(0), 0, COUNTER);
        for _ in 0..times {
            planner.learn(&transaction, 45_000, ahead);
        }
    }

    #[test]
    fn a_kind_that_conflicts_stays_in_sequence_and_is_tried_again_in_the_end() {
        let mut planner = Planner::default();
        learn(&mut planner, 50, Ahead::Held);
        assert!(is_parallel(&planner));
        learn(&mut planner, 50, Ahead::Failed);
        assert!(!is_parallel(&planner));
        learn(&mut planner, 5_000, Ahead::Nothing);
        assert!(!is_parallel(&planner), "the sequence says nothing about conflicts");
        learn(&mut planner, 20_000, Ahead::Nothing);
        assert!(is_parallel(&planner), "it may have changed by now");
    }

    /// Which transactions of `slice` the planner lets wait for the one before them.
    fn waiting(planner: &Planner, slice: &[Arc<Parsed>]) -> Vec<bool> {
        match planner.plan(slice, &Hints::default(), 2) {
            Plan::Parallel(waits) => waits.counts.iter().map(|count| *count > 0).collect(),
            Plan::Sequential => Vec::new(),
        }
    }

    #[test]
    fn calls_that_conflict_by_their_first_argument_follow_each_other_and_nobody_else() {
        let pool =
            |index: u64, pool: u8| call_with(sender(index), 0, COUNTER, &[&[1, 2, 3, 4][..], &[pool; 32]].concat());
        let mut planner = Planner::default();
        for _ in 0..50 {
            planner.learn(&pool(0, 1), 45_000, Ahead::Failed);
        }
        let slice: Vec<_> = (0..400).map(|index| pool(index, if index % 4 == 0 { 1 } else { 2 })).collect();
        let expected: Vec<_> = (0..400).map(|index| index % 4 == 0 && index > 0).collect();
        assert_eq!(waiting(&planner, &slice), expected);

        // what fails behind its own kind fails by something that all calls share
        for _ in 0..50 {
            planner.learn(&pool(0, 1), 45_000, Ahead::FailedBehind);
        }
        assert!(waiting(&planner, &slice).is_empty(), "one chain of all is left to the sequence");
    }

    #[test]
    fn one_conflict_among_many_does_not_chain_a_kind() {
        let mut planner = Planner::default();
        learn(&mut planner, 1, Ahead::Failed);
        assert!(is_parallel(&planner));
    }
}
