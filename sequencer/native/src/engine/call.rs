//! Message calls without a trace in state: what `execution/calls.py` does, with the same refusals and the same names.

use alloy_primitives::map::HashMap;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use op_revm::revm::bytecode::Bytecode;
use op_revm::revm::context::TxEnv;
use op_revm::revm::context::result::HaltReason;

use super::environment::Environment;
use super::machine::{Machine, StateView, initial_gas};
use super::steps::Terms;
use super::verdict::MAX_INIT_CODE_BYTES;
use crate::changes::FlatAccount;
use crate::state::{Base, BaseReader, ReadError};

/// State that a call pretends for one account.
#[derive(Default)]
pub struct Override {
    pub account: Option<FlatAccount>,
    pub code: Option<(B256, Bytecode)>,
    pub storage: HashMap<U256, U256>,
}

pub type Overrides = HashMap<Address, Override>;

/// How a call ended.
pub struct CallOutcome {
    pub output: Bytes,
    pub gas_used: u64,
    pub error: Option<&'static str>,
}

impl CallOutcome {
    fn refused(error: &'static str) -> Self {
        Self { output: Bytes::new(), gas_used: 0, error: Some(error) }
    }
}

struct CallView<'a> {
    reader: BaseReader<'a>,
    overrides: &'a Overrides,
}

impl StateView for CallView<'_> {
    fn account(&mut self, address: &Address) -> Result<Option<FlatAccount>, ReadError> {
        let Some(pretended) = self.overrides.get(address) else { return self.reader.account(address) };
        let account = match pretended.account {
            Some(account) => Some(account),
            None => self.reader.account(address)?,
        };
        Ok(match &pretended.code {
            Some((code_hash, _)) => Some(FlatAccount { code_hash: *code_hash, ..account.unwrap_or_default() }),
            None => account,
        })
    }

    fn storage(&mut self, address: &Address, slot: &U256) -> Result<U256, ReadError> {
        match self.overrides.get(address).and_then(|pretended| pretended.storage.get(slot)) {
            Some(value) => Ok(*value),
            None => self.reader.storage(address, slot),
        }
    }

    fn has_storage(&mut self, address: &Address) -> Result<bool, ReadError> {
        self.reader.has_storage(address)
    }

    fn code(&mut self, hash: &B256) -> Result<Bytecode, ReadError> {
        let pretended = self.overrides.values().filter_map(|pretended| pretended.code.as_ref());
        match pretended.into_iter().find(|(own, _)| own == hash) {
            Some((_, code)) => Ok(code.clone()),
            None => self.reader.code(hash),
        }
    }
}

/// Run one message; with a gas price of zero no fee is charged and BASEFEE is zero.
pub fn run_call(
    environment: &Environment,
    base: &Base,
    overrides: &Overrides,
    mut message: TxEnv,
) -> Result<CallOutcome, ReadError> {
    let mut environment = environment.clone();
    let price = U256::from(message.gas_price);
    if price.is_zero() {
        environment.base_fee = 0;
    } else if price < U256::from(environment.base_fee) {
        return Ok(CallOutcome::refused("max fee per gas less than block base fee"));
    }
    message.tx_type = u8::from(!message.access_list.is_empty());
    let upfront = U256::from(message.gas_limit).saturating_mul(price);
    let view = CallView { reader: base.reader()?, overrides };
    let mut machine = Machine::new(&environment, None, view);
    let balance = machine.view().account(&message.caller)?.unwrap_or_default().balance;
    if upfront.checked_add(message.value).is_none_or(|cost| cost > balance) {
        return Ok(CallOutcome::refused("insufficient funds for gas * price + value"));
    }
    let owed = initial_gas(&message, environment.spec);
    if message.gas_limit < owed.initial_total_gas.max(owed.floor_gas) {
        return Ok(CallOutcome::refused("intrinsic gas too low"));
    }
    if message.kind == TxKind::Create && message.data.len() > MAX_INIT_CODE_BYTES {
        return Ok(CallOutcome::refused("max initcode size exceeded"));
    }
    let result = match machine.execute(message, Terms::Call { upfront })? {
        Ok(result) => machine.finish(result),
        Err(_) => return Err(ReadError::Store("a call was judged like a user transaction".into())),
    };
    let error = match &result.halt {
        Some(reason) => Some(halt_name(reason)),
        None => (!result.is_success).then_some("execution reverted"),
    };
    Ok(CallOutcome { output: result.output, gas_used: result.gas_used, error })
}

/// What users are told; the names are the ones that go-ethereum gives.
pub fn halt_name(reason: &HaltReason) -> &'static str {
    match reason {
        HaltReason::OutOfGas(_) | HaltReason::CreateContractSizeLimit | HaltReason::CreateInitCodeSizeLimit => {
            "out of gas"
        }
        HaltReason::StackUnderflow => "stack underflow",
        HaltReason::StackOverflow => "stack limit reached 1024",
        HaltReason::InvalidJump => "invalid jump destination",
        HaltReason::OpcodeNotFound | HaltReason::InvalidFEOpcode | HaltReason::NotActivated => "invalid opcode",
        HaltReason::OutOfFunds => "insufficient balance for transfer",
        HaltReason::CallTooDeep => "max call depth exceeded",
        HaltReason::CreateCollision => "contract address collision",
        HaltReason::StateChangeDuringStaticCall | HaltReason::CallNotAllowedInsideStatic => "write protection",
        HaltReason::OutOfOffset => "return data out of bounds",
        HaltReason::CreateContractStartingWithEF => "invalid code: must not begin with 0xef",
        _ => "execution failed",
    }
}
