"""Law 2: serial and parallel execution agree to the byte, for every number of workers and every cutting into slices."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sequencer.execution.interface import Deferred, Included, Invalid
from sequencer.execution.parallel.engine import ParallelEngine
from sequencer.execution.parallel.schedule import ScheduleLimits
from sequencer.execution.serial import SerialEngine
from sequencer.primitives.block import AnyTransaction
from tests.fakes.memory_state import memory_state
from tests.fakes.worker_source import MemorySource
from tests.market_blocks import PARENT, PlayedBlock, assert_agrees, play_market
from tests.random_blocks import RandomBlocks
from tests.unit.execution.chain_fixture import make_environment

EAGER = ScheduleLimits(min_batch=100, max_batch=4_000, min_slice=0, dominant_share=2)
"""Everything that can go to a worker goes to one, in small batches: correctness is tested where it is hardest."""

QUICK = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

seeds = st.integers(0, 2**32)
cuts = st.lists(st.integers(0, 200), max_size=6)


@pytest.fixture(scope="module", params=[1, 2, 4])
def engine(request: pytest.FixtureRequest) -> Iterator[ParallelEngine]:
    engine = ParallelEngine(MemorySource(), int(request.param), limits=EAGER)
    assert engine.wait_until_ready()
    yield engine
    engine.close()


@QUICK
@given(seed=seeds, cuts=cuts, is_optimism=st.booleans(), gas_limit=st.sampled_from((30_000_000, 1_500_000)))
def test_markets(engine: ParallelEngine, seed: int, cuts: list[int], is_optimism: bool, gas_limit: int) -> None:
    played = play_market(seed, 40, is_optimism=is_optimism, gas_limit=gas_limit)

    assert_agrees(engine, played, cuts)


@QUICK
@given(seed=seeds, cuts=cuts, is_optimism=st.booleans())
def test_random_programs(engine: ParallelEngine, seed: int, cuts: list[int], is_optimism: bool) -> None:
    blocks, environment = RandomBlocks(seed), make_environment(is_optimism)
    state = memory_state(blocks.alloc)
    opened = SerialEngine().open_block(PARENT, environment, state)
    transactions: list[AnyTransaction] = []
    outcomes = []
    for _ in range(25):
        transactions.append(blocks.transaction(opened.view()))
        outcomes += opened.apply(transactions[-1:])
    played = PlayedBlock(state, environment, tuple(transactions), tuple(outcomes), opened.seal(state))

    assert_agrees(engine, played, cuts)


def test_the_markets_are_what_they_should_be() -> None:
    """Otherwise agreement says little: every outcome occurs, and most transactions do something."""
    outcomes = [outcome for seed in range(4) for outcome in play_market(seed, 60, gas_limit=1_500_000).outcomes]
    included = [outcome for outcome in outcomes if isinstance(outcome, Included)]

    assert {type(outcome) for outcome in outcomes} == {Included, Invalid, Deferred}
    assert len(included) > len(outcomes) // 2
    assert {outcome.receipt.status for outcome in included} == {0, 1}
    assert {outcome.transaction.type for outcome in included} == {0, 1, 2, 4, 0x7E}


def test_workers_did_take_part(engine: ParallelEngine) -> None:
    before = engine.counts.speculated
    played = play_market(1, 40)

    assert_agrees(engine, played)
    assert engine.counts.speculated > before + 5
