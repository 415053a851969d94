//! The ordered commit: the only place that decides validity, room, cumulative gas, and whether a run holds.

use std::sync::atomic::Ordering;

use super::worker::{IDLE, Shared, SharedView};
use crate::engine::slice::{Done, Finished, Room};
use crate::engine::{Executed, FeeParameters, Machine, Parsed, Read};
use crate::state::{Location, ReadError, Value};

/// How far the slice is decided; held by one thread at a time.
pub struct Commit {
    finished: Finished,
    error: Option<ReadError>,
    /// Gas of runs ahead of their turn that held, and of those that did not.
    held_gas: u64,
    lost_gas: u64,
}

impl Commit {
    pub fn new(room: Room, count: usize) -> Self {
        Self { finished: Finished::with_capacity(count, room), error: None, held_gas: 0, lost_gas: 0 }
    }

    pub fn finish(self, fees: Option<FeeParameters>) -> Result<Finished, ReadError> {
        match self.error {
            Some(error) => Err(error),
            None => Ok(Finished { fees, ..self.finished }),
        }
    }

    /// How many transactions are decided.
    fn decided(&self) -> usize {
        self.finished.outcomes.len()
    }
}

impl<'a> Shared<'a> {
    /// Decide all transactions whose turn it is and whose run is there, unless another thread is at it.
    pub fn commit_ready(&'a self, machine: &mut Machine<SharedView<'a>>) {
        let count = self.slots.len();
        let is_ready = |place: usize| place < count && self.slots[place].status.load(Ordering::Acquire) != IDLE;
        if !is_ready(self.committed.load(Ordering::Acquire)) {
            return;
        }
        let Some(mut commit) = self.commit.try_lock() else { return };
        while is_ready(commit.decided()) {
            let place = commit.decided();
            match self.decide(&mut commit, machine, place) {
                Ok(done) => commit.finished.push(done),
                Err(error) => {
                    commit.error = Some(error);
                    self.is_stopped.store(true, Ordering::Release);
                    return;
                }
            }
            self.committed.store(commit.decided(), Ordering::Release);
            if commit.lost_gas > commit.held_gas.saturating_add(self.job.patience_gas) {
                commit.finished.is_cut_short = commit.decided() < count;
                self.is_stopped.store(true, Ordering::Release);
                return;
            }
        }
    }

    fn decide(
        &'a self,
        commit: &mut Commit,
        machine: &mut Machine<SharedView<'a>>,
        place: usize,
    ) -> Result<Done, ReadError> {
        let transaction = &*self.job.transactions[place];
        let run = self.slots[place].run.lock().take();
        if let Parsed::User(user) = transaction
            && !commit.finished.room.fits(user, self.job.ground.environment)
        {
            self.retract(place, run.as_ref());
            let reason = self.at_its_turn(commit, machine, place, |machine| machine.judge(user))?;
            return Ok(Done::without_room(reason));
        }
        let conflict = run.as_ref().and_then(|run| self.find_conflict(machine, run, place));
        let (mut owed, mut room) = (commit.finished.owed, commit.finished.room);
        let ahead = self.job.waits.told_by(place, run.is_some(), conflict.is_some());
        let (executed, runs) = match run {
            Some(executed) if conflict.is_none() => {
                commit.held_gas = commit.held_gas.saturating_add(executed.gas_used);
                (executed, 1)
            }
            older => {
                let executed = self.at_its_turn(commit, machine, place, |machine| machine.run(transaction))?;
                // what a run without a result had used up nobody knows
                let lost = older.as_ref().map_or(transaction.env().gas_limit, |older| older.gas_used);
                commit.lost_gas = commit.lost_gas.saturating_add(lost);
                let (writes, runs) = older.map_or((Vec::new(), 1), |older| (older.writes, 2));
                self.memory.publish(place as u32, &executed.writes, &executed.codes, &writes);
                owed.settle(self.job.ground.environment, &executed.writes);
                (executed, runs)
            }
        };
        if let Some(reason) = executed.verdict {
            return Ok(Done::invalid(reason));
        }
        owed.add(&executed.payments);
        room.take(transaction, &executed);
        let done = Done::included(transaction, executed, &room).after_runs(runs, conflict, ahead);
        // from here on nothing can panic: sums and outcome come in together
        (commit.finished.owed, commit.finished.room) = (owed, room);
        Ok(done)
    }

    fn at_its_turn<T>(
        &self,
        commit: &Commit,
        machine: &mut Machine<SharedView<'a>>,
        place: usize,
        run: impl FnOnce(&mut Machine<SharedView<'a>>) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        machine.view().place = place as u32;
        machine.view().owed = Some(commit.finished.owed);
        let result = run(machine);
        machine.view().owed = None;
        result
    }

    fn retract(&self, place: usize, run: Option<&Executed>) {
        if let Some(run) = run {
            self.memory.publish(place as u32, &[], &[], &run.writes);
        }
    }

    /// The first thing that the run read and that has another value now.
    fn find_conflict(&self, machine: &mut Machine<SharedView<'a>>, run: &Executed, place: usize) -> Option<Location> {
        let view = machine.view();
        view.place = place as u32;
        run.reads.iter().find(|read| !view.still_holds(read)).map(|read| read.location)
    }
}

impl SharedView<'_> {
    /// What stood below the slice stands there still: only what runs of the slice wrote can have changed.
    fn still_holds(&self, read: &Read) -> bool {
        let (memory, place) = (self.memory(), self.place);
        let now = match &read.location {
            Location::Account(address) => memory.account(address, place).map(Value::Account),
            Location::Slot(address, slot) => memory.storage(address, slot, place).map(Value::Slot),
        };
        now.map_or(!read.is_from_slice, |now| now == read.value)
    }
}
