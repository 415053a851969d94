"""Two local Ray workers, which have no store: they ask for what they need, and the blocks are the same."""

import os

import pytest

from sequencer.execution.parallel.engine import ParallelEngine
from tests.engine_table import EAGER, play_chain
from tests.fakes.worker_source import AskingSource
from tests.market_blocks import assert_agrees, play_market

try:
    from sequencer.execution.parallel import ray_executor
    from sequencer.execution.parallel.ray_executor import RayExecutor
except ImportError:
    if os.environ.get("CI"):
        raise  # an optional extra for users, and part of the development tools
    pytest.skip("Ray is not installed", allow_module_level=True)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("ray"),
    pytest.mark.filterwarnings("ignore"),  # Ray's own, about what it does to sockets and to its future defaults
]

READY_SECONDS = 120.0


def test_two_ray_workers_make_the_same_blocks_and_so_does_one_that_is_left() -> None:
    """Nothing of the state is sent but what they ask for, and what blocks change."""
    executor = RayExecutor(2)
    engine = ParallelEngine(AskingSource(), 2, executor=executor, limits=EAGER)
    try:
        assert engine.wait_until_ready(READY_SECONDS)
        for seed in range(3):
            for played in play_chain(seed):
                assert_agrees(engine, played, [5, 9])
        assert_agrees(engine, play_market(1, 30))
        assert engine.counts.speculated > 20
        assert engine.counts.questions > 0
        assert engine.counts.catch_ups["delta"] > 0
        assert sum(engine.counts.failures.values()) == 0

        ray_executor.ray.kill(executor.links[0].actor)
        assert_agrees(engine, play_market(2, 30), [20])
        assert engine.counts.failures["died"] == 1
    finally:
        engine.close()
    assert not ray_executor.ray.is_initialized()
