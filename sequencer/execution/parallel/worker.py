"""
A worker process: runs batches of transactions over the state as far as it knows it, and reports what they did.

Started as `python -m`, never forked, so nothing of the parent is imported or shared. The socket to the parent is its
standard input. It ends when that closes, however the parent ended; SIGINT is the parent's business.
"""

import gc
import os
import pickle
import queue
import signal
import threading
import time
from multiprocessing.connection import Connection
from typing import cast

from sequencer.execution.environment import BlockEnvironment
from sequencer.execution.evm import Evm
from sequencer.execution.fees import FeeParameters
from sequencer.execution.interface import InvalidReason
from sequencer.execution.transaction_execution import execute_transaction
from sequencer.state.metrics import TROUBLES, TierCounts
from sequencer.state.world_state import StateUnavailable

from .kept_state import KeptCodes
from .messages import (
    BATCH,
    BLOCK,
    DELTA,
    MAX_MESSAGE_BYTES,
    READY,
    SOURCE,
    Batch,
    Delta,
    pack_result,
    pack_results,
    seal,
    unpack_transaction,
    unseal,
)
from .metrics import WorkerReads
from .source import CountingReader, OpenedSource, StateSource
from .transfer import TransferShortcut
from .worker_state import SpeculativeState

GARBAGE_THRESHOLD = 50_000
"""Allocations between collections: batches are short-lived and mostly free of cycles."""


class Worker:
    """What a worker process knows: the block that is open, and what the parent told it of that block's state."""

    def __init__(self, source: OpenedSource) -> None:
        self._source = source
        self._codes = KeptCodes()
        self._evm: TransferShortcut | None = None
        self._reader: CountingReader | None = None
        self._state: SpeculativeState | None = None
        self._slice_number = -1

    def handle(self, kind: int, content: object) -> bytes | None:
        """Take one message; the answer, when there is one."""
        if kind == BLOCK:
            self._open_block(cast(bytes, content))
        elif kind == DELTA and self._state is not None:
            self._state.apply(Delta._make(cast("tuple[object, ...]", content)))
        elif kind == BATCH:
            return self._run(Batch._make(cast("tuple[object, ...]", content)))
        return None

    def _open_block(self, data: bytes) -> None:
        environment, ticket = cast("tuple[BlockEnvironment, bytes]", pickle.loads(data))
        self._evm = TransferShortcut(Evm(environment))
        self._reader = self._source.reader(ticket)
        self._state = SpeculativeState(self._reader, self._codes)
        self._slice_number = -1

    def _run(self, batch: Batch) -> bytes:
        evm, state, reader = self._evm, self._state, self._reader
        if evm is None or state is None or reader is None:
            return pack_results(batch.batch_id, [None] * len(batch.transactions), WorkerReads())
        if batch.slice_number != self._slice_number:
            state.forget_guesses()
            self._slice_number = batch.slice_number
        fees = None if batch.fees is None else FeeParameters(*batch.fees)
        try:
            reader.prefetch(
                [address for address in batch.accounts if not state.has(address)],
                [(address, slot) for address, slot in batch.slots if not state.has(address, slot)],
            )
            prefetched = reader.counts.take()
            results = [_run_one(evm, state, packed, fees) for packed in batch.transactions]
        except StateUnavailable:  # the block was unwound meanwhile
            return pack_results(batch.batch_id, [None] * len(batch.transactions), WorkerReads())
        tiers = reader.counts.take()
        troubles = tuple(TROUBLES.take().values())
        reads = WorkerReads(_sum(tiers, prefetched), state.overlay_reads, prefetched, troubles)
        state.overlay_reads = 0
        return pack_results(batch.batch_id, results, reads)


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


def _listen(connection: Connection, inbox: "queue.SimpleQueue[bytes]") -> None:
    """Take messages off the socket, so that the parent never waits for a busy worker; end with the parent."""
    try:
        while True:
            inbox.put(connection.recv_bytes(MAX_MESSAGE_BYTES))
    except (EOFError, OSError):
        os._exit(0)


def main() -> None:
    """Serve the parent until it is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    connection = Connection(os.dup(0))
    inbox: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(connection, inbox), daemon=True).start()
    kind, content = unseal(inbox.get())
    if kind != SOURCE:
        return
    source = cast(StateSource, pickle.loads(cast(bytes, content)))
    worker = Worker(source.open())
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_THRESHOLD)
    connection.send_bytes(seal(READY, None))
    while True:
        answer = worker.handle(*unseal(inbox.get()))
        if answer is not None:
            connection.send_bytes(answer)


if __name__ == "__main__":
    main()
