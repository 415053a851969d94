"""
The EVM itself: one message over accounts; with `interpreter` the only door to py-evm.

Of py-evm the interpreter alone is used: opcodes, computations, precompiles. Its blocks, headers, transactions and tries
are not; what happens around a message (fees, nonces, refunds) is in `transaction_execution`.
"""

from eth import constants
from eth.abc import ComputationAPI
from eth.exceptions import (
    ContractCreationCollision,
    FullStack,
    InsufficientFunds,
    InsufficientStack,
    InvalidInstruction,
    InvalidJumpDestination,
    OutOfBoundsRead,
    OutOfGas,
    ReservedBytesInCode,
    Revert,
    StackDepthLimit,
    VMError,
    WriteProtection,
)
from eth.vm.execution_context import ExecutionContext
from eth.vm.forks.cancun.transaction_context import CancunTransactionContext
from eth.vm.message import Message

from sequencer.primitives.receipt import Log

from .environment import BlockEnvironment, Fork
from .evm_message import EvmMessage, EvmResult
from .flat_accounts import FlatAccounts
from .interpreter import state_class
from .validation import delegation_target

_ERROR_NAMES: dict[type[VMError], str] = {
    Revert: "execution reverted",
    OutOfGas: "out of gas",
    InsufficientStack: "stack underflow",
    FullStack: "stack limit reached 1024",
    InvalidJumpDestination: "invalid jump destination",
    InvalidInstruction: "invalid opcode",
    InsufficientFunds: "insufficient balance for transfer",
    StackDepthLimit: "max call depth exceeded",
    ContractCreationCollision: "contract address collision",
    WriteProtection: "write protection",
    OutOfBoundsRead: "return data out of bounds",
    ReservedBytesInCode: "invalid code: must not begin with 0xef",
}
"""What users are told; the names are the ones that go-ethereum gives."""


class Evm:
    """The interpreter for the transactions of one block."""

    def __init__(self, environment: BlockEnvironment) -> None:
        self.environment = environment
        self._state_class = state_class(environment.rules.fork, environment.rules.is_optimism)
        self._context = _make_context(environment)

    @property
    def precompiles(self) -> frozenset[bytes]:
        """Addresses that run without having code."""
        return frozenset(self._state_class.computation_class.get_precompiles())

    def run(self, accounts: FlatAccounts, message: EvmMessage) -> EvmResult:
        """
        Run one message over `accounts`: value moves, code runs, failure takes back all of it.

        The caller has warmed addresses, charged gas and moved the nonce; the value is covered.
        """
        state = self._state_class(accounts, self._context, self.environment)
        transaction = CancunTransactionContext(
            gas_price=message.gas_price,
            origin=message.sender,  # type: ignore[arg-type]  # py-evm wants its NewType
            blob_versioned_hashes=message.blob_hashes,  # type: ignore[arg-type]
        )
        inner = _make_message(accounts, message, self.environment.rules.fork)
        if message.created is None:
            computation = state.computation_class.apply_message(state, inner, transaction)
        elif accounts.account_has_code_or_nonce(message.created):
            return EvmResult(0, 0, b"", _ERROR_NAMES[ContractCreationCollision], (), ())
        else:
            computation = state.computation_class.apply_create_message(state, inner, transaction)
        return _make_result(computation)


def _make_context(environment: BlockEnvironment) -> ExecutionContext:
    return ExecutionContext(
        coinbase=environment.fee_recipient,  # type: ignore[arg-type]  # py-evm wants its NewTypes
        timestamp=environment.timestamp,
        block_number=environment.number,  # type: ignore[arg-type]
        difficulty=environment.difficulty,
        mix_hash=environment.prev_randao,  # type: ignore[arg-type]
        gas_limit=environment.gas_limit,
        prev_hashes=environment.recent_hashes,  # type: ignore[arg-type]
        chain_id=environment.rules.chain_id,
        base_fee_per_gas=environment.base_fee_per_gas,
        excess_blob_gas=environment.excess_blob_gas,
    )


def _make_message(accounts: FlatAccounts, message: EvmMessage, fork: Fork) -> Message:
    if message.to is None:
        to, data, code, is_delegation = constants.CREATE_CONTRACT_ADDRESS, b"", message.data, False
    else:
        to, data, code = message.to, message.data, accounts.get_code(message.to)  # type: ignore[assignment]
        target = delegation_target(code) if fork.includes(Fork.PRAGUE) else None
        is_delegation = target is not None
        if target is not None:
            accounts.mark_address_warm(target)
            code = accounts.get_code(target)
    return Message(
        gas=message.gas,
        to=to,
        sender=message.sender,  # type: ignore[arg-type]  # py-evm wants its NewTypes
        value=message.value,
        data=data,
        code=code,
        create_address=message.created,  # type: ignore[arg-type]
        is_delegation=is_delegation,
    )


def _make_result(computation: ComputationAPI) -> EvmResult:
    error = None
    if computation.is_error:
        error = _ERROR_NAMES.get(type(computation.error), "execution failed")
    logs = tuple(
        Log(address, tuple(topic.to_bytes(32, "big") for topic in topics), data)
        for _, address, topics, data in computation.get_raw_log_entries()
    )
    return EvmResult(
        gas_left=computation.get_gas_remaining(),
        refund=computation.get_gas_refund(),
        output=bytes(computation.output),
        error=error,
        logs=logs,
        destroyed=tuple(sorted(computation.get_accounts_for_deletion())),
    )
