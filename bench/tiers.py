"""
What each tier of committed state gains: `python -m bench.tiers` applies the same block with and without each of them.

    store            every value from LMDB, nothing kept from block to block
    redis            one round trip a slice before, values kept for the block; the store is asked for the same meanwhile
    process          what this process has seen before (the default)
    process, redis   both (`BRAID_NATIVE_PREFETCH=true`)

Cold: the engine has not seen a block of this chain. Warm: it has just applied the same block.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence

from sequencer.execution.native.engine import NativeEngine
from sequencer.execution.native.prefetch import RedisPrefetch
from sequencer.primitives.transaction import Transaction, decode_transaction
from sequencer.state.cache import StateCache

from .chain import BenchChain
from .engines import EngineEntry
from .workloads import make_workload

WORKLOADS = ("ERC-20, one token", "swaps, a pool each", "raw transfers")

TIERS: dict[str, Callable[[StateCache], NativeEngine]] = {
    "store": lambda _: NativeEngine(1, is_cached=False),
    "redis": lambda cache: NativeEngine(1, prefetch=RedisPrefetch(cache), is_cached=False),
    "process": lambda _: NativeEngine(1),
    "process, redis": lambda cache: NativeEngine(1, prefetch=RedisPrefetch(cache)),
}


def main() -> None:
    """Measure and print: microseconds a transaction."""
    parser = argparse.ArgumentParser(prog="python -m bench.tiers", description=__doc__)
    parser.add_argument("--transactions", type=int, default=2_000)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    print("| workload | " + " | ".join(f"{tier}: cold, warm" for tier in TIERS) + " |")
    print("| --- |" + " ---: |" * len(TIERS))
    for name in WORKLOADS:
        cells = _measure(name, options.transactions, options.runs)
        print(f"| {name} | " + " | ".join(f"{cold:.2f}, {warm:.2f}" for cold, warm in cells) + " |")


def _measure(name: str, count: int, runs: int) -> list[tuple[float, float]]:
    workload = make_workload(name, count)
    transactions = [decode_transaction(raw) for raw in workload.raw]
    with BenchChain(workload.accounts, [EngineEntry("native", lambda _: NativeEngine(1))]) as chain:
        cold: dict[str, list[float]] = {tier: [] for tier in TIERS}
        warm: dict[str, list[float]] = {tier: [] for tier in TIERS}
        for _ in range(runs):
            for tier, make in TIERS.items():
                engine = make(chain.cache)
                cold[tier].append(_apply(chain, engine, transactions))
                warm[tier].append(_apply(chain, engine, transactions))
    median = statistics.median
    return [(1e6 * median(cold[tier]) / count, 1e6 * median(warm[tier]) / count) for tier in TIERS]


def _apply(chain: BenchChain, engine: NativeEngine, transactions: Sequence[Transaction]) -> float:
    opened = chain.open(engine)
    start = time.perf_counter()
    opened.apply(transactions)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
