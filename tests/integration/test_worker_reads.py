"""Workers read what a slice needs from Redis, in bulk; and the store alone when there is no Redis."""

import pytest

from bench.chain import BenchChain
from bench.engines import PARALLEL, SERIAL, engine_entries
from bench.measuring import measure
from bench.workloads import make_workload


def measured(name: str, *, with_redis: bool) -> tuple[int, int, int]:
    """Blocks of one workload over a warm state: transactions speculated, keys prefetched, and of these from Redis."""
    workload = make_workload(name, 60)
    entries = [entry for entry in engine_entries()[0] if entry.label in (SERIAL, PARALLEL)]
    with BenchChain(workload.accounts, entries, with_redis=with_redis) as chain:
        chain.engines[PARALLEL].keeps_state = False  # else they would know everything from the first run
        counts = measure(chain, workload, None, 2).small.counts[PARALLEL]
    return counts.speculated or 0, counts.prefetched or 0, counts.from_redis or 0


@pytest.mark.parametrize("name", ["ERC-20, one token", "mix of a public chain"])
def test_redis_serves_what_a_slice_prefetches(name: str) -> None:
    speculated, prefetched, from_redis = measured(name, with_redis=True)

    assert speculated > 20
    assert prefetched > 2 * speculated
    assert from_redis >= 0.9 * prefetched


def test_without_redis_the_store_serves_it() -> None:
    speculated, prefetched, from_redis = measured("ERC-20, one token", with_redis=False)

    assert speculated > 20
    assert prefetched > 2 * speculated
    assert from_redis == 0
