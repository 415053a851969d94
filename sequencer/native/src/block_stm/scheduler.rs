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
    Held,
    Failed,
    /// There was none, or it waited for others: nothing is said.
    Nothing,
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
}

impl Waits {
    /// Nobody waits.
    pub fn none(count: usize) -> Self {
        Self { counts: vec![0; count], followers: vec![Vec::new(); count] }
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
        self.record(kind, gas_used, ahead);
        let is_known = |fine: &CallKind| ahead == Ahead::Failed || self.kinds.contains_key(fine);
        let known = fine(transaction, &kind).filter(is_known);
        if let Some(fine) = known {
            self.record(fine, gas_used, ahead);
        }
    }

    fn record(&mut self, kind: CallKind, gas_used: u64, ahead: Ahead) {
        let gas = gas_used as f64;
        // a first argument is remembered when it failed
        let conflicts = if kind.2.is_some() { 1.0 } else { 0.0 };
        let record = self.kinds.entry(kind).or_insert(Record { gas, conflicts });
        record.gas += NEWEST * (gas - record.gas);
        match ahead {
            Ahead::Failed => record.conflicts += NEWEST * (1.0 - record.conflicts),
            Ahead::Held => record.conflicts -= NEWEST * record.conflicts,
            Ahead::Nothing => record.conflicts *= KEPT_SHARE,
        }
    }

    fn chained(&self, transaction: &Parsed, coarse: &CallKind) -> Option<CallKind> {
        let is_hot = |kind: &CallKind| self.kinds.get(kind).is_some_and(|record| record.conflicts > CONFLICT_SHARE);
        if is_hot(coarse) {
            return Some(*coarse);
        }
        fine(transaction, coarse).filter(is_hot)
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
                    wait(&mut self.waits, &self.ends, self.kinds.insert(kind, place));
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
    use crate::scene::{COUNTER, call, sender};

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

    #[test]
    fn one_conflict_among_many_does_not_chain_a_kind() {
        let mut planner = Planner::default();
        learn(&mut planner, 1, Ahead::Failed);
        assert!(is_parallel(&planner));
    }
}
