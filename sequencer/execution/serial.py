"""
The serial engine: one transaction after another. It is the reference: what it does is what is correct.
"""

from collections.abc import Sequence

from sequencer.primitives.block import AnyTransaction
from sequencer.primitives.deposit import DepositTransaction
from sequencer.primitives.header import Header
from sequencer.state.changes import StateChanges
from sequencer.state.commitment import StateCommitment
from sequencer.state.reader import StateReader

from .access_list import BlockAccesses
from .access_log import AccessLog
from .block_state import BlockState
from .calls import run_call
from .environment import BlockEnvironment
from .evm import Evm
from .fees import FeeParameters, read_fee_parameters
from .interface import (
    CallMessage,
    CallResult,
    Deferred,
    Included,
    Invalid,
    InvalidReason,
    Outcome,
    Overrides,
    SealedBlock,
)
from .room import BlockRoom
from .sealing import make_outcome, seal_block
from .system_calls import run_system_call, run_system_calls
from .transaction_execution import Payment, TransactionResult, execute_deposit, execute_transaction, judge_transaction


class SerialEngine:
    """Engine (see `interface`) without threads, processes or memory between blocks."""

    def open_block(self, parent: Header, environment: BlockEnvironment, state: StateReader) -> "SerialOpenBlock":
        """Begin the block after `parent`, whose state is `state`."""
        return SerialOpenBlock(environment, state)

    def call(
        self, environment: BlockEnvironment, state: StateReader, message: CallMessage, overrides: Overrides
    ) -> CallResult:
        """Run one message without a trace in state."""
        return run_call(environment, state, message, overrides)

    def close(self) -> None:
        """Nothing to give back."""


class SerialOpenBlock:
    """A block that grows by slices, each executed in place."""

    def __init__(self, environment: BlockEnvironment, state: StateReader) -> None:
        self._environment = environment
        self._evm = Evm(environment)
        self._state = BlockState(state)
        self._included: list[Included] = []
        self._room = BlockRoom(environment)
        self._fees: FeeParameters | None = None
        self._log = AccessLog()
        opening = run_system_calls(self._evm, state)
        self._log.note_opening(opening, self._state.apply(opening))
        self._state.end_slice()

    def apply(self, transactions: Sequence[AnyTransaction]) -> list[Outcome]:
        """Execute one slice in order; one outcome a transaction, in the same order."""
        outcomes = [self._apply_one(transaction) for transaction in transactions]
        self._state.end_slice()
        return outcomes

    def view(self) -> StateReader:
        """The state after the last slice, immutable."""
        return self._state.view

    def system_call(self, contract: bytes, data: bytes) -> bytes:
        """Call `contract` as the protocol does, after the slices so far; its output. Raises SystemCallFailed."""
        output, changes = run_system_call(self._evm, self._state, contract, data)
        self._log.note_closing(changes, self._state.apply(changes))
        self._state.end_slice()
        return output

    def credit(self, address: bytes, wei: int) -> None:
        """Add to a balance; a credit of nothing ends an empty account (EIP-161)."""
        nothing = StateChanges()
        self._log.note_closing(nothing, self._state.apply(nothing, (Payment(address, wei),)))
        self._state.end_slice()

    def accesses(self) -> BlockAccesses:
        """What the transactions so far read and wrote."""
        return self._log.accesses()

    def seal(self, commitment: StateCommitment) -> SealedBlock:
        """Finish the block over its parent's trie."""
        return seal_block(self._environment, self._included, self._state.changes(), commitment, self.accesses())

    def abandon(self) -> None:
        """Nothing to give back."""

    def _apply_one(self, transaction: AnyTransaction) -> Outcome:
        if isinstance(transaction, DepositTransaction):
            return self._include(transaction, execute_deposit(self._evm, self._state, transaction))
        fees = self._fee_parameters()
        if not self._room.has_for(transaction):
            reason = judge_transaction(self._environment, self._state, transaction, fees)
            return Deferred(transaction) if reason is None else Invalid(transaction, reason)
        result = execute_transaction(self._evm, self._state, transaction, fees)
        if isinstance(result, InvalidReason):
            return Invalid(transaction, result)
        return self._include(transaction, result)

    def _include(self, transaction: AnyTransaction, result: TransactionResult) -> Included:
        settled = self._state.apply(result.changes, result.payments)
        self._log.note(result.reads.accounts, result.reads.slots, result.changes, settled)
        outcome = make_outcome(transaction, result, self._room.gas_used)
        self._included.append(outcome)
        self._room.take(outcome)
        return outcome

    def _fee_parameters(self) -> FeeParameters | None:
        """Read once, at the first user transaction: after the block's own attributes."""
        if self._fees is None and self._environment.rules.is_optimism:
            self._fees = read_fee_parameters(self._state)
        return self._fees
