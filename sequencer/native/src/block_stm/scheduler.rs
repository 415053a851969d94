//! Guesses, before anything runs: which transactions wait for which, and whether threads pay for this slice at all.
//!
//! A wrong guess costs time, never a result. Known from the transactions themselves: one sender's transactions follow
//! each other, and one that pays a later sender comes before it. Learned: a call whose results did not hold at its turn,
//! by contract and selector and by its first argument, follows the last one of its kind from then on.

use std::sync::Arc;

use alloy_primitives::map::HashMap;
use alloy_primitives::{Address, TxKind};

use crate::engine::Parsed;

/// Gas of a call of which nothing is known yet.
const UNKNOWN_GAS: f64 = 50_000.0;

/// What the average transaction must use for threads to pay: below, the way through shared memory costs what they gain.
const LEAST_AVERAGE_GAS: f64 = 25_000.0;

/// What a slice must use in all for threads to pay: they have to be woken.
const LEAST_SLICE_GAS: f64 = 2_000_000.0;

/// A chain of dependent transactions that holds this part of the slice's gas leaves nothing for a second thread.
const LONGEST_CHAIN: f64 = 0.75;

/// Share of runs that did not hold from which on calls of a kind follow each other.
const CONFLICT_SHARE: f64 = 0.3;

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

/// What was learned of calls so far.
#[derive(Default)]
pub struct Planner {
    kinds: HashMap<CallKind, Record>,
}

/// How a slice is run.
pub enum Plan {
    Sequential,
    /// For each transaction the one that it waits for.
    Parallel(Vec<Option<u32>>),
}

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
    /// One transaction was committed; `is_conflict`: its run ahead of its turn did not hold.
    pub fn learn(&mut self, transaction: &Parsed, gas_used: u64, is_conflict: bool) {
        let Some(kind) = coarse(transaction) else { return };
        if self.kinds.len() > REMEMBERED {
            self.kinds.clear();
        }
        self.record(kind, gas_used, is_conflict);
        let known = fine(transaction, &kind).filter(|fine| is_conflict || self.kinds.contains_key(fine));
        if let Some(fine) = known {
            self.record(fine, gas_used, is_conflict);
        }
    }

    fn record(&mut self, kind: CallKind, gas_used: u64, is_conflict: bool) {
        let (gas, conflict) = (gas_used as f64, f64::from(u8::from(is_conflict)));
        let record = self.kinds.entry(kind).or_insert(Record { gas, conflicts: conflict });
        record.gas += NEWEST * (gas - record.gas);
        record.conflicts += NEWEST * (conflict - record.conflicts);
    }

    fn chained(&self, transaction: &Parsed, coarse: &CallKind) -> Option<CallKind> {
        let is_hot = |kind: &CallKind| self.kinds.get(kind).is_some_and(|record| record.conflicts > CONFLICT_SHARE);
        if is_hot(coarse) {
            return Some(*coarse);
        }
        fine(transaction, coarse).filter(is_hot)
    }

    /// The plan of a slice on `threads` threads.
    pub fn plan(&self, transactions: &[Arc<Parsed>], threads: usize) -> Plan {
        if threads < 2 || transactions.len() < 2 {
            return Plan::Sequential;
        }
        let mut last: HashMap<Address, u32> = HashMap::default();
        let mut last_of_kind: HashMap<CallKind, u32> = HashMap::default();
        let mut waits: Vec<Option<u32>> = Vec::with_capacity(transactions.len());
        let mut ends: Vec<f64> = Vec::with_capacity(transactions.len());
        let (mut total, mut longest) = (0.0, 0.0f64);
        for (place, transaction) in transactions.iter().enumerate() {
            let Parsed::User(user) = &**transaction else { return Plan::Sequential };
            let (env, place) = (&user.env, place as u32);
            let kind = coarse(transaction);
            let gas = kind.and_then(|kind| self.kinds.get(&kind)).map_or(UNKNOWN_GAS, |record| record.gas);
            let gas = gas.min(env.gas_limit as f64);
            let chain = kind.and_then(|kind| self.chained(transaction, &kind));
            let mut wait = last.get(&env.caller).copied();
            if let Some(kind) = chain {
                wait = wait.max(last_of_kind.insert(kind, place));
            }
            if let TxKind::Call(to) = env.kind
                && (!env.value.is_zero() || env.data.is_empty())
            {
                wait = wait.max(last.insert(to, place));
            }
            last.insert(env.caller, place);
            let start = wait.map_or(0.0, |earlier| ends[earlier as usize]);
            total += gas;
            longest = longest.max(start + gas);
            ends.push(start + gas);
            waits.push(wait);
        }
        let average = total / transactions.len() as f64;
        if average < LEAST_AVERAGE_GAS || total < LEAST_SLICE_GAS || longest > LONGEST_CHAIN * total {
            return Plan::Sequential;
        }
        Plan::Parallel(waits)
    }
}
