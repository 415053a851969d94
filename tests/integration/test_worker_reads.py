"""Workers read what a slice needs from Redis, in bulk; and the store alone when there is no Redis."""

import pytest

from bench.engines import EngineBench, Measurement
from bench.workloads import make_workload


def measure(name: str, *, with_redis: bool) -> Measurement:
    """Blocks of one workload over a warm state."""
    workload = make_workload(name, 60)
    with EngineBench([workload], 2, with_redis=with_redis) as bench:
        return bench.measure(workload, 2)


@pytest.mark.parametrize("name", ["independent ERC-20 transfers", "mixed"])
def test_redis_serves_what_a_slice_prefetches(name: str) -> None:
    measured = measure(name, with_redis=True)

    assert measured.speculated > 20
    assert measured.prefetched > 2 * measured.speculated
    assert measured.served_by_redis >= 0.9 * measured.prefetched


def test_without_redis_the_store_serves_it() -> None:
    measured = measure("independent ERC-20 transfers", with_redis=False)

    assert measured.speculated > 20
    assert measured.prefetched > 2 * measured.speculated
    assert measured.served_by_redis == 0
