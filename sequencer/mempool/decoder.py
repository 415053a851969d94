"""
Decoding and sender recovery off the event loop, in batches: most of what it costs to take in a transaction.

Transactions that arrive while the threads are busy share the next job, so the hand-over is paid once for many.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from sequencer.execution.fees import FeeParameters
from sequencer.execution.validation import maximum_cost
from sequencer.primitives.recovery import decode_transactions
from sequencer.primitives.transaction import Transaction

from .admission import AdmissionRules, check_without_state
from .errors import AdmissionError, PoolBusy

BATCH_TRANSACTIONS = 64
"""Most transactions of one job: a few milliseconds of work."""

MAX_WAITING_TRANSACTIONS = 20_000
"""Submissions that may wait for a thread; above it they are refused as busy."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """An admissible transaction; `cost` is the most that it can take from its sender, in wei."""

    transaction: Transaction
    cost: int


_Waiter: TypeAlias = "tuple[bytes, FeeParameters | None, asyncio.Future[Decoded]]"


class Decoder:
    """A few threads that turn raw bytes into admissible transactions."""

    def __init__(self, rules: AdmissionRules, *, threads: int = 2) -> None:
        self._rules = rules
        self._threads = threads
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="decode")
        self._waiting: deque[_Waiter] = deque()
        self._jobs = 0

    async def decode(self, raw: bytes, fees: FeeParameters | None) -> Decoded:
        """Decode one transaction; raises AdmissionError, PoolBusy among them."""
        if len(self._waiting) >= MAX_WAITING_TRANSACTIONS:
            raise PoolBusy("decoding")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Decoded] = loop.create_future()
        self._waiting.append((raw, fees, future))
        if len(self._waiting) == 1:
            loop.call_soon(self._dispatch)
        return await future

    def close(self) -> None:
        """Give the threads back; what still waits is cancelled."""
        for _, _, future in self._waiting:
            future.cancel()
        self._waiting.clear()
        self._executor.shutdown(wait=False)

    def _dispatch(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting and self._jobs < self._threads:
            batch = [self._waiting.popleft() for _ in range(min(BATCH_TRANSACTIONS, len(self._waiting)))]
            self._jobs += 1
            work = [(raw, fees) for raw, fees, _ in batch]
            job = loop.run_in_executor(self._executor, decode_batch, work, self._rules)
            job.add_done_callback(partial(self._done, [future for _, _, future in batch]))

    def _done(
        self, futures: "list[asyncio.Future[Decoded]]", job: "asyncio.Future[list[Decoded | AdmissionError]]"
    ) -> None:
        self._jobs -= 1
        failure = None if job.cancelled() else job.exception()
        results = [] if job.cancelled() or failure else job.result()
        for position, future in enumerate(futures):
            if future.done():
                continue
            if position >= len(results):
                future.cancel() if failure is None else future.set_exception(failure)
                continue
            result = results[position]
            if isinstance(result, Decoded):
                future.set_result(result)
            else:
                future.set_exception(result)
        self._dispatch()


def decode_batch(
    work: Sequence[tuple[bytes, FeeParameters | None]], rules: AdmissionRules
) -> list[Decoded | AdmissionError]:
    """One result for each; pure, and for any thread."""
    results: list[Decoded | AdmissionError] = []
    decodings = decode_transactions([raw for raw, _ in work])
    for (raw, fees), decoding in zip(work, decodings, strict=True):
        try:
            transaction = check_without_state(decoding, rules)
        except AdmissionError as reason:
            results.append(reason)
        else:
            extra_fees = fees.extra_fees(raw, transaction.gas_limit) if fees is not None else 0
            results.append(Decoded(transaction, maximum_cost(transaction, extra_fees)))
    return results
