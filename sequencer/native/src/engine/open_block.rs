//! A block that grows by slices: plans each, runs it in sequence or on threads, and keeps what came of it.

use std::sync::Arc;

use alloy_primitives::map::{HashMap, HashSet};
use alloy_primitives::{Address, B256, Bloom, Bytes, TxKind, U256, address, keccak256};
use alloy_trie::root::ordered_trie_root_encoded;
use op_revm::revm::bytecode::Bytecode;
use op_revm::revm::primitives::hardfork::SpecId;
use parking_lot::{Mutex, RwLock};

use super::access::{AccessRecord, outside};
use super::counts::Counts;
use super::environment::Environment;
use super::machine::FeeParameters;
use super::outcome::{Executed, Payments, Read, Write, write_into};
use super::slice::{Finished, Ground, Outcome, Owed, Room, Sequence, Trace, run_in_sequence};
use super::transaction::Parsed;
use crate::block_stm::{Hints, Job, MvMemory, PATIENCE_GAS, Plan, Planner, Waits, run_parallel};
use crate::changes::{Changes, FlatAccount};
use crate::state::{Base, Guesses, Location, Overlay, PendingView, ReadError, Value};

const BEACON_ROOTS: Address = address!("000F3df6D732807Ef1319fB7B8bB8522d0Beac02");
const HISTORY_STORAGE: Address = address!("0000F90827F1C53a10cb7A02335B175320002935");

/// What lives longer than a block.
#[derive(Default)]
pub struct Memory {
    pub planner: Mutex<Planner>,
    pub counts: Mutex<Counts>,
    versions: Mutex<MvMemory>,
    /// Codes of each thread: a count of references that threads share is a cache line that they fight for.
    codes: Mutex<Vec<HashMap<B256, Bytecode>>>,
}

/// Whether slices go on threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// As the planner guesses.
    Planned,
    /// Always, where there are two transactions: for tests of the commit.
    Always,
}

/// The part of a slice that ran and that the block has not taken in: behind its first `taken` transactions.
pub struct Untaken {
    taken: usize,
    finished: Finished,
}

/// See the module.
pub struct OpenBlock {
    pub environment: Environment,
    pub base: Base,
    memory: Arc<Memory>,
    threads: usize,
    mode: Mode,
    overlay: Arc<RwLock<Overlay>>,
    slice: u32,
    /// A slice came in by half: the state is that of no block.
    is_torn: bool,
    /// What others say of the block's transactions.
    pub hints: Hints,
    /// For the next slice.
    pub guesses: Option<Arc<Guesses>>,
    room: Room,
    fees: Option<FeeParameters>,
    /// Encodings of what stands in the block, and its bloom.
    raws: Vec<Bytes>,
    receipts: Vec<Bytes>,
    bloom: Bloom,
    pub accesses: Vec<AccessRecord>,
    /// What the protocol did before the first transaction, and after the last.
    pub opening: Vec<AccessRecord>,
    pub closing: Vec<AccessRecord>,
    /// The recipients' accounts before the block, and before its first transaction.
    pub before: Vec<Option<FlatAccount>>,
    pub recipients: Vec<Option<FlatAccount>>,
}

impl OpenBlock {
    /// Begin a block over `base`: the protocol's own calls run first (EIP-4788, EIP-2935).
    pub fn open(
        environment: Environment,
        base: Base,
        memory: Arc<Memory>,
        threads: usize,
        mode: Mode,
    ) -> Result<Self, ReadError> {
        let mut block = Self {
            environment,
            base,
            memory,
            threads,
            mode,
            overlay: Arc::default(),
            slice: 0,
            is_torn: false,
            hints: Hints::default(),
            guesses: None,
            room: Room::default(),
            fees: None,
            raws: Vec::new(),
            receipts: Vec::new(),
            bloom: Bloom::ZERO,
            accesses: Vec::new(),
            opening: Vec::new(),
            closing: Vec::new(),
            before: Vec::new(),
            recipients: Vec::new(),
        };
        block.before = block.recipient_accounts()?;
        if block.environment.spec.is_enabled_in(SpecId::CANCUN) {
            block.system_call(BEACON_ROOTS, block.environment.parent_beacon_block_root.0.into())?;
        }
        if block.environment.spec.is_enabled_in(SpecId::PRAGUE) {
            block.system_call(HISTORY_STORAGE, block.environment.parent_hash.0.into())?;
        }
        block.opening = std::mem::take(&mut block.closing);
        block.recipients = block.recipient_accounts()?;
        Ok(block)
    }

    fn recipient_accounts(&self) -> Result<Vec<Option<FlatAccount>>, ReadError> {
        let view = self.view();
        self.environment.paid().iter().map(|who| view.account(who)).collect()
    }

    /// A call of the protocol after the slices so far; None where the contract has no code.
    pub fn system_call(&mut self, contract: Address, data: Bytes) -> Result<Option<Executed>, ReadError> {
        let executed = {
            let overlay = self.overlay.read();
            Sequence::new(self.ground(&self.base, &overlay))?.machine.system_call(contract, data)?
        };
        if let Some(executed) = &executed {
            self.slice += 1;
            write_into(&mut self.overlay.write(), self.slice, &executed.writes, &executed.codes);
            self.closing.push(outside(executed));
        }
        Ok(executed)
    }

    /// Add to a balance; a credit of nothing ends an empty account (EIP-161).
    pub fn credit(&mut self, address: Address, wei: U256) -> Result<(), ReadError> {
        let before = self.view().account(&address)?;
        let mut owed = Owed::default();
        owed.add(&Payments([Some(wei), None, None, None]));
        self.slice += 1;
        let after = owed.pay(0, before);
        self.overlay.write().set_account(self.slice, address, after);
        let location = Location::Account(address);
        self.closing.push(AccessRecord {
            reads: vec![Read { location, value: Value::Account(before), is_from_slice: false }],
            writes: if after == before { Vec::new() } else { vec![Write::Account(address, after)] },
            runs: 1,
            ..AccessRecord::default()
        });
        Ok(())
    }

    fn ground<'a>(&'a self, base: &'a Base, overlay: &'a Overlay) -> Ground<'a> {
        Ground { environment: &self.environment, base, overlay, fees: self.fees }
    }

    /// What the transactions will look at, as far as anybody can tell, and what this process does not hold yet.
    pub fn wanted(&self, transactions: &[Parsed]) -> Vec<Location> {
        let mut wanted: HashSet<Location> = HashSet::default();
        for transaction in transactions {
            let env = transaction.env();
            wanted.insert(Location::Account(env.caller));
            if let TxKind::Call(to) = env.kind {
                wanted.insert(Location::Account(to));
            }
            for item in env.access_list.iter() {
                wanted.insert(Location::Account(item.address));
                wanted.extend(item.storage_keys.iter().map(|key| Location::Slot(item.address, (*key).into())));
            }
            if let Some(hint) = self.hints.get(&keccak256(transaction.raw())).filter(|_| !self.hints.is_empty()) {
                wanted.extend(hint.reads.iter().copied());
            }
        }
        let (overlay, cache, generation) = (self.overlay.read(), &self.base.cache, self.base.generation);
        let is_known = |location: &Location| match location {
            Location::Account(who) => overlay.account(who).is_some() || cache.account(generation, who).is_some(),
            Location::Slot(who, slot) => {
                overlay.storage(who, slot).is_some() || cache.storage(generation, who, slot).is_some()
            }
        };
        wanted.into_iter().filter(|location| !is_known(location)).collect()
    }

    /// The state after the last slice.
    pub fn view(&self) -> PendingView {
        PendingView { overlay: self.overlay.clone(), slice: self.slice, base: self.base.clone() }
    }

    /// Execute one slice in order; one outcome a transaction. The block is whole again when it has taken in the rest.
    pub fn run_slice(&mut self, transactions: &[Arc<Parsed>]) -> Result<(Vec<Outcome>, Untaken), ReadError> {
        self.check_whole()?;
        self.slice += 1;
        let mut finished = match self.guesses.take() {
            None => self.run(&self.base, transactions)?,
            Some(guesses) => self.run_on_guesses(guesses, transactions)?,
        };
        self.is_torn = true;
        let mut outcomes = std::mem::take(&mut finished.outcomes);
        let (done, left) = transactions.split_at(outcomes.len());
        if left.is_empty() {
            return Ok((outcomes, Untaken { taken: 0, finished }));
        }
        self.take_part(done, &outcomes, finished)?;
        let mut finished = {
            let overlay = self.overlay.read();
            run_in_sequence(self.ground(&self.base, &overlay), left, self.room)?
        };
        outcomes.append(&mut finished.outcomes);
        Ok((outcomes, Untaken { taken: done.len(), finished }))
    }

    /// Take in what is left of the slice that ran last; `outcomes` are all of the slice.
    pub fn take_in(
        &mut self,
        transactions: &[Arc<Parsed>],
        outcomes: &[Outcome],
        Untaken { taken, finished }: Untaken,
    ) -> Result<(), ReadError> {
        self.take_part(&transactions[taken..], &outcomes[taken..], finished)?;
        self.is_torn = false;
        Ok(())
    }

    fn take_part(
        &mut self,
        transactions: &[Arc<Parsed>],
        outcomes: &[Outcome],
        finished: Finished,
    ) -> Result<(), ReadError> {
        self.merge(&finished)?;
        self.record(transactions, outcomes, finished.traces);
        Ok(())
    }

    /// Whether every slice came in whole; a block of which one did not can only be abandoned.
    fn check_whole(&self) -> Result<(), ReadError> {
        if self.is_torn {
            return Err(ReadError::Store(
                "a slice of the block came in by half: the block can only be abandoned".into(),
            ));
        }
        Ok(())
    }

    /// Run on guesses while the source is asked for them; again on the source alone where one was wrong, whatever came of it.
    fn run_on_guesses(&self, guesses: Arc<Guesses>, transactions: &[Arc<Parsed>]) -> Result<Finished, ReadError> {
        let guessing = Base { guesses: Some(Arc::clone(&guesses)), ..self.base.clone() };
        let (finished, checked) = std::thread::scope(|scope| {
            let check = scope.spawn(|| guesses.check(&self.base));
            (self.run(&guessing, transactions), check.join())
        });
        match checked {
            Ok(Ok(true)) => finished,
            Ok(Ok(false)) => {
                self.memory.counts.lock().misled_slices += 1;
                self.run(&self.base, transactions)
            }
            Ok(Err(error)) => Err(error),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }

    fn run(&self, base: &Base, transactions: &[Arc<Parsed>]) -> Result<Finished, ReadError> {
        let overlay = self.overlay.read();
        let mut ground = self.ground(base, &overlay);
        let Some(waits) = self.plan(transactions) else {
            self.memory.counts.lock().sequential_slices += 1;
            return run_in_sequence(ground, transactions, self.room);
        };
        if ground.fees.is_none() && self.environment.is_optimism {
            ground.fees = Some(Sequence::new(ground)?.read_fees()?);
        }
        let codes = &self.memory.codes;
        let patience_gas = if self.mode == Mode::Always { u64::MAX } else { PATIENCE_GAS };
        let (room, threads) = (self.room, self.threads);
        let job = Job { codes, ground, transactions, waits: &waits, room, threads, patience_gas };
        let mut versions = self.memory.versions.lock();
        let finished = run_parallel(&job, &versions);
        versions.clear();
        let finished = finished?;
        let mut counts = self.memory.counts.lock();
        counts.parallel_slices += 1;
        let is_whole = finished.outcomes.len() == transactions.len();
        counts.cut_short_slices += u64::from(finished.is_cut_short);
        counts.broken_slices += u64::from(!is_whole && !finished.is_cut_short);
        Ok(finished)
    }

    fn plan(&self, transactions: &[Arc<Parsed>]) -> Option<Waits> {
        let is_plain = transactions.iter().all(|transaction| matches!(**transaction, Parsed::User(_)));
        if self.mode == Mode::Always && is_plain && transactions.len() > 1 {
            return Some(Waits::none(transactions.len()));
        }
        match self.memory.planner.lock().plan(transactions, &self.hints, self.threads) {
            Plan::Sequential => None,
            Plan::Parallel(waits) => Some(waits),
        }
    }

    /// Take what a slice changed into the open block's state.
    fn merge(&mut self, finished: &Finished) -> Result<(), ReadError> {
        let mut overlay = self.overlay.write();
        for trace in finished.traces.iter().flatten() {
            write_into(&mut overlay, self.slice, &trace.access.writes, &trace.codes);
        }
        let mut reader = self.base.reader()?;
        for (index, recipient) in self.environment.paid().iter().enumerate() {
            if !finished.owed.is_owed(index) {
                continue;
            }
            let before = match overlay.account(recipient) {
                Some(account) => account,
                None => reader.account(recipient)?,
            };
            let after = finished.owed.pay(index, before);
            if after != before {
                overlay.set_account(self.slice, *recipient, after);
            }
        }
        self.room = finished.room;
        self.fees = self.fees.or(finished.fees);
        Ok(())
    }

    /// Keep what roots, access lists and the next plan are made of.
    fn record(&mut self, transactions: &[Arc<Parsed>], outcomes: &[Outcome], traces: Vec<Option<Trace>>) {
        let mut planner = self.memory.planner.lock();
        let mut counts = self.memory.counts.lock();
        for ((transaction, outcome), trace) in transactions.iter().zip(outcomes).zip(traces) {
            counts.executed += 1;
            let (Outcome::Included(standing), Some(Trace { access, ahead, .. })) = (outcome, trace) else {
                continue;
            };
            counts.conflicts += u64::from(access.conflict.is_some());
            counts.reexecuted += u64::from(access.runs > 1);
            planner.learn(transaction, standing.gas_used, ahead);
            if let Some(bloom) = &standing.bloom {
                self.bloom |= *bloom;
            }
            self.receipts.push(standing.receipt.clone());
            self.raws.push(transaction.raw().clone());
            self.accesses.push(access);
        }
    }

    /// Everything that the block changes.
    pub fn changes(&self) -> Changes {
        self.overlay.read().changes()
    }

    /// Transactions root, receipts root and bloom of what stands in the block.
    pub fn roots(&self) -> Result<(B256, B256, Bloom), ReadError> {
        self.check_whole()?;
        Ok((ordered_trie_root_encoded(&self.raws), ordered_trie_root_encoded(&self.receipts), self.bloom))
    }
}
