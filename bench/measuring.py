"""
One workload, measured: every engine on the same warm block in turns, in one process; medians count.

    small block    every engine; times compare by transaction
    large block    the native engine at its thread counts: what its threads are worth shows where a block is large
    apart          what does not depend on the engine's interpreter: recovery of senders, state root, commit

Each engine first applies the block without a clock, and what comes out must be the same in all of them.
"""

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sequencer.primitives.recovery import decode_transactions
from sequencer.primitives.transaction import Transaction

from .chain import Applied, BenchChain
from .engines import NATIVE_ONE, PARALLEL, SERIAL, Counts, read_counts
from .machine import MemoryUse, gain_of_two_threads, memory_use, reset_peak
from .recording import record_block
from .simulator import SimulatedTransaction
from .workloads import Workload

WARM_RUNS = 2


@dataclass(frozen=True, slots=True)
class BlockTimes:
    """The same block on several engines: median seconds of `apply`, and counts a run, by the engine's label."""

    transactions: int
    gas_used: int
    seconds: Mapping[str, float]
    own_seconds: Mapping[str, float]
    """Of these, the time that this process computed: without the workers'."""
    counts: Mapping[str, Counts]
    gain_of_two: float
    """What the machine gave at the same time: the median of `gain_of_two_threads` between the runs."""

    def microseconds(self, label: str) -> float | None:
        """A transaction; None where the engine did not take part."""
        return None if label not in self.seconds else 1e6 * self.seconds[label] / self.transactions

    def own_microseconds(self, label: str) -> float | None:
        """A transaction, without the workers' time."""
        return None if label not in self.seconds else 1e6 * self.own_seconds[label] / self.transactions

    def megagas(self, label: str) -> float | None:
        """Millions of gas a second."""
        return None if label not in self.seconds else self.gas_used / self.seconds[label] / 1e6

    def times_as_fast(self, label: str, reference: str) -> float | None:
        """How many times as fast one engine is as another."""
        if label not in self.seconds or reference not in self.seconds:
            return None
        return self.seconds[reference] / self.seconds[label]


@dataclass(frozen=True, slots=True)
class Apart:
    """The block that became the chain's next: seconds of each part, for so many transactions."""

    transactions: int
    recovery: float
    root: float
    commit: float


@dataclass(frozen=True, slots=True)
class Measurement:
    """Everything about one workload."""

    name: str
    small: BlockTimes
    large: BlockTimes | None
    apart: Apart
    memory: MemoryUse
    recorded: tuple[SimulatedTransaction, ...]
    """What the simulator needs, from the small block; the times are those of one native thread where it took part."""


def measure(chain: BenchChain, small: Workload, large: Workload | None, runs: int) -> Measurement:
    """Measure one workload; `large` is for native engines alone."""
    reset_peak()
    transactions = _decode(small)
    labels = list(chain.engines)
    small_times = _times(chain, transactions, labels, runs)
    recorded = record_block(
        lambda: chain.open(chain.engines[SERIAL]),
        transactions,
        small_times.seconds.get(NATIVE_ONE, small_times.seconds[SERIAL]),
    )
    natives = [label for label in labels if label not in (SERIAL, PARALLEL)]
    large_times = None
    last, last_transactions = small, transactions
    if large is not None and natives:
        last, last_transactions = large, _decode(large)
        large_times = _times(chain, last_transactions, natives, runs)
    start = time.perf_counter()
    decode_transactions(last.raw)
    recovery = time.perf_counter() - start
    root, commit = chain.advance(last_transactions)
    return Measurement(
        name=small.name,
        small=small_times,
        large=large_times,
        apart=Apart(len(last_transactions), recovery, root, commit),
        memory=memory_use(),
        recorded=recorded,
    )


def _decode(workload: Workload) -> list[Transaction]:
    decoded = [item for item in decode_transactions(workload.raw) if isinstance(item, Transaction)]
    assert len(decoded) == len(workload.raw)
    return decoded


def _times(chain: BenchChain, transactions: Sequence[Transaction], labels: Sequence[str], runs: int) -> BlockTimes:
    """Warm runs, of which the first is compared; then the measured ones, the engines alternating."""
    first = {label: chain.apply(label, transactions, with_root=True) for label in labels}
    roots = {label: applied.receipts_root for label, applied in first.items()}
    assert len(set(roots.values())) == 1, f"receipts differ: { {label: root.hex() for label, root in roots.items()} }"
    for _ in range(WARM_RUNS - 1):
        for label in labels:
            chain.apply(label, transactions)
    before = {label: read_counts(chain.engines[label]) for label in labels}
    applied: dict[str, list[Applied]] = {label: [] for label in labels}
    gains = []
    for _ in range(runs):
        gains.append(gain_of_two_threads())
        for label in labels:
            applied[label].append(chain.apply(label, transactions))
    return BlockTimes(
        transactions=len(transactions),
        gas_used=first[labels[0]].gas_used,
        seconds={label: statistics.median(run.seconds for run in made) for label, made in applied.items()},
        own_seconds={label: statistics.median(run.own_seconds for run in made) for label, made in applied.items()},
        counts={label: read_counts(chain.engines[label]).since(before[label], runs) for label in labels},
        gain_of_two=statistics.median(gains),
    )
