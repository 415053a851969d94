"""The simulator: bounds that no schedule can break, and what independent and dependent transactions come to."""

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.simulator import Overheads, SimulatedTransaction, calibrate, critical_path, simulate

THREADS = (1, 2, 3, 4, 8, 16)


def _transaction(reads: set[int], writes: set[int], nanoseconds: int) -> SimulatedTransaction:
    return SimulatedTransaction(
        frozenset(bytes([key]) for key in reads), frozenset(bytes([key]) for key in writes), nanoseconds
    )


def _independent(count: int) -> list[SimulatedTransaction]:
    return [
        SimulatedTransaction(frozenset({key}), frozenset({key}), 1_000)
        for key in map(str.encode, map(str, range(count)))
    ]


BLOCKS = st.lists(
    st.builds(
        _transaction, st.sets(st.integers(0, 9), max_size=4), st.sets(st.integers(0, 9), max_size=4), st.integers(1, 50)
    ),
    max_size=40,
)


@pytest.mark.parametrize("threads", THREADS)
def test_independent_transactions_share_the_threads(threads: int) -> None:
    block = _independent(480)

    assert simulate(block, threads).nanoseconds == 480 * 1_000 // threads


@pytest.mark.parametrize("threads", THREADS)
def test_one_chain_gains_and_loses_nothing(threads: int) -> None:
    rng = random.Random(1)
    block = [_transaction({0}, {0}, rng.randrange(1, 100)) for _ in range(200)]

    assert simulate(block, threads).nanoseconds == sum(item.nanoseconds for item in block)


def test_two_chains_keep_two_threads_busy() -> None:
    block = [_transaction({index % 2}, {index % 2}, 10) for index in range(100)]

    assert simulate(block, 2).nanoseconds == 500
    assert simulate(block, 16).nanoseconds == 500


@given(BLOCKS, st.sampled_from(THREADS), st.integers(0, 20), st.integers(0, 20))
def test_no_schedule_is_faster_than_its_bounds(
    block: list[SimulatedTransaction], threads: int, run: int, commit: int
) -> None:
    result = simulate(block, threads, Overheads(run, commit))

    total = sum(item.nanoseconds for item in block)
    assert result.nanoseconds >= critical_path(block)
    assert result.nanoseconds * threads >= total
    assert result.runs == len(block) + result.conflicts


@given(BLOCKS, st.sampled_from(THREADS))
def test_without_overheads_threads_cost_nothing(block: list[SimulatedTransaction], threads: int) -> None:
    assert simulate(block, threads).nanoseconds <= sum(item.nanoseconds for item in block)


@given(BLOCKS, st.sampled_from(THREADS), st.integers(0, 20))
def test_the_same_block_gives_the_same_result(block: list[SimulatedTransaction], threads: int, overhead: int) -> None:
    overheads = Overheads(overhead, overhead)

    assert simulate(block, threads, overheads) == simulate(list(block), threads, overheads)


def test_a_late_writer_makes_its_reader_run_again() -> None:
    block = [_transaction(set(), {1}, 100), _transaction({1}, {2}, 10)]

    result = simulate(block, 2)

    assert (result.nanoseconds, result.runs, result.conflicts) == (110, 3, 1)


def test_what_writes_without_reading_waits_for_nobody() -> None:
    block = [_transaction(set(), {1}, 100), _transaction(set(), {1}, 100)]

    assert simulate(block, 2).nanoseconds == 100
    assert critical_path(block) == 100


def test_commits_are_one_after_another() -> None:
    assert simulate(_independent(16), 16, Overheads(commit=500)).nanoseconds == 1_000 + 16 * 500


def test_calibration_finds_the_overhead() -> None:
    block = _independent(100)
    measured = simulate(block, 2, Overheads(300, 150)).nanoseconds

    assert simulate(block, 2, calibrate(block, 2, measured)).nanoseconds == pytest.approx(measured, rel=0.01)
    assert calibrate(block, 2, 1) == Overheads()


@settings(max_examples=20)
@given(BLOCKS)
def test_more_overhead_is_never_faster_on_independent_work(block: list[SimulatedTransaction]) -> None:
    alone = [SimulatedTransaction(frozenset(), item.writes, item.nanoseconds) for item in block]

    times = [simulate(alone, 4, Overheads(overhead, overhead)).nanoseconds for overhead in (0, 5, 50)]

    assert all(first <= second for first, second in pairwise(times))


@pytest.mark.parametrize("threads", [0, -1])
def test_without_threads_nothing_runs(threads: int) -> None:
    with pytest.raises(ValueError, match="can not run"):
        simulate(_independent(2), threads)
