"""Hints: true ones leave nothing to conflict, and whatever they say, the block is what it was."""

import random
from collections.abc import Iterator

import pytest

from sequencer.execution.access_list import NO_HINTS, AccessHint, AccessHints, TakesHints
from sequencer.execution.interface import Engine, Included
from sequencer.execution.parallel.engine import ParallelEngine
from sequencer.execution.parallel.prediction import Location, Predictor, hinted_keys
from sequencer.execution.parallel.schedule import Candidate, Schedule, ScheduleLimits
from sequencer.execution.serial import SerialEngine
from sequencer.state.flat import slot_key
from tests.engine_table import ENGINES, NATIVE, make_parallel
from tests.market_blocks import (
    COUNTER,
    PARENT,
    SENDERS,
    TOKEN,
    PlayedBlock,
    assert_agrees,
    increment,
    play_list,
    play_market,
    send_tokens,
)

COUNTER_SLOT = b"s" + slot_key(COUNTER, 0)
GIVES_ALL_AWAY = ScheduleLimits(min_batch=0, max_batch=4_000, min_slice=0, dominant_share=2)


@pytest.fixture
def engine() -> Iterator[ParallelEngine]:
    """One that has learned nothing yet."""
    engine = make_parallel(2)
    yield engine
    engine.close()


def true_hints(played: PlayedBlock) -> AccessHints:
    accesses = played.sealed.accesses
    assert accesses is not None
    included = [outcome.transaction for outcome in played.outcomes if isinstance(outcome, Included)]
    return AccessHints(
        {
            transaction.hash: AccessHint(access.reads, tuple(key for key, _ in access.writes))
            for transaction, access in zip(included, accesses, strict=True)
        }
    )


def counters_and_tokens() -> PlayedBlock:
    """Every other transaction writes one slot; the others have nothing in common."""
    transactions = []
    for sender in range(SENDERS):
        to = bytes(19) + bytes([sender + 1])
        transactions.append(increment(sender, 0) if sender % 2 else send_tokens(sender, 0, to))
    return play_list(transactions)


def test_engines_say_whether_they_take_hints(engine: ParallelEngine) -> None:
    assert isinstance(engine, TakesHints)
    assert not isinstance(SerialEngine(), TakesHints)


def test_true_hints_leave_no_conflict(engine: ParallelEngine) -> None:
    played = counters_and_tokens()
    engine.expect(true_hints(played))

    assert_agrees(engine, played)

    assert engine.counts.conflicts == 0


def test_hints_end_with_the_block_that_they_were_for(engine: ParallelEngine) -> None:
    played = counters_and_tokens()
    engine.expect(true_hints(played))
    assert_agrees(engine, played)

    assert engine.take_hints() is NO_HINTS
    opened = engine.open_block(PARENT, played.environment, played.state)
    opened.apply(played.transactions)
    assert engine.predictor.hints is NO_HINTS


@pytest.fixture(scope="module", params=["parallel-2", *NATIVE])
def taker(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Every engine that takes hints."""
    engine = ENGINES[request.param]()
    yield engine
    engine.close()


@pytest.mark.parametrize("seed", range(6))
def test_false_hints_change_nothing(taker: Engine, seed: int) -> None:
    """Keys that nobody touches, keys of others, everything tied to everything, and transactions that there are not."""
    rng = random.Random(seed)
    played = play_market(seed, 40)
    keys = [COUNTER_SLOT, b"a" + TOKEN, b"a" + rng.randbytes(20), b"s" + rng.randbytes(52)]
    keys += [key for hint in true_hints(played).transactions.values() for key in hint.reads]

    def some() -> tuple[bytes, ...]:
        return tuple(rng.choices(keys, k=rng.choice((0, 1, 5, 200))))

    hashes = [transaction.hash for transaction in played.transactions if rng.random() < 0.8]
    assert isinstance(taker, TakesHints)
    taker.expect(AccessHints({one: AccessHint(some(), some()) for one in [*hashes, rng.randbytes(32)]}))

    assert_agrees(taker, played, [rng.randrange(40)])


@pytest.mark.parametrize("seed", range(3))
def test_true_hints_change_nothing_either(taker: Engine, seed: int) -> None:
    played = play_market(seed, 40)
    assert isinstance(taker, TakesHints)
    taker.expect(true_hints(played))

    assert_agrees(taker, played)


def test_a_slot_that_is_written_ties_transactions_and_a_balance_does_not() -> None:
    predictor = Predictor()
    vault = b"a" + bytes(19) + b"\x11"
    tied = [increment(0, 0), increment(1, 0)]
    free = [send_tokens(2, 0, bytes(20)), send_tokens(3, 0, bytes(20))]
    predictor.hints = AccessHints(
        {one.hash: AccessHint((COUNTER_SLOT,), (COUNTER_SLOT, vault)) for one in tied}
        | {one.hash: AccessHint((COUNTER_SLOT[:-1] + b"\x09", vault), (vault,)) for one in free}
    )
    candidates = [Candidate(index, one, predictor.predict(one)) for index, one in enumerate([*tied, *free])]

    schedule = Schedule(candidates, 4, GIVES_ALL_AWAY)

    chains = schedule._chain_of
    assert chains[0] == chains[1]
    assert len({chains[0], chains[2], chains[3]}) == 3


def test_a_hint_stands_for_what_was_learned_and_others_do_not_count() -> None:
    predictor = Predictor()
    hinted, other = increment(0, 0), increment(1, 0)
    predictor.hints = AccessHints({hinted.hash: AccessHint((b"a" + TOKEN,), (COUNTER_SLOT,))})

    assert predictor.predict(hinted).locations == ((Location(TOKEN, None), False), (Location(COUNTER, 0), True))
    assert predictor.predict(other).locations == ()
    assert hinted_keys([hinted, other], predictor.hints) == ({TOKEN}, {(COUNTER, 0)})
    assert hinted_keys([hinted], NO_HINTS) == (set(), set())
