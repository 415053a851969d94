"""
A worker: runs batches of transactions over the state as far as it knows it, and reports what they did.

    BLOCK, DELTA, ADVANCE    what the state is
    BATCH                    runs, one after the other; RESULTS, or ASK when the worker can not read a key itself
    VALUES                   the batch that has asked goes on where it was

It is driven by messages alone and knows nothing of how they travel: by a socket (`worker_process`), by Ray
(`ray_executor`), or within a test.
"""

import pickle
import time
from collections import deque
from dataclasses import dataclass, field
from typing import cast

from sequencer.execution.environment import BlockEnvironment
from sequencer.execution.evm import Evm
from sequencer.execution.fees import FeeParameters
from sequencer.execution.interface import InvalidReason
from sequencer.execution.transaction_execution import execute_transaction
from sequencer.state.metrics import TROUBLES, TierCounts
from sequencer.state.world_state import StateUnavailable

from .committed_state import CommittedState
from .messages import (
    ADVANCE,
    ASK,
    BATCH,
    BLOCK,
    DELTA,
    MAX_ASKED_KEYS,
    READY,
    SOURCE,
    VALUES,
    Batch,
    Delta,
    pack_result,
    pack_results,
    seal,
    unpack_transaction,
)
from .metrics import WorkerReads
from .source import KeysMissing, OpenedSource, StateSource
from .transfer import TransferShortcut
from .worker_state import SpeculativeState

MAX_QUESTIONS = 64
"""Of one batch; the transactions that need more run at their turn."""


@dataclass(slots=True)
class _Run:
    """A batch on its way."""

    batch: Batch
    results: list[tuple[object, ...] | None] = field(default_factory=list)
    is_prefetched: bool = False
    questions: int = 0


class Worker:
    """What a worker knows: the block that is open, and what it was told, and has read, of that block's state."""

    def __init__(self) -> None:
        self._source: OpenedSource | None = None
        self._committed = CommittedState()
        self._evm: TransferShortcut | None = None
        self._state: SpeculativeState | None = None
        self._slice_number = -1
        self._runs: deque[_Run] = deque()
        self._is_waiting = False
        self._prefetched = TierCounts()

    def handle(self, kind: int, content: object) -> list[bytes]:
        """Take one message; the answers that this gives."""
        answers = []
        if kind == SOURCE:
            self._source = cast(StateSource, pickle.loads(cast(bytes, content))).open()
            answers.append(seal(READY, None))
        elif kind == ADVANCE:
            parent_hash, block_hash, delta = cast("tuple[bytes, bytes, tuple[object, ...]]", content)
            self._committed.advance(parent_hash, block_hash, Delta._make(delta))
        elif kind == BLOCK:
            answers = [self._finish() for _ in range(len(self._runs))]
            self._open_block(*cast("tuple[bool, bytes]", content))
        elif kind == DELTA and self._state is not None:
            self._state.apply(Delta._make(cast("tuple[object, ...]", content)))
        elif kind == BATCH:
            self._runs.append(_Run(Batch._make(cast("tuple[object, ...]", content))))
        elif kind == VALUES:
            answers = self._take_values(*cast("tuple[int, dict[bytes, bytes] | None]", content))
        while self._runs and not self._is_waiting:
            answers.append(self._go_on(self._runs[0]))
        return answers

    def _open_block(self, may_keep: bool, data: bytes) -> None:
        environment, ticket = cast("tuple[BlockEnvironment, bytes]", pickle.loads(data))
        if self._source is None:
            return
        self._evm = TransferShortcut(Evm(environment))
        self._committed.begin(environment.parent_hash, self._source.reader(ticket), may_keep=may_keep)
        self._state = SpeculativeState(self._committed)
        self._slice_number = -1

    def _take_values(self, batch_id: int, values: dict[bytes, bytes] | None) -> list[bytes]:
        """The answer to a question; of a batch that is over, it comes too late and is dropped."""
        if not self._runs or self._runs[0].batch.batch_id != batch_id:
            return []
        self._is_waiting = False
        if values is None:
            return [self._finish()]
        self._committed.take(values)
        return []

    def _go_on(self, run: _Run) -> bytes:
        """Run the first batch until it ends or can not go on."""
        evm, state = self._evm, self._state
        if evm is None or state is None:
            return self._finish()
        batch = run.batch
        if batch.slice_number != self._slice_number:
            state.forget_guesses()
            self._slice_number = batch.slice_number
        fees = None if batch.fees is None else FeeParameters(*batch.fees)
        try:
            if not run.is_prefetched:
                self._prefetch(batch, state)
                run.is_prefetched = True
            for packed in batch.transactions[len(run.results) :]:
                run.results.append(_run_one(evm, state, packed, fees))
        except KeysMissing as missing:
            run.questions += 1
            if run.questions > MAX_QUESTIONS or len(missing.keys) > MAX_ASKED_KEYS:
                return self._finish()
            self._is_waiting = True
            return seal(ASK, (batch.batch_id, missing.keys))
        except StateUnavailable:  # the block was unwound meanwhile
            run.results.clear()
        return self._finish()

    def _prefetch(self, batch: Batch, state: SpeculativeState) -> None:
        try:
            self._committed.prefetch(
                [address for address in batch.accounts if not state.has(address)],
                [(address, slot) for address, slot in batch.slots if not state.has(address, slot)],
            )
        finally:
            self._prefetched = _sum(self._prefetched, self._committed.reader.counts.take())

    def _finish(self) -> bytes:
        """End the first batch: what it has not run has no result."""
        run = self._runs.popleft()
        self._is_waiting = False
        results = run.results + [None] * (len(run.batch.transactions) - len(run.results))
        return pack_results(run.batch.batch_id, results, self._take_reads())

    def _take_reads(self) -> WorkerReads:
        committed, state = self._committed, self._state
        if state is None:
            return WorkerReads()
        prefetched, self._prefetched = self._prefetched, TierCounts()
        tiers = _sum(committed.reader.counts.take(), prefetched)
        reads = WorkerReads(
            tiers, state.overlay_reads, committed.kept_reads, prefetched, tuple(TROUBLES.take().values())
        )
        state.overlay_reads = committed.kept_reads = 0
        return reads


def _run_one(
    evm: TransferShortcut, state: SpeculativeState, packed: tuple[object, ...], fees: FeeParameters | None
) -> tuple[object, ...] | None:
    """Run one transaction; None when it seems invalid here, which is for its turn to say."""
    start = time.perf_counter_ns()
    result = execute_transaction(evm, state, unpack_transaction(packed), fees)
    if isinstance(result, InvalidReason):
        return None
    state.guess(result.changes)
    return pack_result(result, (time.perf_counter_ns() - start) // 1000)


def _sum(left: TierCounts, right: TierCounts) -> TierCounts:
    return TierCounts(
        left.redis_hits + right.redis_hits,
        left.redis_misses + right.redis_misses,
        left.store_reads + right.store_reads,
    )
