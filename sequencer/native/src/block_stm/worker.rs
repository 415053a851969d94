//! Threads of one slice: runs ahead of their turn over shared memory, and a lock for whoever commits.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicUsize, Ordering};

use alloy_primitives::map::HashMap;
use alloy_primitives::{Address, B256, Bytes, U256};
use op_revm::revm::bytecode::Bytecode;
use parking_lot::Mutex;

use super::commit::Commit;
use super::mv_memory::MvMemory;
use super::scheduler::Waits;
use crate::changes::FlatAccount;
use crate::engine::slice::{Finished, Ground, Owed, Room};
use crate::engine::{Executed, Machine, Parsed, StateView};
use crate::state::{BaseReader, ReadError, to_bytecode};

/// Nobody has run the transaction yet; its run is there; it has to run at its turn.
pub const IDLE: u8 = 0;
pub const RAN: u8 = 1;
pub const AT_ITS_TURN: u8 = 2;

/// One transaction of the slice.
#[derive(Default)]
pub struct Slot {
    pub status: AtomicU8,
    pub run: Mutex<Option<Executed>>,
    /// How many runs it still waits for, and whether a thread has taken it.
    missing: AtomicU32,
    is_taken: AtomicBool,
}

impl Slot {
    fn waiting_for(count: u32) -> Self {
        Self { missing: AtomicU32::new(count), ..Self::default() }
    }

    /// Whether the caller is the one that runs it: nobody is waited for any more, and nobody else has taken it.
    fn take(&self) -> bool {
        self.missing.load(Ordering::Acquire) == 0 && !self.is_taken.swap(true, Ordering::AcqRel)
    }
}

/// A slice to run.
pub struct Job<'a> {
    pub ground: Ground<'a>,
    pub transactions: &'a [Arc<Parsed>],
    pub waits: &'a Waits,
    pub room: Room,
    pub threads: usize,
    /// Gas that runs may lose beyond what they gain until the rest of the slice is left to the sequence.
    pub patience_gas: u64,
    /// Codes of each thread, from slice to slice.
    pub codes: &'a Mutex<Vec<Codes>>,
}

/// Codes by hash.
type Codes = HashMap<B256, Bytecode>;

/// Codes that one thread keeps; beyond, it forgets all.
const KEPT_CODES: usize = 256;

/// What the threads share.
pub struct Shared<'a> {
    pub job: &'a Job<'a>,
    pub memory: &'a MvMemory,
    pub slots: Vec<Slot>,
    next: AtomicUsize,
    pub committed: AtomicUsize,
    pub is_stopped: AtomicBool,
    pub commit: Mutex<Commit>,
}

/// The state that one thread's runs see: at a place, and with what is owed where it is the place's turn.
pub struct SharedView<'a> {
    shared: &'a Shared<'a>,
    reader: BaseReader<'a>,
    /// Accounts that stood below the slice, as far as this thread has looked.
    accounts: HashMap<Address, Option<FlatAccount>>,
    codes: Codes,
    is_from_slice: bool,
    pub place: u32,
    pub owed: Option<Owed>,
}

impl SharedView<'_> {
    pub fn memory(&self) -> &MvMemory {
        self.shared.memory
    }

    /// What stands below the place, without what is owed to a recipient.
    fn written(&mut self, address: &Address) -> Result<Option<FlatAccount>, ReadError> {
        let written = self.shared.memory.account(address, self.place);
        self.is_from_slice = written.is_some();
        if let Some(account) = written.or_else(|| self.accounts.get(address).copied()) {
            return Ok(account);
        }
        let account = self.shared.job.ground.account(&mut self.reader, address)?;
        self.accounts.insert(*address, account);
        Ok(account)
    }
}

impl StateView for SharedView<'_> {
    fn account(&mut self, address: &Address) -> Result<Option<FlatAccount>, ReadError> {
        let Some(index) = self.shared.job.ground.environment.recipient(address) else { return self.written(address) };
        let Some(owed) = self.owed else { return Err(ReadError::Turn) };
        Ok(owed.pay(index, self.written(address)?))
    }

    fn storage(&mut self, address: &Address, slot: &U256) -> Result<U256, ReadError> {
        let written = self.shared.memory.storage(address, slot, self.place);
        self.is_from_slice = written.is_some();
        match written {
            Some(value) => Ok(value),
            None => self.shared.job.ground.storage(&mut self.reader, address, slot),
        }
    }

    fn has_storage(&mut self, address: &Address) -> Result<bool, ReadError> {
        self.reader.has_storage(address)
    }

    fn code(&mut self, hash: &B256) -> Result<Bytecode, ReadError> {
        if let Some(code) = self.codes.get(hash) {
            return Ok(code.clone());
        }
        let code = match self.shared.memory.code(hash) {
            Some(code) => code,
            None => self.shared.job.ground.code(&mut self.reader, hash)?,
        };
        let own = to_bytecode(Bytes::copy_from_slice(code.original_byte_slice()));
        self.codes.insert(*hash, own.clone());
        Ok(own)
    }

    fn is_from_slice(&self) -> bool {
        self.is_from_slice
    }
}

/// Run the slice. Only the part that was committed comes back when something of ours breaks, and when so many runs did
/// not hold that the sequence is the quicker way.
pub fn run_parallel(job: &Job<'_>, memory: &MvMemory) -> Result<Finished, ReadError> {
    let count = job.transactions.len();
    let shared = Shared {
        job,
        memory,
        slots: job.waits.counts.iter().map(|count| Slot::waiting_for(*count)).collect(),
        next: AtomicUsize::new(0),
        committed: AtomicUsize::new(0),
        is_stopped: AtomicBool::new(false),
        commit: Mutex::new(Commit::new(job.room, count)),
    };
    std::thread::scope(|scope| {
        for _ in 1..job.threads {
            scope.spawn(|| shared.work());
        }
        shared.work();
    });
    let fees = job.ground.fees;
    shared.commit.into_inner().finish(fees)
}

impl<'a> Shared<'a> {
    fn work(&'a self) {
        if catch_unwind(AssertUnwindSafe(|| self.run_all())).is_err() {
            self.is_stopped.store(true, Ordering::Release);
        }
    }

    fn run_all(&'a self) {
        let Ok(reader) = self.job.ground.base.reader() else { return };
        let mut codes = self.job.codes.lock().pop().unwrap_or_default();
        if codes.len() > KEPT_CODES {
            codes.clear();
        }
        let view = SharedView {
            shared: self,
            reader,
            accounts: HashMap::default(),
            codes,
            is_from_slice: false,
            place: 0,
            owed: None,
        };
        let ground = &self.job.ground;
        let mut machine = Machine::new(ground.environment, ground.fees, view);
        let mut ready: Vec<u32> = Vec::new();
        while !self.is_over() {
            self.commit_ready(&mut machine);
            match ready.pop().or_else(|| self.take()) {
                Some(place) => self.run(&mut machine, place, &mut ready),
                None if self.next.load(Ordering::Acquire) >= self.slots.len() => std::thread::yield_now(),
                None => {}
            }
        }
        self.job.codes.lock().push(std::mem::take(&mut machine.view().codes));
    }

    fn is_over(&self) -> bool {
        self.committed.load(Ordering::Acquire) >= self.slots.len() || self.is_stopped.load(Ordering::Acquire)
    }

    /// The next transaction that waits for nobody; others are run by whom they wait for last.
    fn take(&self) -> Option<u32> {
        loop {
            let place = self.next.fetch_add(1, Ordering::AcqRel);
            if place >= self.slots.len() {
                return None;
            }
            if self.slots[place].take() {
                return Some(place as u32);
            }
        }
    }

    fn run(&'a self, machine: &mut Machine<SharedView<'a>>, place: u32, ready: &mut Vec<u32>) {
        let slot = &self.slots[place as usize];
        machine.view().place = place;
        let status = match machine.run(&self.job.transactions[place as usize]) {
            Ok(executed) => {
                self.memory.publish(place, &executed.writes, &executed.codes, &[]);
                *slot.run.lock() = Some(executed);
                RAN
            }
            Err(_) => AT_ITS_TURN,
        };
        slot.status.store(status, Ordering::Release);
        for follower in self.job.waits.followers[place as usize].iter().rev() {
            let slot = &self.slots[*follower as usize];
            if slot.missing.fetch_sub(1, Ordering::AcqRel) == 1 && slot.take() {
                ready.push(*follower);
            }
        }
    }
}
