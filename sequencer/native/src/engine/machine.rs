//! One interpreter over one view of the state: user transactions, deposits and system calls, one after another.

use std::marker::PhantomData;

use alloy_primitives::{Address, B256, Bytes, TxKind, U256, address};
use op_revm::precompiles::isthmus;
use op_revm::revm::bytecode::Bytecode;
use op_revm::revm::context::journaled_state::account::JournaledAccountTr;
use op_revm::revm::context::result::{EVMError, ExecutionResult};
use op_revm::revm::context::{Context, ContextSetters, TxEnv};
use op_revm::revm::context_interface::{ContextTr, JournalTr};
use op_revm::revm::handler::instructions::EthInstructions;
use op_revm::revm::handler::{EthPrecompiles, Handler};
use op_revm::revm::interpreter::InitialAndFloorGas;
use op_revm::revm::interpreter::instructions::calculate_initial_tx_gas_for_tx;
use op_revm::revm::primitives::hardfork::SpecId;
use op_revm::transaction::estimate_tx_compressed_size;

use super::environment::{Environment, L1_BLOCK};
use super::outcome::{Executed, Payments, Read, Touched};
use super::receipt::logs_bloom;
use super::steps::{Db, Interpreter, RunError, Steps, Terms};
use super::transaction::{BLOB, Deposit, Parsed, UserTransaction, message};
use super::verdict::{MAX_INIT_CODE_BYTES, check_form};
use crate::changes::FlatAccount;
use crate::state::ReadError;

pub const SYSTEM_ADDRESS: Address = address!("fffffffffffffffffffffffffffffffffffffffe");
const SYSTEM_CALL_GAS: u64 = 30_000_000;

/// The state that one transaction after another runs over.
pub trait StateView {
    fn account(&mut self, address: &Address) -> Result<Option<FlatAccount>, ReadError>;
    fn storage(&mut self, address: &Address, slot: &U256) -> Result<U256, ReadError>;
    fn code(&mut self, hash: &B256) -> Result<Bytecode, ReadError>;

    /// Whether an account that has neither nonce nor code has storage all the same, as far as the state can tell.
    fn has_storage(&mut self, address: &Address) -> Result<bool, ReadError>;

    /// Whether the last account or slot was read from what other runs of the slice wrote.
    fn is_from_slice(&self) -> bool {
        false
    }
}

/// Gas owed before any code runs, and the floor of what is paid for data.
pub fn initial_gas(env: &TxEnv, spec: SpecId) -> InitialAndFloorGas {
    calculate_initial_tx_gas_for_tx(env, spec)
}

/// What user transactions pay besides L2 gas; see `execution/fees.py`.
#[derive(Clone, Copy, Debug, Default)]
pub struct FeeParameters {
    weighted_price: U256,
    operator_scalar: u64,
    operator_constant: u64,
}

impl FeeParameters {
    /// The parameters that the view holds, read straight from the storage of `L1Block`.
    pub fn read(view: &mut impl StateView) -> Result<Self, ReadError> {
        let mut slot = |number: u64| view.storage(&L1_BLOCK, &U256::from(number));
        let (base_fee, scalars, blob_base_fee, operator) = (slot(1)?, slot(3)?, slot(7)?, slot(8)?);
        let limbs = scalars.as_limbs();
        let (blob_scalar, base_scalar) = (U256::from(limbs[1] & 0xFFFF_FFFF), U256::from(limbs[1] >> 32));
        let weighted = U256::from(16) * base_scalar * base_fee + blob_scalar * blob_base_fee;
        let operator = operator.as_limbs();
        Ok(Self {
            weighted_price: weighted,
            operator_scalar: operator[1] & 0xFFFF_FFFF,
            operator_constant: operator[0],
        })
    }

    fn l1_fee(&self, raw: &[u8]) -> U256 {
        U256::from(estimate_tx_compressed_size(raw)) * self.weighted_price / U256::from(1_000_000_000_000u64)
    }

    fn operator_fee(&self, gas: u64) -> U256 {
        U256::from(gas) * U256::from(self.operator_scalar) / U256::from(1_000_000) + U256::from(self.operator_constant)
    }
}

/// Wei that one user transaction moves besides its value.
#[derive(Debug)]
pub struct Charges {
    pub cost: Option<U256>,
    pub upfront: U256,
    pub price: U256,
    pub l1_fee: U256,
    pub operator_fee_limit: U256,
    fees: Option<FeeParameters>,
}

impl Charges {
    fn new(transaction: &UserTransaction, environment: &Environment, fees: Option<FeeParameters>) -> Self {
        let gas_limit = U256::from(transaction.env.gas_limit);
        let price = transaction.effective_price(environment.base_fee);
        let l1_fee = fees.map_or(U256::ZERO, |fees| fees.l1_fee(&transaction.raw));
        let operator_fee_limit = fees.map_or(U256::ZERO, |fees| fees.operator_fee(transaction.env.gas_limit));
        let (mut blob_most, mut blob_fee) = (Some(U256::ZERO), U256::ZERO);
        if transaction.kind == BLOB {
            let blob_gas = U256::from(transaction.blob_gas());
            blob_most = blob_gas.checked_mul(transaction.max_blob_fee);
            blob_fee = blob_gas.saturating_mul(U256::from(environment.blob_price()));
        }
        let extra = l1_fee + operator_fee_limit;
        let cost = gas_limit
            .checked_mul(transaction.max_fee)
            .and_then(|gas| gas.checked_add(transaction.env.value))
            .and_then(|sum| sum.checked_add(extra))
            .and_then(|sum| sum.checked_add(blob_most?));
        let upfront = gas_limit.saturating_mul(price).saturating_add(extra).saturating_add(blob_fee);
        Self { cost, upfront, price, l1_fee, operator_fee_limit, fees }
    }

    pub fn operator_fee(&self, gas: u64) -> U256 {
        self.fees.map_or(U256::ZERO, |fees| fees.operator_fee(gas))
    }

    fn payments(&self, environment: &Environment, gas_used: u64) -> Payments {
        let gas = U256::from(gas_used);
        let base_fee = U256::from(environment.base_fee);
        let mut payments = Payments::default();
        payments.0[0] = Some(gas * (self.price - base_fee));
        if self.fees.is_some() {
            payments.0[1] = Some(gas * base_fee);
            payments.0[2] = Some(self.l1_fee);
            payments.0[3] = Some(self.operator_fee(gas_used));
        }
        payments
    }
}

/// See the module.
pub struct Machine<V: StateView> {
    environment: Environment,
    evm: Interpreter<V>,
    pub fees: Option<FeeParameters>,
}

impl<V: StateView> Machine<V> {
    /// `fees` None: plain Ethereum rules, or the block's deposits are not through yet.
    pub fn new(environment: &Environment, fees: Option<FeeParameters>, view: V) -> Self {
        let spec = environment.spec;
        let db = Db { view, reads: Vec::new(), number: environment.number, hashes: environment.recent_hashes.clone() };
        let context: super::steps::Ctx<V> = Context::new(db, spec);
        let context = context.with_cfg(environment.cfg_env()).with_block(environment.block_env());
        let precompiles = if environment.is_optimism {
            EthPrecompiles { precompiles: isthmus(), spec }
        } else {
            EthPrecompiles::new(spec)
        };
        let instruction = EthInstructions::new_mainnet_with_spec(spec);
        let mut evm = Interpreter::<V>::new(context, instruction, precompiles);
        let warm = EthPrecompiles::warm_addresses(&evm.precompiles).collect();
        evm.ctx.journal_mut().set_spec_id(spec);
        evm.ctx.journal_mut().warm_precompiles(warm);
        Self { environment: environment.clone(), evm, fees }
    }

    /// What the transactions run over.
    pub fn view(&mut self) -> &mut V {
        &mut self.evm.ctx.journal_mut().db_mut().view
    }

    pub fn run(&mut self, transaction: &Parsed) -> Result<Executed, ReadError> {
        match transaction {
            Parsed::User(user) => self.run_user(user),
            Parsed::Deposit(deposit) => self.run_deposit(deposit),
        }
    }

    /// The verdict alone: why the transaction can not stand here.
    pub fn judge(&mut self, transaction: &UserTransaction) -> Result<Option<super::InvalidReason>, ReadError> {
        if let Some(reason) = check_form(transaction, &self.environment) {
            return Ok(Some(reason));
        }
        let charges = Charges::new(transaction, &self.environment, self.fees);
        let view = self.view();
        let account = view.account(&transaction.env.caller)?.unwrap_or_default();
        let code = Some(view.code(&account.code_hash)?);
        let info = op_revm::revm::state::AccountInfo {
            balance: account.balance,
            nonce: account.nonce,
            code_hash: account.code_hash,
            account_id: None,
            code,
        };
        Ok(super::verdict::check_sender(transaction, &self.environment, &info, charges.cost))
    }

    fn run_user(&mut self, transaction: &UserTransaction) -> Result<Executed, ReadError> {
        if let Some(reason) = check_form(transaction, &self.environment) {
            return Ok(Executed::invalid(reason, Vec::new()));
        }
        let charges = Charges::new(transaction, &self.environment, self.fees);
        let mut env = transaction.env.clone();
        env.gas_price = saturate(transaction.max_fee);
        env.gas_priority_fee =
            (transaction.kind >= super::transaction::DYNAMIC_FEE).then(|| saturate(transaction.max_tip));
        env.max_fee_per_blob_gas = saturate(transaction.max_blob_fee);
        let terms = Terms::User { transaction, charges: &charges };
        match self.execute(env, terms)? {
            Ok(result) => {
                let mut executed = self.finish(result);
                executed.payments = charges
                    .payments(&self.environment, executed.gas_used)
                    .without(&self.environment, &executed.destroyed);
                Ok(executed)
            }
            Err(reason) => Ok(Executed::invalid(reason, self.take_reads())),
        }
    }

    fn run_deposit(&mut self, deposit: &Deposit) -> Result<Executed, ReadError> {
        let env = &deposit.env;
        let owed = initial_gas(env, self.environment.spec);
        let journal = self.evm.ctx.journal_mut();
        let (nonce, balance) = {
            let sender = journal.load_account_mut(env.caller)?.data;
            (sender.account().info.nonce, sender.account().info.balance + deposit.mint)
        };
        let is_short = env.gas_limit < owed.initial_total_gas.max(owed.floor_gas);
        let is_large = env.kind == TxKind::Create && env.data.len() > MAX_INIT_CODE_BYTES;
        let mut executed = if is_short || is_large || env.value > balance {
            {
                let mut sender = journal.load_account_mut(env.caller)?.data;
                sender.set_balance(balance);
                sender.bump_nonce();
            }
            journal.commit_tx();
            let mut failed = self.finish_state();
            failed.gas_used = env.gas_limit;
            failed
        } else {
            match self.execute(env.clone(), Terms::Deposit { mint: deposit.mint })? {
                Ok(result) => self.finish(result),
                Err(_) => return Err(ReadError::Store("a deposit was judged like a user transaction".into())),
            }
        };
        executed.deposit_nonce = Some(nonce);
        Ok(executed)
    }

    /// A call that the protocol makes (EIP-4788, 2935, 7002, 7251); None where the contract has no code.
    pub fn system_call(&mut self, contract: Address, data: Bytes) -> Result<Option<Executed>, ReadError> {
        let account = self.view().account(&contract)?.unwrap_or_default();
        if account.code_hash == FlatAccount::default().code_hash {
            return Ok(None);
        }
        let env = message(SYSTEM_ADDRESS, TxKind::Call(contract), SYSTEM_CALL_GAS, U256::ZERO, data);
        self.evm.ctx.set_tx(env);
        let result = Steps::new(&self.environment, Terms::System).run_system_call(&mut self.evm);
        match self.sort(result)? {
            Ok(result) => Ok(Some(self.finish(result))),
            Err(_) => Err(ReadError::Store("a system call was judged like a user transaction".into())),
        }
    }

    /// Run one message on its terms; the inner error is a verdict.
    pub fn execute(
        &mut self,
        env: TxEnv,
        terms: Terms<'_>,
    ) -> Result<Result<ExecutionResult, super::InvalidReason>, ReadError> {
        self.evm.ctx.set_tx(env);
        let mut steps = Steps { environment: &self.environment, terms, verdict: Default::default(), view: PhantomData };
        let result = steps.run(&mut self.evm);
        match (result, steps.verdict.get()) {
            (Err(EVMError::Custom(_)), Some(reason)) => {
                self.evm.ctx.journal_mut().finalize();
                Ok(Err(reason))
            }
            (result, _) => self.sort(result),
        }
    }

    fn sort(
        &mut self,
        result: Result<ExecutionResult, RunError>,
    ) -> Result<Result<ExecutionResult, super::InvalidReason>, ReadError> {
        match result {
            Ok(result) => Ok(Ok(result)),
            Err(error) => {
                self.evm.ctx.journal_mut().finalize();
                self.take_reads();
                Err(match error {
                    EVMError::Database(reason) => reason,
                    other => ReadError::Store(format!("the interpreter failed: {other:?}")),
                })
            }
        }
    }

    fn take_reads(&mut self) -> Vec<Read> {
        std::mem::take(&mut self.evm.ctx.journal_mut().db_mut().reads)
    }

    fn finish_state(&mut self) -> Executed {
        let state = self.evm.ctx.journal_mut().finalize();
        let reads = self.take_reads();
        Executed::from_state(Touched { state, reads, spec: self.environment.spec })
    }

    /// The result with all that it changed; the machine is ready for the next one.
    pub fn finish(&mut self, result: ExecutionResult) -> Executed {
        let mut executed = self.finish_state();
        executed.gas_used = result.tx_gas_used();
        match result {
            ExecutionResult::Success { logs, output, .. } => {
                executed.is_success = true;
                executed.bloom = (!logs.is_empty()).then(|| logs_bloom(&logs));
                executed.logs = logs;
                executed.output = output.into_data();
            }
            ExecutionResult::Revert { output, .. } => executed.output = output,
            ExecutionResult::Halt { reason, .. } => executed.halt = Some(reason),
        }
        executed
    }
}

fn saturate(fee: U256) -> u128 {
    u128::try_from(fee).unwrap_or(u128::MAX)
}
