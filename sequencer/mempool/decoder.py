"""
Decoding and sender recovery off the event loop, in batches: most of what it costs to take in a transaction.

What arrives in one turn of the loop shares a job, so the hand-over is paid once for many. Only a submission that holds
what is refused waits for the reason.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from sequencer.execution.fees import FeeParameters
from sequencer.execution.validation import maximum_cost
from sequencer.primitives.recovery import Decoding, decode_transactions
from sequencer.primitives.transaction import Transaction

from .admission import AdmissionRules, check_without_state
from .errors import AdmissionError, PoolBusy
from .recovery_jobs import Explanations, OnDecoded, open_recovery_jobs

MAX_WAITING_TRANSACTIONS = 20_000
"""Submissions that may wait for a thread; above it they are refused as busy."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """An admissible transaction; `cost` is the most that it can take from its sender, in wei."""

    transaction: Transaction
    cost: int


class Decoder:
    """Turns raw bytes into transactions; belongs to the loop that uses it first."""

    def __init__(self) -> None:
        self._jobs = open_recovery_jobs()
        self._explanations = Explanations()
        self._waiting: list[tuple[Sequence[bytes], OnDecoded]] = []
        self._count = 0

    def decode(self, raws: Sequence[bytes], on_decoded: OnDecoded) -> None:
        """Decode several in one job; raises PoolBusy."""
        if self._count + len(raws) > MAX_WAITING_TRANSACTIONS:
            raise PoolBusy("decoding")
        self._count += len(raws)
        self._waiting.append((raws, on_decoded))
        if len(self._waiting) == 1:
            asyncio.get_running_loop().call_soon(self._dispatch)

    def close(self) -> None:
        """Give the threads back; what still waits is not heard of any more."""
        self._waiting.clear()
        self._jobs.close()
        self._explanations.close()

    def _dispatch(self) -> None:
        waiting, self._waiting = self._waiting, []
        if waiting:
            raws = [raw for item in waiting for raw in item[0]]
            self._jobs.start(raws, partial(self._recovered, waiting))

    def _recovered(
        self, waiting: Sequence[tuple[Sequence[bytes], OnDecoded]], results: Sequence[Decoding | None] | Exception
    ) -> None:
        start = 0
        for raws, on_decoded in waiting:
            tell = partial(self._decoded, len(raws), on_decoded)
            if isinstance(results, Exception):
                tell(results)
                continue
            found = results[start : start + len(raws)]
            start += len(raws)
            decodings = [one for one in found if one is not None]
            if len(decodings) == len(raws):
                tell(decodings)
            else:
                self._explanations.start(raws, found, tell)

    def _decoded(self, count: int, on_decoded: OnDecoded, decodings: list[Decoding] | Exception) -> None:
        self._count -= count
        on_decoded(decodings)


def admit(decoding: Decoding, rules: AdmissionRules, fees: FeeParameters | None) -> Decoded:
    """What passes every check that needs no state; raises AdmissionError."""
    transaction = check_without_state(decoding, rules)
    extra_fees = fees.extra_fees(transaction.raw, transaction.gas_limit) if fees is not None else 0
    return Decoded(transaction, maximum_cost(transaction, extra_fees))


def decode_batch(
    raws: Sequence[bytes], rules: AdmissionRules, fees: FeeParameters | None
) -> list[Decoded | AdmissionError]:
    """One result for each; for any thread."""
    results: list[Decoded | AdmissionError] = []
    for decoding in decode_transactions(raws):
        try:
            results.append(admit(decoding, rules, fees))
        except AdmissionError as reason:
            results.append(reason)
    return results
