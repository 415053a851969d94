//! The way around the interpreter, as revm's `Handler`: charge, run, refund, floor, settlement.
//!
//! Fee recipients are not paid here: what they are owed comes back beside the result (`outcome::Payments`), since these
//! are pure additions that whoever commits results decides how to add up (`execution/transaction_execution.py`).

use std::cell::Cell;
use std::marker::PhantomData;
use std::sync::Arc;

use alloy_primitives::{Address, B256, KECCAK256_EMPTY, U256};
use op_revm::revm::Database;
use op_revm::revm::bytecode::Bytecode;
use op_revm::revm::context::journaled_state::account::JournaledAccountTr;
use op_revm::revm::context::result::{EVMError, HaltReason, InvalidTransaction};
use op_revm::revm::context::{BlockEnv, CfgEnv, Context, Evm, Journal, TxEnv};
use op_revm::revm::context_interface::{ContextTr, JournalTr};
use op_revm::revm::handler::instructions::EthInstructions;
use op_revm::revm::handler::{EthFrame, EthPrecompiles, EvmTr, FrameResult, Handler, ItemOrResult, post_execution};
use op_revm::revm::interpreter::interpreter::EthInterpreter;
use op_revm::revm::interpreter::interpreter_action::FrameInit;
use op_revm::revm::interpreter::{FrameInput, InitialAndFloorGas};
use op_revm::revm::primitives::hardfork::SpecId;
use op_revm::revm::state::AccountInfo;

use super::environment::Environment;
use super::machine::{Charges, StateView, initial_gas};
use super::outcome::Read;
use super::transaction::UserTransaction;
use super::verdict::{InvalidReason, check_sender};
use crate::changes::FlatAccount;
use crate::state::{Location, ReadError, Value};

/// A state with block hashes for the interpreter; it notes every read.
pub struct Db<V> {
    pub view: V,
    pub reads: Vec<Read>,
    pub number: u64,
    pub hashes: Arc<Vec<B256>>,
}

impl<V: StateView> Db<V> {
    fn note(&mut self, location: Location, value: Value) {
        self.reads.push(Read { location, value, is_from_slice: self.view.is_from_slice() });
    }
}

impl<V: StateView> Database for Db<V> {
    type Error = ReadError;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, ReadError> {
        let found = self.view.account(&address)?;
        self.note(Location::Account(address), Value::Account(found));
        Ok(found.map(account_info))
    }

    fn code_by_hash(&mut self, code_hash: B256) -> Result<Bytecode, ReadError> {
        self.view.code(&code_hash)
    }

    fn storage(&mut self, address: Address, slot: U256) -> Result<U256, ReadError> {
        let found = self.view.storage(&address, &slot)?;
        self.note(Location::Slot(address, slot), Value::Slot(found));
        Ok(found)
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, ReadError> {
        let Some(depth) = self.number.checked_sub(number + 1) else { return Ok(B256::ZERO) };
        Ok(self.hashes.get(depth as usize).copied().unwrap_or_default())
    }
}

fn account_info(account: FlatAccount) -> AccountInfo {
    AccountInfo {
        balance: account.balance,
        nonce: account.nonce,
        code_hash: account.code_hash,
        account_id: None,
        code: None,
    }
}

pub type Ctx<V> = Context<BlockEnv, TxEnv, CfgEnv<SpecId>, Db<V>, Journal<Db<V>>, ()>;
pub type Interpreter<V> =
    Evm<Ctx<V>, (), EthInstructions<EthInterpreter, Ctx<V>>, EthPrecompiles, EthFrame<EthInterpreter>>;
pub type RunError = EVMError<ReadError, InvalidTransaction>;

/// Who sends the outermost message, and on which terms.
pub enum Terms<'a> {
    User {
        transaction: &'a UserTransaction,
        charges: &'a Charges,
    },
    Deposit {
        mint: U256,
    },
    /// A call without a trace; the sender is charged `upfront` wei, and nobody asks for its nonce.
    Call {
        upfront: U256,
    },
    System,
}

/// Stands for the code of an account that only has storage, while revm looks whether a contract may be created there.
const OCCUPIED: B256 = B256::with_last_byte(1);

/// One run; `verdict` says why a user transaction did not stand.
pub struct Steps<'a, V> {
    pub environment: &'a Environment,
    pub terms: Terms<'a>,
    pub verdict: Cell<Option<InvalidReason>>,
    pub view: PhantomData<V>,
}

impl<'a, V> Steps<'a, V> {
    pub fn new(environment: &'a Environment, terms: Terms<'a>) -> Self {
        Self { environment, terms, verdict: Cell::new(None), view: PhantomData }
    }
}

impl<V: StateView> Steps<'_, V> {
    /// Begin a frame; its result where it has ended already. Like revm's own, but no contract is created on an account
    /// that has storage (EIP-7610): revm looks at nonce and code alone.
    fn begin_frame(evm: &mut Interpreter<V>, init: FrameInit) -> Result<Option<FrameResult>, RunError> {
        let occupied = Self::find_storage(evm, &init)?;
        if let Some(address) = occupied {
            set_code_hash(evm, &address, OCCUPIED);
        }
        let result = match evm.frame_init(init)? {
            ItemOrResult::Item(_) => None,
            ItemOrResult::Result(result) => Some(result),
        };
        if let Some(address) = occupied {
            set_code_hash(evm, &address, KECCAK256_EMPTY);
        }
        Ok(result)
    }

    /// The address that a creation is bound for, when it has storage but neither nonce nor code.
    fn find_storage(evm: &mut Interpreter<V>, init: &FrameInit) -> Result<Option<Address>, RunError> {
        let FrameInput::Create(inputs) = &init.frame_input else { return Ok(None) };
        let journal = evm.ctx.journal_mut();
        let caller = &journal.load_account(inputs.caller())?.data.info;
        if caller.balance < inputs.value() {
            return Ok(None);
        }
        let address = inputs.created_address(caller.nonce);
        if !journal.db_mut().view.has_storage(&address).map_err(EVMError::Database)? {
            return Ok(None);
        }
        let target = &journal.load_account(address)?.data.info;
        Ok(target.has_no_code_and_nonce().then_some(address))
    }
}

fn set_code_hash<V: StateView>(evm: &mut Interpreter<V>, address: &Address, code_hash: B256) {
    if let Some(account) = evm.ctx.journal_mut().inner.state.get_mut(address) {
        account.info.code_hash = code_hash;
    }
}

impl<V: StateView> Handler for Steps<'_, V> {
    type Evm = Interpreter<V>;
    type Error = RunError;
    type HaltReason = HaltReason;

    /// The form was checked before, the sender is checked when it is charged.
    fn validate(&self, evm: &mut Self::Evm) -> Result<InitialAndFloorGas, RunError> {
        Ok(initial_gas(evm.ctx.tx(), self.environment.spec))
    }

    fn validate_against_state_and_deduct_caller(
        &self,
        evm: &mut Self::Evm,
        _: &mut InitialAndFloorGas,
    ) -> Result<(), RunError> {
        let (tx, journal) = evm.ctx().tx_journal_mut();
        let mut caller = journal.load_account_with_code_mut(tx.caller)?.data;
        let balance = caller.account().info.balance;
        let balance = match &self.terms {
            Terms::User { transaction, charges } => {
                let info = &caller.account().info;
                if let Some(reason) = check_sender(transaction, self.environment, info, charges.cost) {
                    self.verdict.set(Some(reason));
                    return Err(EVMError::Custom(String::new()));
                }
                balance - charges.upfront
            }
            Terms::Deposit { mint } => balance + mint,
            Terms::Call { upfront } => balance.saturating_sub(*upfront),
            Terms::System => balance,
        };
        caller.set_balance(balance);
        if tx.kind.is_call() {
            caller.bump_nonce();
        }
        Ok(())
    }

    fn run_exec_loop(&mut self, evm: &mut Self::Evm, first: FrameInit) -> Result<FrameResult, RunError> {
        if let Some(result) = Self::begin_frame(evm, first)? {
            return Ok(result);
        }
        loop {
            let result = match evm.frame_run()? {
                ItemOrResult::Item(init) => match Self::begin_frame(evm, init)? {
                    Some(result) => result,
                    None => continue,
                },
                ItemOrResult::Result(result) => result,
            };
            if let Some(result) = evm.frame_return_result(result)? {
                return Ok(result);
            }
        }
    }

    fn reimburse_caller(&self, evm: &mut Self::Evm, result: &mut FrameResult) -> Result<(), RunError> {
        if let Terms::User { charges, .. } = &self.terms {
            let extra = charges.operator_fee_limit - charges.operator_fee(result.gas().used());
            post_execution::reimburse_caller(evm.ctx(), result.gas(), extra)?;
        }
        Ok(())
    }

    fn reward_beneficiary(&self, _: &mut Self::Evm, _: &mut FrameResult) -> Result<(), RunError> {
        Ok(())
    }
}
