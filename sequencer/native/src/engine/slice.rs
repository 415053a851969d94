//! What all runs of a slice share: outcomes, room in the block, what fee recipients are owed, and the run in sequence.

use std::sync::Arc;

use alloy_primitives::map::{HashMap, HashSet};
use alloy_primitives::{Address, B256, Bloom, Bytes, Log, U256};
use op_revm::revm::bytecode::Bytecode;

use super::access::AccessRecord;
use super::environment::Environment;
use super::machine::{FeeParameters, Machine, StateView};
use super::outcome::{Executed, Payments, Write};
use super::receipt::Receipt;
use super::transaction::{Parsed, UserTransaction};
use super::verdict::InvalidReason;
use crate::block_stm::Ahead;
use crate::changes::FlatAccount;
use crate::state::{Base, BaseReader, Location, Overlay, ReadError, Slots};

/// What one transaction became.
#[expect(clippy::large_enum_variant, reason = "nearly every outcome is the large one")]
pub enum Outcome {
    Included(Standing),
    Invalid(InvalidReason),
    Deferred,
}

/// An included transaction's receipt, in parts and encoded; no bloom where there are no logs.
pub struct Standing {
    /// The consensus encoding, made at the commit: on threads, while others run.
    pub receipt: Bytes,
    pub bloom: Option<Bloom>,
    pub logs: Vec<Log>,
    pub is_success: bool,
    pub cumulative_gas: u64,
    pub gas_used: u64,
    pub deposit_nonce: Option<u64>,
}

/// What an included transaction leaves for the block's state and records.
pub struct Trace {
    pub access: AccessRecord,
    pub codes: Vec<(B256, Bytecode)>,
    /// What its run ahead of its turn says of its kind.
    pub ahead: Ahead,
}

/// Where one transaction ended: for whoever asked, and for the block; nothing is left of what is not included.
pub struct Done {
    pub outcome: Outcome,
    pub trace: Option<Trace>,
}

impl Done {
    pub fn invalid(reason: InvalidReason) -> Self {
        Self { outcome: Outcome::Invalid(reason), trace: None }
    }

    /// There was no room: judged invalid, or for another block.
    pub fn without_room(reason: Option<InvalidReason>) -> Self {
        Self { outcome: reason.map_or(Outcome::Deferred, Outcome::Invalid), trace: None }
    }

    /// `room` has what the block used up with this transaction.
    pub fn included(transaction: &Parsed, executed: Executed, room: &Room) -> Self {
        let receipt = Receipt {
            kind: transaction.kind(),
            is_success: executed.is_success,
            cumulative_gas_used: room.gas_used,
            bloom: executed.bloom.as_ref().unwrap_or(&Bloom::ZERO),
            logs: &executed.logs,
            deposit_nonce: executed.deposit_nonce,
        };
        let standing = Standing {
            receipt: Bytes::from(receipt.encode()),
            bloom: executed.bloom,
            logs: executed.logs,
            is_success: executed.is_success,
            cumulative_gas: room.gas_used,
            gas_used: executed.gas_used,
            deposit_nonce: executed.deposit_nonce,
        };
        let access = AccessRecord {
            reads: executed.reads,
            own_slots: executed.own_slots,
            writes: executed.writes,
            payments: executed.payments,
            runs: 1,
            conflict: None,
        };
        let trace = Trace { access, codes: executed.codes, ahead: Ahead::Nothing };
        Self { outcome: Outcome::Included(standing), trace: Some(trace) }
    }

    /// How often it ran, what did not hold after the run ahead of its turn, and what that says of its kind.
    pub fn after_runs(mut self, runs: u32, conflict: Option<Location>, ahead: Ahead) -> Self {
        if let Some(trace) = &mut self.trace {
            (trace.access.runs, trace.access.conflict, trace.ahead) = (runs, conflict, ahead);
        }
        self
    }
}

/// What the block has used up so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Room {
    pub gas_used: u64,
    pub blob_gas_used: u64,
}

impl Room {
    pub fn fits(&self, transaction: &UserTransaction, environment: &Environment) -> bool {
        transaction.env.gas_limit <= environment.gas_limit.saturating_sub(self.gas_used)
            && transaction.blob_gas() <= environment.max_blob_gas().saturating_sub(self.blob_gas_used)
    }

    pub fn take(&mut self, transaction: &Parsed, executed: &Executed) {
        self.gas_used += executed.gas_used;
        if let Parsed::User(user) = transaction {
            self.blob_gas_used += user.blob_gas();
        }
    }
}

/// What the recipients are owed since their accounts were last written: sums that nobody had to look at.
#[derive(Clone, Copy, Debug, Default)]
pub struct Owed {
    sums: [Option<U256>; 4],
}

impl Owed {
    pub fn add(&mut self, payments: &Payments) {
        for (sum, payment) in self.sums.iter_mut().zip(payments.0) {
            if let Some(wei) = payment {
                *sum = Some(sum.unwrap_or_default() + wei);
            }
        }
    }

    /// Accounts that the transaction wrote hold all that was owed before.
    pub fn settle(&mut self, environment: &Environment, writes: &[Write]) {
        for write in writes {
            if let Write::Account(address, _) = write
                && let Some(index) = environment.recipient(address)
            {
                self.sums[index] = None;
            }
        }
    }

    pub fn is_owed(&self, index: usize) -> bool {
        self.sums[index].is_some()
    }

    /// The recipient's account when it has got what it is owed; even nothing ends an empty account (EIP-161).
    pub fn pay(&self, index: usize, account: Option<FlatAccount>) -> Option<FlatAccount> {
        let Some(wei) = self.sums[index] else { return account };
        if wei.is_zero() {
            return account.filter(|account| !account.is_empty());
        }
        let account = account.unwrap_or_default();
        Some(FlatAccount { balance: account.balance.wrapping_add(wei), ..account })
    }
}

/// The block's values and the state below a slice.
#[derive(Clone, Copy)]
pub struct Ground<'a> {
    pub environment: &'a Environment,
    pub base: &'a Base,
    pub overlay: &'a Overlay,
    pub fees: Option<FeeParameters>,
}

impl Ground<'_> {
    pub fn account(&self, reader: &mut BaseReader<'_>, address: &Address) -> Result<Option<FlatAccount>, ReadError> {
        match self.overlay.account(address) {
            Some(account) => Ok(account),
            None => reader.account(address),
        }
    }

    pub fn storage(&self, reader: &mut BaseReader<'_>, address: &Address, slot: &U256) -> Result<U256, ReadError> {
        match self.overlay.storage(address, slot) {
            Some(value) => Ok(value),
            None => reader.storage(address, slot),
        }
    }

    pub fn code(&self, reader: &mut BaseReader<'_>, hash: &B256) -> Result<Bytecode, ReadError> {
        match self.overlay.code(hash) {
            Some(code) => Ok(code.clone()),
            None => reader.code(hash),
        }
    }
}

/// The state while a slice runs in sequence.
pub struct SequentialView<'a> {
    ground: Ground<'a>,
    reader: BaseReader<'a>,
    pub owed: Owed,
    accounts: HashMap<Address, Option<FlatAccount>>,
    storage: Slots<U256>,
    wiped: HashSet<Address>,
    codes: HashMap<B256, Bytecode>,
}

impl<'a> SequentialView<'a> {
    pub fn new(ground: Ground<'a>) -> Result<Self, ReadError> {
        Ok(Self {
            reader: ground.base.reader()?,
            ground,
            owed: Owed::default(),
            accounts: HashMap::default(),
            storage: Slots::default(),
            wiped: HashSet::default(),
            codes: HashMap::default(),
        })
    }

    pub fn apply(&mut self, executed: &Executed) {
        self.owed.settle(self.ground.environment, &executed.writes);
        for write in &executed.writes {
            match write {
                Write::Account(address, account) => drop(self.accounts.insert(*address, *account)),
                Write::Slot(address, slot, value) => *self.storage.entry(*address, *slot, || *value) = *value,
                Write::Wipe(address) => {
                    self.storage.remove_all(address);
                    self.wiped.insert(*address);
                }
            }
        }
        self.codes.extend(executed.codes.iter().cloned());
        self.owed.add(&executed.payments);
    }
}

impl StateView for SequentialView<'_> {
    fn account(&mut self, address: &Address) -> Result<Option<FlatAccount>, ReadError> {
        let account = match self.accounts.get(address) {
            Some(account) => *account,
            None => self.ground.account(&mut self.reader, address)?,
        };
        Ok(match self.ground.environment.recipient(address) {
            Some(index) => self.owed.pay(index, account),
            None => account,
        })
    }

    fn storage(&mut self, address: &Address, slot: &U256) -> Result<U256, ReadError> {
        if let Some(value) = self.storage.get(address, slot) {
            return Ok(*value);
        }
        if !self.wiped.is_empty() && self.wiped.contains(address) {
            return Ok(U256::ZERO);
        }
        self.ground.storage(&mut self.reader, address, slot)
    }

    fn has_storage(&mut self, address: &Address) -> Result<bool, ReadError> {
        self.reader.has_storage(address)
    }

    fn code(&mut self, hash: &B256) -> Result<Bytecode, ReadError> {
        match self.codes.get(hash) {
            Some(code) => Ok(code.clone()),
            None => self.ground.code(&mut self.reader, hash),
        }
    }
}

/// One transaction after another. Fee parameters are read at the first user transaction: after the block's deposits.
pub struct Sequence<'a> {
    ground: Ground<'a>,
    pub machine: Machine<SequentialView<'a>>,
}

impl<'a> Sequence<'a> {
    pub fn new(ground: Ground<'a>) -> Result<Self, ReadError> {
        let view = SequentialView::new(ground)?;
        Ok(Self { ground, machine: Machine::new(ground.environment, ground.fees, view) })
    }

    /// The parameters that the state holds now.
    pub fn read_fees(&mut self) -> Result<FeeParameters, ReadError> {
        FeeParameters::read(self.machine.view())
    }

    pub fn run(&mut self, transaction: &Parsed, room: &mut Room) -> Result<Done, ReadError> {
        if let Parsed::User(user) = transaction {
            if self.machine.fees.is_none() && self.ground.environment.is_optimism {
                self.machine.fees = Some(self.read_fees()?);
            }
            if !room.fits(user, self.ground.environment) {
                let reason = self.machine.judge(user)?;
                return Ok(Done::without_room(reason));
            }
        }
        let executed = self.machine.run(transaction)?;
        if let Some(reason) = executed.verdict {
            return Ok(Done::invalid(reason));
        }
        self.machine.view().apply(&executed);
        room.take(transaction, &executed);
        Ok(Done::included(transaction, executed, room))
    }
}

/// What a slice leaves for the open block: of each transaction its outcome, and its trace.
#[derive(Default)]
pub struct Finished {
    pub outcomes: Vec<Outcome>,
    pub traces: Vec<Option<Trace>>,
    pub room: Room,
    pub owed: Owed,
    pub fees: Option<FeeParameters>,
    /// Threads gave up before the end, since too little of what they ran held.
    pub is_cut_short: bool,
}

impl Finished {
    pub fn with_capacity(count: usize, room: Room) -> Self {
        let (outcomes, traces) = (Vec::with_capacity(count), Vec::with_capacity(count));
        Self { outcomes, traces, room, ..Self::default() }
    }

    pub fn push(&mut self, done: Done) {
        self.outcomes.push(done.outcome);
        self.traces.push(done.trace);
    }
}

/// Run transactions in sequence over `ground`.
pub fn run_in_sequence(ground: Ground<'_>, transactions: &[Arc<Parsed>], room: Room) -> Result<Finished, ReadError> {
    let mut sequence = Sequence::new(ground)?;
    let mut finished = Finished::with_capacity(transactions.len(), room);
    for transaction in transactions {
        let done = sequence.run(transaction, &mut finished.room)?;
        finished.push(done);
    }
    (finished.owed, finished.fees) = (sequence.machine.view().owed, sequence.machine.fees);
    Ok(finished)
}
