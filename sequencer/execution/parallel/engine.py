"""
The parallel engine: what the serial one does, with the interpreter's work done ahead of time by worker processes.

    deposits                      at their turn, here
    plain transfers               at their turn, here, by arithmetic; no message
    chains that are all the work  at their turn, here
    everything else               in a worker; here the result is checked at its turn, and run again if it does not hold

So a transaction runs at most twice, and whatever is committed was either run at its turn or is what that would give.
"""

import itertools
import pickle
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from sequencer.execution.access_list import NO_HINTS, AccessHints, BlockAccesses
from sequencer.execution.access_log import AccessLog
from sequencer.execution.block_state import BlockState, Settled
from sequencer.execution.calls import run_call
from sequencer.execution.environment import BlockEnvironment
from sequencer.execution.evm import Evm
from sequencer.execution.fees import FeeParameters, read_fee_parameters
from sequencer.execution.interface import (
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
from sequencer.execution.room import BlockRoom
from sequencer.execution.sealing import include, make_outcome, seal_block
from sequencer.execution.system_calls import run_system_call, run_system_calls
from sequencer.execution.transaction_execution import (
    Payment,
    TransactionResult,
    execute_deposit,
    execute_transaction,
    judge_transaction,
)
from sequencer.primitives.block import AnyTransaction
from sequencer.primitives.deposit import DepositTransaction
from sequencer.primitives.header import Header
from sequencer.primitives.transaction import Transaction
from sequencer.state.changes import StateChanges
from sequencer.state.commitment import StateCommitment
from sequencer.state.reader import StateReader

from .candidates import find_candidates
from .catch_up import BlockHistory
from .hot_keys import HotKeys
from .kept_state import KeptCodes, KeptState
from .messages import SpeculativeResult, pack_fees, read_logs
from .metrics import WAYS, ExecutionCounts
from .pool import Executor, WorkerPool
from .prediction import Location, Predictor, hinted_keys
from .processes import ProcessExecutor
from .schedule import DEFAULT_LIMITS, Schedule, ScheduleLimits
from .source import StateSource
from .speculation import BlockMessages, Speculation
from .touched import TouchedState
from .transfer import TransferShortcut
from .validation import FAILED_GUESS, FIRST_RUN, Attempts, Conflict, check_result

DEFAULT_WORKERS = 2

ANSWER_SECONDS = 10.0
"""A worker that needs longer for one batch counts as hung."""

READY_SECONDS = 60.0
"""Limit of `wait_until_ready`: importing the interpreter takes a second on an idle machine."""

PUMP_EVERY = 4
"""Commits between two looks at what the workers have sent."""


class ParallelEngine:
    """Engine (see `interface`) with worker processes that live from block to block."""

    def __init__(
        self,
        source: StateSource,
        workers: int = DEFAULT_WORKERS,
        *,
        executor: Executor | None = None,
        answer_seconds: float = ANSWER_SECONDS,
        limits: ScheduleLimits = DEFAULT_LIMITS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Starts the workers, and does not wait for them: until they are ready everything runs here.

        They are processes on this machine when no other `executor` is given.
        """
        self.counts = ExecutionCounts()
        self.predictor = Predictor()
        self.hot_keys = HotKeys()
        self.codes = KeptCodes()
        self.source = source
        self.workers = workers
        self.limits = limits
        self.lock = threading.Lock()
        self.history = BlockHistory()
        self.keeps_state = True
        """Whether workers may keep what they know of committed state from block to block."""
        self.pool = WorkerPool(
            workers,
            pickle.dumps(source),
            self.counts,
            executor or ProcessExecutor(),
            answer_seconds=answer_seconds,
            monotonic=monotonic,
        )
        self._hints = NO_HINTS
        self._monotonic = monotonic
        self._tokens = itertools.count()
        self._batch_ids = itertools.count()
        self._slice_numbers = itertools.count()

    def open_block(self, parent: Header, environment: BlockEnvironment, state: StateReader) -> "ParallelOpenBlock":
        """Begin the block after `parent`, whose state is `state`."""
        block = pickle.dumps((environment, self.source.ticket(environment, state)))
        history = self.history if self.keeps_state else None
        messages = BlockMessages(next(self._tokens), environment.parent_hash, block, history, self.counts)
        return ParallelOpenBlock(self, environment, state, messages)

    def call(
        self, environment: BlockEnvironment, state: StateReader, message: CallMessage, overrides: Overrides
    ) -> CallResult:
        """Run one message without a trace in state."""
        return run_call(environment, state, message, overrides)

    def expect(self, hints: AccessHints) -> None:
        """Hints for the block that is opened next: for prefetching, and for who depends on whom."""
        self._hints = hints

    def take_hints(self) -> AccessHints:
        """What was said of the block that is opened now."""
        hints, self._hints = self._hints, NO_HINTS
        return hints

    def speculate(
        self,
        schedule: Schedule,
        messages: BlockMessages,
        fees: FeeParameters | None,
        on_results: Callable[[Sequence[SpeculativeResult | None]], None],
        read_flat: Callable[[Iterable[bytes]], Mapping[bytes, bytes]],
    ) -> Speculation:
        """Begin a slice in the workers."""
        return Speculation(
            self.pool,
            schedule,
            messages,
            next(self._slice_numbers),
            pack_fees(fees),
            lambda: next(self._batch_ids),
            on_results,
            read_flat,
        )

    def wait_until_ready(self, seconds: float = READY_SECONDS) -> bool:
        """Wait for all workers; whether they are ready."""
        deadline = self._monotonic() + seconds
        while len(self.pool.ready()) < self.workers and self._monotonic() < deadline:
            self.pool.keep_full()
            self.pool.collect(0.05)
        return len(self.pool.ready()) == self.workers

    def close(self) -> None:
        """End the workers."""
        self.pool.close()


class ParallelOpenBlock:
    """A block that grows by slices, each run ahead by the workers and committed in order."""

    def __init__(
        self, engine: ParallelEngine, environment: BlockEnvironment, state: StateReader, messages: BlockMessages
    ) -> None:
        self._engine = engine
        self._environment = environment
        self._messages = messages
        self._evm = TransferShortcut(Evm(environment))
        self._parent = KeptState(state, engine.codes)
        self._state = BlockState(self._parent)
        self._touched = TouchedState()
        self._included: list[Included] = []
        self._room = BlockRoom(environment)
        self._fees: FeeParameters | None = None
        self._ways = dict.fromkeys(WAYS, 0)
        self._hints = engine.take_hints()
        self._log = AccessLog()
        opening = run_system_calls(Evm(environment), state)
        self._log.note_opening(opening, self._commit(opening, ()))
        self._state.end_slice()

    def apply(self, transactions: Sequence[AnyTransaction]) -> list[Outcome]:
        """Execute one slice in order; one outcome a transaction, in the same order."""
        with self._engine.lock:
            return self._apply(transactions)

    def view(self) -> StateReader:
        """The state after the last slice, immutable."""
        return self._state.view

    def system_call(self, contract: bytes, data: bytes) -> bytes:
        """Call `contract` as the protocol does, after the slices so far; its output. Raises SystemCallFailed."""
        output, changes = run_system_call(Evm(self._environment), self._state, contract, data)
        self._log.note_closing(changes, self._commit(changes, ()))
        self._state.end_slice()
        return output

    def credit(self, address: bytes, wei: int) -> None:
        """Add to a balance; a credit of nothing ends an empty account (EIP-161)."""
        nothing = StateChanges()
        self._log.note_closing(nothing, self._commit(nothing, (Payment(address, wei),)))
        self._state.end_slice()

    def accesses(self) -> BlockAccesses:
        """What the transactions so far read and wrote, and how often each was executed."""
        return self._log.accesses()

    def seal(self, commitment: StateCommitment) -> SealedBlock:
        """Finish the block over its parent's trie."""
        sealed = seal_block(self._environment, self._included, self._state.changes(), commitment, self.accesses())
        with self._engine.lock:
            self._engine.history.note(self._environment.parent_hash, sealed.block.hash, sealed.changes)
        return sealed

    def abandon(self) -> None:
        """Nothing to give back: workers forget the block when the next one begins."""

    def _apply(self, transactions: Sequence[AnyTransaction]) -> list[Outcome]:
        self._ways = dict.fromkeys(WAYS, 0)
        self._engine.predictor.hints = self._hints
        outcomes: list[Outcome] = []
        while len(outcomes) < len(transactions) and isinstance(transactions[len(outcomes)], DepositTransaction):
            outcomes.append(self._run_in_turn(transactions[len(outcomes)]))
        start = len(outcomes)
        users = [item for item in transactions[start:] if isinstance(item, Transaction)]
        accounts = {address for item in users for address in (item.sender, item.to) if address}
        hinted_accounts, hinted_slots = hinted_keys(users, self._hints)
        self._parent.prefetch(accounts | hinted_accounts, hinted_slots)
        speculation = self._speculate(transactions, start)
        for index in range(start, len(transactions)):
            if speculation is not None and index % PUMP_EVERY == 0:
                speculation.pump()
            outcomes.append(self._apply_one(index, transactions[index], speculation))
        self._state.end_slice()
        self._engine.hot_keys.end_slice()
        if speculation is not None:
            self._engine.counts.dispatched += speculation.dispatched
        self._engine.counts.note_slice(self._ways, speculation is not None)
        return outcomes

    def _speculate(self, transactions: Sequence[AnyTransaction], start: int) -> Speculation | None:
        """Give the workers what is worth it; None when nothing is."""
        pool = self._engine.pool
        pool.keep_full()
        pool.collect(0)
        if not pool.ready():
            return None
        engine = self._engine
        candidates = find_candidates(transactions, start, self._state, self._evm, engine.predictor, engine.hot_keys)
        hot = [item.prediction.is_for_its_turn for item in candidates if item.prediction.is_hot]
        engine.counts.note_hot(hot.count(False), hot.count(True), len(engine.hot_keys))
        schedule = Schedule(candidates, len(pool.ready()), self._engine.limits)
        if not schedule.is_parallel:
            return None
        fees = self._fee_parameters()
        if self._touched:
            self._messages.add_delta(self._touched.take(self._state))
        speculation = self._engine.speculate(schedule, self._messages, fees, self._load_reads, self._parent.read_flat)
        speculation.pump()
        return speculation

    def _load_reads(self, results: Sequence[SpeculativeResult | None]) -> None:
        """Results have come: load what they will be checked against."""
        there = [result for result in results if result is not None]
        self._parent.prefetch(
            {use[0] for result in there for use in result.accounts},
            {(address, slot) for result in there for address, slot, _ in result.slots},
        )

    def _apply_one(self, index: int, transaction: AnyTransaction, speculation: Speculation | None) -> Outcome:
        if isinstance(transaction, DepositTransaction) or speculation is None:
            return self._run_in_turn(transaction)
        if not speculation.has(index) or not self._room.has_for(transaction):
            return self._run_in_turn(transaction)
        result = speculation.result(index)
        if result is None:
            return self._run_without_result(index, transaction, speculation)
        changes = check_result(self._state, result)
        if isinstance(changes, Conflict):
            self._learn_conflict(index, transaction, result, changes, speculation)
            return self._run_in_turn(transaction, Attempts(2, changes.key))
        self._engine.predictor.learn(transaction, result)
        self._engine.hot_keys.note_touched(transaction, result)
        self._ways["speculated"] += 1
        return self._take(transaction, result, changes)

    def _run_without_result(self, index: int, transaction: Transaction, speculation: Speculation) -> Outcome:
        """A worker failed, or took the transaction for invalid; when only the latter was wrong, so is what it knows."""
        if not speculation.was_dispatched(index):
            return self._run_in_turn(transaction)
        is_as_before = not self._state.has_changed(transaction.sender, None)
        outcome = self._run_in_turn(transaction, FAILED_GUESS)
        if is_as_before and isinstance(outcome, Included):
            speculation.distrust(index)
        return outcome

    def _learn_conflict(
        self,
        index: int,
        transaction: Transaction,
        result: SpeculativeResult,
        conflict: Conflict,
        speculation: Speculation,
    ) -> None:
        """A result does not hold: its key is hot, or else its worker knows what is not so."""
        speculation.give_up(index)
        self._engine.predictor.learn(transaction, result, is_conflict=True)
        if self._state.has_changed(conflict.address, conflict.slot):
            location = Location(conflict.address, conflict.slot)
            was_chained = speculation.was_chained(index, location)
            self._engine.hot_keys.note_conflict(transaction, location, was_chained=was_chained)
        else:
            speculation.distrust(index)

    def _take(self, transaction: Transaction, result: SpeculativeResult, changes: StateChanges) -> Included:
        """Commit what a worker found, which holds."""
        settled = self._commit(changes, [Payment(recipient, amount) for recipient, amount in result.payments])
        self._log.note(
            [use[0] for use in result.accounts],
            [(address, slot) for address, slot, _ in result.slots],
            changes,
            settled,
        )
        outcome = include(
            transaction,
            self._room.gas_used,
            status=result.status,
            gas_used=result.gas_used,
            logs=read_logs(result),
            bloom=result.bloom,
        )
        return self._place(outcome)

    def _run_in_turn(self, transaction: AnyTransaction, attempts: Attempts = FIRST_RUN) -> Outcome:
        """Do as the serial engine does."""
        if isinstance(transaction, DepositTransaction):
            self._ways["in_turn"] += 1
            return self._include(transaction, execute_deposit(self._evm, self._state, transaction), attempts)
        fees = self._fee_parameters()
        if not self._room.has_for(transaction):
            reason = judge_transaction(self._environment, self._state, transaction, fees)
            return Deferred(transaction) if reason is None else Invalid(transaction, reason)
        transfers = self._evm.transfers
        result = execute_transaction(self._evm, self._state, transaction, fees)
        first_way = "transfer" if self._evm.transfers > transfers else "in_turn"
        self._ways["conflict" if attempts.executions > 1 else first_way] += 1
        if isinstance(result, InvalidReason):
            return Invalid(transaction, result)
        return self._include(transaction, result, attempts)

    def _include(self, transaction: AnyTransaction, result: TransactionResult, attempts: Attempts) -> Included:
        settled = self._commit(result.changes, result.payments)
        reads = result.reads
        self._log.note(reads.accounts, reads.slots, result.changes, settled, attempts.executions, attempts.conflict)
        return self._place(make_outcome(transaction, result, self._room.gas_used))

    def _commit(self, changes: StateChanges, payments: Sequence[Payment]) -> Settled:
        settled = self._state.apply(changes, payments)
        self._touched.note(changes, settled.paid)
        return settled

    def _place(self, outcome: Included) -> Included:
        self._included.append(outcome)
        self._room.take(outcome)
        return outcome

    def _fee_parameters(self) -> FeeParameters | None:
        """Read once, at the first user transaction: after the block's own attributes."""
        if self._fees is None and self._environment.rules.is_optimism:
            self._fees = read_fee_parameters(self._state)
        return self._fees
