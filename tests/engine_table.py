"""
Every engine and number of workers that law 2 speaks of, by name; and chains of random blocks for them to agree on.

The serial engine makes each block, one transaction a slice. The others get the same transactions in other slices, each
from a pool that has seen all blocks before. A failure names the seed, which gives the same chain again.
"""

import contextlib
import random
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from sequencer.execution.environment import BlockEnvironment
from sequencer.execution.interface import Engine, Included
from sequencer.execution.native.engine import NativeEngine
from sequencer.execution.parallel.engine import ParallelEngine
from sequencer.execution.parallel.schedule import ScheduleLimits
from sequencer.execution.serial import SerialEngine
from sequencer.native import is_available
from sequencer.primitives.block import AnyTransaction
from sequencer.state.reader import StateReader
from tests.fakes.memory_state import MemoryState, memory_state
from tests.fakes.worker_source import MemorySource
from tests.market_blocks import PARENT, MarketBlocks, PlayedBlock, assert_agrees, make_world
from tests.random_blocks import RandomBlocks
from tests.unit.execution.chain_fixture import L1_BLOCK_ALLOC, make_environment

EAGER = ScheduleLimits(min_batch=100, max_batch=4_000, min_slice=0, dominant_share=2)
"""Everything that can go to a worker goes to one, in small batches: correctness is tested where it is hardest."""

MAX_CHAIN_BLOCKS = 3
MAX_TRANSACTIONS = 14

NextTransaction = Callable[[StateReader, int], AnyTransaction]


def make_parallel(workers: int) -> ParallelEngine:
    """A parallel engine whose workers are there and get everything."""
    engine = ParallelEngine(MemorySource(), workers, limits=EAGER)
    assert engine.wait_until_ready()
    return engine


NATIVE: Mapping[str, Callable[[], Engine]] = (
    {
        "native-1": lambda: NativeEngine(1),
        "native-2": lambda: NativeEngine(2, is_always_parallel=True),
        "native-4": lambda: NativeEngine(4, is_always_parallel=True),
        "native-planned": lambda: NativeEngine(2),
    }
    if is_available()
    else {}
)
"""Empty where the extension is not installed: `tests/integration/test_packaging.py` demands it where cargo is."""

ENGINES: Mapping[str, Callable[[], Engine]] = {
    "serial": SerialEngine,
    "parallel-1": lambda: make_parallel(1),
    "parallel-2": lambda: make_parallel(2),
    "parallel-4": lambda: make_parallel(4),
    **NATIVE,
}


@contextlib.contextmanager
def deep_stack() -> Iterator[None]:
    """py-evm's own limit of Python frames, which its deepest calls need; Hypothesis lowers it within its tests."""
    lowered = sys.getrecursionlimit()
    sys.setrecursionlimit(10 * 1024)
    try:
        yield
    finally:
        sys.setrecursionlimit(lowered)


def play_chain(seed: int) -> Iterator[PlayedBlock]:
    """One to three blocks, each on the one before: of the market's world or of random programs, plain or under OP."""
    rng = random.Random(seed)
    environment = make_environment(
        is_optimism=rng.random() < 0.5, gas_limit=rng.choice((30_000_000, 30_000_000, 1_500_000, 60_000_000))
    )
    deposits: list[AnyTransaction] = []
    if rng.random() < 0.3:
        market, state = MarketBlocks(seed), make_world()
        deposits = [market.attributes()] if environment.rules.is_optimism else []
        next_transaction: NextTransaction = lambda view, _: market.transaction(view)  # noqa: E731
    else:
        programs = RandomBlocks(seed)
        state = memory_state({**L1_BLOCK_ALLOC, **programs.alloc})
        environment = replace(environment, fee_recipient=programs.fee_recipient)
        next_transaction = programs.transaction
    for _ in range(rng.randrange(1, MAX_CHAIN_BLOCKS + 1)):
        count = rng.randrange(MAX_TRANSACTIONS // 2, MAX_TRANSACTIONS + 1)
        played = _play(state, environment, deposits, next_transaction, count)
        yield played
        state = state.after(played.sealed.changes, played.sealed.trie)
        environment = _next_environment(environment, played.sealed.block.hash)


def agree(engines: Mapping[str, Engine], seed: int) -> int:
    """Let every engine make every block of the chain with this seed, in random slices; how many blocks it had."""
    blocks = 0
    rng = random.Random(seed)
    for played in play_chain(seed):
        blocks += 1
        for name, engine in engines.items():
            cuts = [rng.randrange(200) for _ in range(rng.randrange(5))]
            try:
                assert_agrees(engine, played, cuts)
            except BaseException as reason:
                reason.add_note(f"engine {name}, seed {seed}, block {blocks} of its chain, cuts {cuts}")
                raise
    return blocks


def _play(
    state: MemoryState,
    environment: BlockEnvironment,
    deposits: list[AnyTransaction],
    next_transaction: NextTransaction,
    count: int,
) -> PlayedBlock:
    opened = SerialEngine().open_block(PARENT, environment, state)
    transactions = list(deposits)
    outcomes = opened.apply(transactions)
    for _ in range(count):
        gas_used = sum(outcome.gas_used for outcome in outcomes if isinstance(outcome, Included))
        transactions.append(next_transaction(opened.view(), environment.gas_limit - gas_used))
        outcomes += opened.apply(transactions[-1:])
    return PlayedBlock(state, environment, tuple(transactions), tuple(outcomes), opened.seal(state))


def _next_environment(environment: BlockEnvironment, block_hash: bytes) -> BlockEnvironment:
    return replace(
        environment,
        number=environment.number + 1,
        timestamp=environment.timestamp + 2,
        parent_hash=block_hash,
        recent_hashes=(block_hash, *environment.recent_hashes)[:256],
    )
