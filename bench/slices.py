"""
From how much gas on a slice is worth a second thread: `python -m bench.slices` runs the same slices both ways.

    in sequence      the native engine on one thread
    on threads       the native engine on two, whether the planner would or not

The planner's least gas of a slice (`LEAST_SLICE_GAS` in `block_stm/scheduler.rs`) is set by what this prints.
"""

import argparse
import statistics
from collections.abc import Sequence

from sequencer.execution.native.engine import NativeEngine
from sequencer.node.event_loop import calm_collector
from sequencer.primitives.transaction import Transaction, decode_transaction

from .chain import BenchChain
from .engines import EngineEntry
from .markdown import table
from .scene import merge_genesis
from .workloads import Workload, make_workload

WORKLOADS = {"ERC-20, one token": 34_000, "swaps, a pool each": 130_000}
"""Workloads of independent transactions, and about how much gas one of theirs uses."""

MEGAGAS = (0.5, 1, 1.5, 2, 3, 4, 5, 6, 8, 12)

SEQUENCE, THREADS = "in sequence", "on threads"


def main() -> None:
    """Measure and print: microseconds a slice, and how many times as fast threads are."""
    parser = argparse.ArgumentParser(prog="python -m bench.slices", description=__doc__)
    parser.add_argument("--runs", type=int, default=15, help="of each way; medians count")
    parser.add_argument("--megagas", type=float, nargs="+", default=MEGAGAS, help="sizes of slices")
    options = parser.parse_args()
    most = max(options.megagas) * 1e6
    workloads = [make_workload(name, int(most / gas) + 1) for name, gas in WORKLOADS.items()]
    entries = (
        EngineEntry(SEQUENCE, lambda _: NativeEngine(1)),
        EngineEntry(THREADS, lambda _: NativeEngine(2, is_always_parallel=True)),
    )
    with BenchChain(merge_genesis(workload.accounts for workload in workloads), entries) as chain:
        calm_collector()
        for workload in workloads:
            print(f"{workload.name}, medians of {options.runs} alternating runs\n")
            print(_table(chain, workload, options.megagas, options.runs), end="\n\n")


def _table(chain: BenchChain, workload: Workload, megagas: Sequence[float], runs: int) -> str:
    transactions = [decode_transaction(raw) for raw in workload.raw]
    rows = []
    for size in megagas:
        count = max(2, round(size * 1e6 / WORKLOADS[workload.name]))
        gas_used, sequence, threads = _measure(chain, transactions[:count], runs)
        figures = [f"{gas_used / 1e6:.1f}", str(count), f"{1e6 * sequence:.0f}", f"{1e6 * threads:.0f}"]
        rows.append([*figures, f"{sequence / threads:.2f}"])
    return table(["Mgas", "tx", f"{SEQUENCE} us", f"{THREADS} us", "ratio"], rows)


def _measure(chain: BenchChain, transactions: Sequence[Transaction], runs: int) -> tuple[int, float, float]:
    """Gas of the slice, and median seconds of both ways; the first run of each is not counted."""
    seconds: dict[str, list[float]] = {SEQUENCE: [], THREADS: []}
    gas_used = 0
    for _ in range(runs + 1):
        for label, found in seconds.items():
            applied = chain.apply(label, transactions)
            gas_used = applied.gas_used
            found.append(applied.seconds)
    return gas_used, statistics.median(seconds[SEQUENCE][1:]), statistics.median(seconds[THREADS][1:])


if __name__ == "__main__":
    main()
