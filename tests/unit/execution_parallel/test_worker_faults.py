"""Whatever happens to workers, and whatever they read, the block is the same; each failure is counted."""

import os
import signal
from collections.abc import Callable, Iterator

import pytest

from sequencer.execution.parallel.engine import ParallelEngine
from sequencer.execution.parallel.schedule import ScheduleLimits
from tests.factories import address
from tests.fakes.worker_source import FaultySource, MemorySource
from tests.market_blocks import SENDERS, assert_agrees, play_list, play_market, send_tokens

EAGER = ScheduleLimits(min_batch=100, max_batch=4_000, min_slice=0, dominant_share=2)

MakeEngine = Callable[[MemorySource], ParallelEngine]


@pytest.fixture
def make_engine() -> Iterator[MakeEngine]:
    engines: list[ParallelEngine] = []

    def make(source: MemorySource) -> ParallelEngine:
        engines.append(ParallelEngine(source, 2, answer_seconds=0.5, limits=EAGER))
        assert engines[-1].wait_until_ready()
        return engines[-1]

    yield make
    for engine in engines:
        engine.close()


@pytest.mark.parametrize(
    ("fault", "counted"),
    [("die", "died"), ("hang", "hung"), ("garble", "garbled"), ("cut", "died garbled")],
)
def test_failing_workers_change_nothing(make_engine: MakeEngine, fault: str, counted: str) -> None:
    engine = make_engine(FaultySource(fault, period=20, seed=1))

    for seed in range(2):
        assert_agrees(engine, play_market(seed, 30), cuts=[10, 20])
        assert engine.wait_until_ready()
    assert sum(engine.counts.failures[kind] for kind in counted.split()) > 0
    assert all(count == 0 for kind, count in engine.counts.failures.items() if kind not in counted.split())


def test_workers_that_read_wrong_values_cost_executions_only(make_engine: MakeEngine) -> None:
    engine = make_engine(FaultySource("lie", period=6, seed=3))

    for seed in range(4):
        assert_agrees(engine, play_market(seed, 40), cuts=[15])
    assert engine.counts.conflicts > 0
    assert sum(engine.counts.failures.values()) == 0


@pytest.mark.parametrize("point", [0, 3, 8])
def test_workers_killed_between_slices_are_replaced(make_engine: MakeEngine, point: int) -> None:
    """Also the successor knows everything of the block: it catches up on the slices that it has missed."""
    engine = make_engine(MemorySource())
    played = play_market(point, 40)
    opened = engine.open_block(None, played.environment, played.state)  # type: ignore[arg-type]  # nobody reads it
    outcomes = opened.apply(played.transactions[: point + 1])
    for process_id in engine.pool.executor.process_ids:
        os.kill(process_id, signal.SIGKILL)
    outcomes += opened.apply(played.transactions[point + 1 : 20])
    assert engine.wait_until_ready()
    speculated = engine.counts.speculated
    outcomes += opened.apply(played.transactions[20:])

    assert tuple(outcomes) == played.outcomes
    assert opened.seal(played.state).block == played.sealed.block
    assert engine.counts.failures["died"] == 2
    assert engine.counts.speculated > speculated


def test_a_stopped_worker_is_given_up(make_engine: MakeEngine) -> None:
    engine = make_engine(MemorySource())
    os.kill(engine.pool.executor.process_ids[0], signal.SIGSTOP)

    assert_agrees(engine, play_list([send_tokens(sender, 0, b"\x77" * 20) for sender in range(SENDERS)]))
    assert engine.counts.failures["hung"] == 1


def test_without_workers_everything_runs_here() -> None:
    engine = ParallelEngine(MemorySource(), 0)

    assert_agrees(engine, play_market(5, 40), cuts=[7])
    assert engine.counts.dispatched == 0


def test_workers_end_with_the_engine(make_engine: MakeEngine) -> None:
    engine = make_engine(MemorySource())
    processes = engine.pool.executor.process_ids

    engine.close()
    for process_id in processes:
        with pytest.raises(ProcessLookupError):
            os.kill(process_id, 0)


def test_block_after_close_is_still_right(make_engine: MakeEngine) -> None:
    engine = make_engine(MemorySource())
    engine.close()

    assert_agrees(engine, play_list([send_tokens(0, 0, address(1))]))
