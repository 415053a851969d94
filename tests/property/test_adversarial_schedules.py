"""Laws 2 and 3: whatever happens to workers and to messages, the block is the serial engine's, byte for byte."""

import os

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sequencer.execution.parallel.engine import ParallelEngine
from tests.engine_table import EAGER, deep_stack, play_chain
from tests.fakes.scripted_executor import Act, ScriptedExecutor
from tests.fakes.worker_source import AskingSource, MemorySource
from tests.market_blocks import assert_agrees, play_market

scripts = st.lists(st.sampled_from([*Act, Act.WORK, Act.WORK, Act.DELIVER, Act.DELIVER]), min_size=1, max_size=40)
cuts = st.lists(st.integers(0, 200), max_size=4)

EXAMPLES = 15 if int(os.environ.get("BRAID_RANDOM_BLOCKS", "500")) <= 500 else 200

pytestmark = pytest.mark.timeout(120 + 2 * EXAMPLES)
"""Of all examples of a test together, on a machine that does other work too."""

MANY = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def make_engine(executor: ScriptedExecutor, source: MemorySource, workers: int = 2) -> ParallelEngine:
    engine = ParallelEngine(
        source, workers, executor=executor, limits=EAGER, answer_seconds=5, monotonic=executor.monotonic
    )
    executor.get_ready()
    return engine


@pytest.mark.parametrize("source", [MemorySource(), AskingSource()], ids=["reading", "asking"])
@MANY
@given(script=scripts, seed=st.integers(0, 2**32), cuts=cuts, workers=st.sampled_from((1, 2, 4)))
def test_every_schedule_gives_the_block(
    source: MemorySource, script: list[Act], seed: int, cuts: list[int], workers: int
) -> None:
    """Chains of blocks, so that answers of old blocks come, and workers know what is no longer so."""
    engine = make_engine(ScriptedExecutor(script), source, workers)

    with deep_stack():
        for played in play_chain(seed):
            assert_agrees(engine, played, cuts)
    engine.close()


@pytest.mark.parametrize("source", [MemorySource(), AskingSource()], ids=["reading", "asking"])
@MANY
@given(script=scripts, seed=st.integers(0, 2**32), cuts=cuts)
@example(script=[Act.WORK, Act.MISS, *[Act.WORK] * 8], seed=7873243, cuts=[4, 65, 178])  # a code that never came
def test_every_schedule_gives_the_market(source: MemorySource, script: list[Act], seed: int, cuts: list[int]) -> None:
    engine = make_engine(ScriptedExecutor(script), source)

    with deep_stack():
        assert_agrees(engine, play_market(seed, 25), cuts)
    engine.close()


@pytest.mark.parametrize("source", [MemorySource(), AskingSource()], ids=["reading", "asking"])
def test_without_mishap_the_workers_results_are_taken(source: MemorySource) -> None:
    """Otherwise the schedules above would say little."""
    engine = make_engine(ScriptedExecutor(), source)

    for played in play_chain(3):
        assert_agrees(engine, played)
    assert engine.counts.speculated > 10
    assert sum(engine.counts.failures.values()) == 0


@pytest.mark.parametrize(
    ("act", "kind"),
    [(Act.DIE, "died"), (Act.DAMAGE, "garbled"), (Act.CUT, "garbled"), (Act.REPEAT, "garbled"), (Act.LOSE, "hung")],
)
def test_each_mishap_is_counted_as_what_it_is(act: Act, kind: str) -> None:
    script = [Act.WORK, Act.DELIVER] * 4 + [Act.WORK] * 3 + [act]
    engine = make_engine(ScriptedExecutor(script), MemorySource(), workers=1)

    for seed in range(3):
        assert_agrees(engine, play_market(seed, 25))
    assert engine.counts.failures[kind] > 0
