"""
Law 2: all engines agree to the byte, for every number of workers and every cutting into slices.

`BRAID_RANDOM_BLOCKS` says how many random blocks (500 in `make test`, 5,000 in `make test-long`), `BRAID_RANDOM_SEED`
where their seeds begin.
"""

import os
from collections.abc import Iterator, Mapping

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sequencer.execution.interface import Deferred, Engine, Included, Invalid
from sequencer.execution.parallel.engine import ParallelEngine
from tests.engine_table import ENGINES, agree, play_chain
from tests.market_blocks import assert_agrees, play_market

BLOCKS = int(os.environ.get("BRAID_RANDOM_BLOCKS", "500"))
FIRST_SEED = int(os.environ.get("BRAID_RANDOM_SEED", "0"))
CHUNK_BLOCKS = 25
"""Blocks of one test: the chunks are spread over the processes that run tests."""

SEEDS_APART = 1_000
"""More than a chunk uses."""

QUICK = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture(scope="module")
def engines() -> Iterator[Mapping[str, Engine]]:
    """One of each for all tests here, so that pools are reused and know what they have learned."""
    made = {name: make() for name, make in ENGINES.items()}
    yield made
    for engine in made.values():
        engine.close()


def agree_on(engines: Mapping[str, Engine], first_seed: int, blocks: int) -> None:
    seed, done = first_seed, 0
    while done < blocks:
        done += agree(engines, seed)
        seed += 1


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(-(-BLOCKS // CHUNK_BLOCKS)))
def test_random_blocks_are_the_same_in_every_engine(engines: Mapping[str, Engine], chunk: int) -> None:
    agree_on(engines, FIRST_SEED + chunk * SEEDS_APART, CHUNK_BLOCKS)


def test_a_few_random_blocks_are_the_same_in_every_engine(engines: Mapping[str, Engine]) -> None:
    """The same in small, for `make check`."""
    agree_on(engines, 2**32 + FIRST_SEED, 10)


@QUICK
@given(
    seed=st.integers(0, 2**32),
    cuts=st.lists(st.integers(0, 200), max_size=6),
    is_optimism=st.booleans(),
    gas_limit=st.sampled_from((30_000_000, 1_500_000)),
)
def test_markets(engines: Mapping[str, Engine], seed: int, cuts: list[int], is_optimism: bool, gas_limit: int) -> None:
    played = play_market(seed, 40, is_optimism=is_optimism, gas_limit=gas_limit)

    for engine in engines.values():
        assert_agrees(engine, played, cuts)


def test_the_markets_are_what_they_should_be() -> None:
    """Otherwise agreement says little: every outcome occurs, and most transactions do something."""
    outcomes = [outcome for seed in range(4) for outcome in play_market(seed, 60, gas_limit=1_500_000).outcomes]
    included = [outcome for outcome in outcomes if isinstance(outcome, Included)]

    assert {type(outcome) for outcome in outcomes} == {Included, Invalid, Deferred}
    assert len(included) > len(outcomes) // 2
    assert {outcome.receipt.status for outcome in included} == {0, 1}
    assert {outcome.transaction.type for outcome in included} == {0, 1, 2, 4, 0x7E}


def test_random_chains_are_what_they_should_be() -> None:
    played = [block for seed in range(30) for block in play_chain(seed)]
    outcomes = [outcome for block in played for outcome in block.outcomes]
    included = [outcome for outcome in outcomes if isinstance(outcome, Included)]

    assert {type(outcome) for outcome in outcomes} == {Included, Invalid, Deferred}
    assert len(included) > len(outcomes) * 2 // 3
    assert sum(outcome.receipt.status for outcome in included) > len(included) // 3
    assert {block.environment.rules.is_optimism for block in played} == {False, True}
    assert sum(block.environment.parent_hash != played[0].environment.parent_hash for block in played) > 5
    assert any(block.sealed.changes.wiped for block in played)


def test_workers_did_take_part(engines: Mapping[str, Engine]) -> None:
    played = play_market(1, 40)

    for engine in engines.values():
        if isinstance(engine, ParallelEngine):
            before = engine.counts.speculated
            assert_agrees(engine, played)
            assert engine.counts.speculated > before + 5
