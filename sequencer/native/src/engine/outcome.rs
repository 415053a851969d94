//! What one transaction did: its result, what it read, what it wrote, and what others are owed.

use alloy_primitives::{Address, B256, Bloom, Bytes, Log, U256};
use op_revm::revm::bytecode::Bytecode;
use op_revm::revm::context::result::HaltReason;
use op_revm::revm::primitives::hardfork::SpecId;
use op_revm::revm::state::{Account, AccountInfo, EvmState};

use super::environment::Environment;
use super::verdict::InvalidReason;
use crate::changes::FlatAccount;
use crate::state::{Location, Overlay, Value};

/// A value that a transaction looked at.
#[derive(Clone, Copy, Debug)]
pub struct Read {
    pub location: Location,
    pub value: Value,
    /// Another run of the same slice had written it.
    pub is_from_slice: bool,
}

/// One change of the flat state; a wipe comes before what is written after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    Account(Address, Option<FlatAccount>),
    Slot(Address, U256, U256),
    Wipe(Address),
}

/// Wei for the recipients of the environment, in its order; None where nothing is paid, not even nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Payments(pub [Option<U256>; 4]);

impl Payments {
    /// A fee paid to a contract that this very transaction destroys goes with it.
    pub fn without(mut self, environment: &Environment, destroyed: &[Address]) -> Self {
        for index in destroyed.iter().filter_map(|address| environment.recipient(address)) {
            self.0[index] = None;
        }
        self
    }
}

/// See the module. With a `verdict` the transaction did not stand, and nothing else counts but the reads.
#[derive(Clone, Debug, Default)]
pub struct Executed {
    pub verdict: Option<InvalidReason>,
    pub is_success: bool,
    pub gas_used: u64,
    pub logs: Vec<Log>,
    /// None where there are no logs.
    pub bloom: Option<Bloom>,
    pub output: Bytes,
    pub halt: Option<HaltReason>,
    pub reads: Vec<Read>,
    /// Slots of contracts made in this very transaction, those that were taken back included: looked at, and nothing
    /// that the state below decides.
    pub own_slots: Vec<Location>,
    pub writes: Vec<Write>,
    pub codes: Vec<(B256, Bytecode)>,
    pub payments: Payments,
    pub destroyed: Vec<Address>,
    pub deposit_nonce: Option<u64>,
}

/// The journal's state after a transaction, with the reads below it.
pub struct Touched {
    pub state: EvmState,
    pub reads: Vec<Read>,
    pub spec: SpecId,
}

impl Executed {
    pub fn invalid(reason: InvalidReason, reads: Vec<Read>) -> Self {
        Self { verdict: Some(reason), reads, ..Self::default() }
    }

    pub fn from_state(touched: Touched) -> Self {
        let mut executed = Self { reads: touched.reads, ..Self::default() };
        executed.writes.reserve(touched.state.len() + 2);
        for (address, account) in touched.state {
            // A creation that was taken back is no longer marked as one: it stands where there was no code.
            if account.is_created() || account.original_info.is_empty_code_hash() {
                executed.own_slots.extend(account.storage.keys().map(|slot| Location::Slot(address, *slot)));
            }
            if account.is_touched() {
                executed.take_account(address, account);
            }
        }
        executed
    }

    fn take_account(&mut self, address: Address, account: Account) {
        let existed = !account.is_loaded_as_not_existing();
        if account.is_selfdestructed() {
            self.destroyed.push(address);
            if existed {
                self.writes.push(Write::Wipe(address));
                self.writes.push(Write::Account(address, None));
            }
            return;
        }
        if account.is_created() && existed {
            self.writes.push(Write::Wipe(address));
        }
        for (slot, value) in &account.storage {
            if value.is_changed() {
                self.writes.push(Write::Slot(address, *slot, value.present_value()));
            }
        }
        let (before, after) = (&account.original_info, &account.info);
        if account.is_empty() {
            if existed {
                self.writes.push(Write::Account(address, None));
            }
            return;
        }
        if existed && same(before, after) {
            return;
        }
        if before.code_hash != after.code_hash
            && let Some(code) = &after.code
            && !code.is_empty()
        {
            self.codes.push((after.code_hash, code.clone()));
        }
        let flat = FlatAccount { nonce: after.nonce, balance: after.balance, code_hash: after.code_hash };
        self.writes.push(Write::Account(address, Some(flat)));
    }
}

/// Into the open block's state, as changes of this slice.
pub fn write_into(overlay: &mut Overlay, slice: u32, writes: &[Write], codes: &[(B256, Bytecode)]) {
    for write in writes {
        match write {
            Write::Account(address, account) => overlay.set_account(slice, *address, *account),
            Write::Slot(address, slot, value) => overlay.set_storage(slice, *address, *slot, *value),
            Write::Wipe(address) => overlay.wipe(slice, *address),
        }
    }
    for (hash, code) in codes {
        overlay.add_code(*hash, code.clone());
    }
}

fn same(before: &AccountInfo, after: &AccountInfo) -> bool {
    before.nonce == after.nonce && before.balance == after.balance && before.code_hash == after.code_hash
}
