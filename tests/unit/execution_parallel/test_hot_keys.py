"""Keys that made results fail are remembered and cost fewer conflicts; they cool down, and never change a result."""

import pytest

from sequencer.execution.parallel.engine import ParallelEngine
from sequencer.execution.parallel.hot_keys import HALF_LIFE_SLICES, MAX_KINDS_A_KEY, HotKeys
from sequencer.execution.parallel.messages import SpeculativeResult
from sequencer.execution.parallel.prediction import Location, Prediction
from sequencer.primitives.account import Account
from sequencer.primitives.transaction import AccessListEntry, Transaction
from tests.engine_table import EAGER
from tests.factories import make_transaction, private_key
from tests.fakes.memory_state import MemoryState
from tests.fakes.scripted_executor import ScriptedExecutor
from tests.fakes.worker_source import MemorySource
from tests.market_blocks import SENDERS, PlayedBlock, assert_agrees, increment, make_world, play_list

GAME = bytes(19) + b"\xf7"
TOP = Location(GAME, 7)
NOTHING = Prediction((), 600.0)

PLAY = bytes.fromhex("5f3533556007545f3511600e57005b5f35600755")
"""The first word of the data is the score. Slot of the caller := score; if score > slot 7: slot 7 := score."""


def play(sender: int, score: int, nonce: int = 0, selector_free: bytes = b"") -> Transaction:
    """A move: the caller's own slot, and the leaderboard when the score is above it."""
    data = score.to_bytes(32, "big") + selector_free
    return make_transaction(key=private_key(sender), nonce=nonce, to=GAME, value=0, data=data, gas_limit=90_000)


def make_game() -> MemoryState:
    state = make_world()
    code_hash = b"\x07" * 32
    return type(state)(
        **{
            **vars(state),
            "codes": {**state.codes, code_hash: PLAY},
            "accounts": {**state.accounts, GAME: Account(1, 0, code_hash)},
        }
    )


def moves(round_number: int) -> PlayedBlock:
    """Of twelve players every third beats the record."""
    base = 10 * round_number
    scores = [base + index if index % 3 == 0 else 0 for index in range(SENDERS)]
    return play_list([play(sender, score) for sender, score in enumerate(scores)], make_game())


def make_engine(hot_keys: HotKeys) -> ParallelEngine:
    executor = ScriptedExecutor()
    engine = ParallelEngine(MemorySource(), 2, executor=executor, limits=EAGER, monotonic=executor.monotonic)
    executor.get_ready()
    engine.hot_keys = hot_keys
    return engine


def conflicts_of(hot_keys: HotKeys, blocks: list[PlayedBlock]) -> int:
    engine = make_engine(hot_keys)
    for played in blocks:
        assert_agrees(engine, played)
    assert engine.counts.speculated > 0
    return engine.counts.conflicts


def test_a_leaderboard_costs_fewer_conflicts_than_without_learning() -> None:
    blocks = [moves(number) for number in range(1, 7)]

    assert conflicts_of(HotKeys(), blocks) < conflicts_of(HotKeys(max_keys=0), blocks) / 2


def test_a_counter_costs_no_more_conflicts_than_without_learning() -> None:
    blocks = [play_list([increment(sender, 0) for sender in range(SENDERS)]) for _ in range(4)]

    assert conflicts_of(HotKeys(), blocks) <= conflicts_of(HotKeys(max_keys=0), blocks)


@pytest.mark.parametrize("stubborn", [False, True])
def test_a_wrong_guess_changes_no_result(stubborn: bool) -> None:
    """Everything is taken for hot, on keys that nobody touches: one chain, or all at its turn."""
    hot_keys = HotKeys()
    for selector in (play(0, 1), increment(0, 0)):
        for _ in range(4):
            hot_keys.note_conflict(selector, Location(b"\x99" * 20, 1), was_chained=stubborn)
            hot_keys.end_slice()
    engine = make_engine(hot_keys)

    assert_agrees(engine, moves(1))
    assert engine.counts.hot["in_turn" if stubborn else "chained"] == SENDERS
    assert (engine.counts.dispatched == 0) is stubborn
    assert engine.counts.conflicts == 0


def heat(hot_keys: HotKeys, times: int, *, was_chained: bool = False) -> None:
    for _ in range(times):
        hot_keys.note_conflict(play(0, 1), TOP, was_chained=was_chained)


def test_a_hot_key_is_expected_of_its_kind_of_its_prediction_and_of_access_lists() -> None:
    hot_keys = HotKeys()
    assert hot_keys.expected(play(0, 1), NOTHING) == []
    heat(hot_keys, 1)
    other = make_transaction(to=b"\x55" * 20)
    listed = make_transaction(to=b"\x55" * 20, access_list=[AccessListEntry(GAME, (7,))])

    assert hot_keys.expected(play(1, 2), NOTHING) == [TOP]
    assert hot_keys.expected(other, NOTHING) == []
    assert hot_keys.expected(other, Prediction(((TOP, False),), 1.0)) == [TOP]
    assert hot_keys.expected(listed, NOTHING) == [TOP]


def test_a_kind_that_seldom_touches_it_is_not_expected_to() -> None:
    hot_keys = HotKeys()
    heat(hot_keys, 1)
    elsewhere = SpeculativeResult(1, 50_000, (), b"", (), ((GAME, 1, 0),), (), (), (), (), 5)
    for _ in range(4):
        hot_keys.note_touched(play(0, 1), elsewhere)
    assert hot_keys.expected(play(0, 1), NOTHING) == []

    for _ in range(4):
        hot_keys.note_touched(play(0, 1), elsewhere._replace(slots=((GAME, 7, 0),)))
    assert hot_keys.expected(play(0, 1), NOTHING) == [TOP]


def test_heat_decays_until_the_key_is_forgotten() -> None:
    hot_keys = HotKeys()
    heat(hot_keys, 2)
    for _ in range(HALF_LIFE_SLICES):
        hot_keys.end_slice()
    assert hot_keys.expected(play(0, 1), NOTHING) == [TOP]
    for _ in range(HALF_LIFE_SLICES):
        hot_keys.end_slice()
    assert hot_keys.expected(play(0, 1), NOTHING) == []
    assert len(hot_keys) == 1
    for _ in range(HALF_LIFE_SLICES):
        hot_keys.end_slice()

    assert len(hot_keys) == 0


def test_chains_that_fail_in_slice_after_slice_make_a_key_stubborn() -> None:
    hot_keys = HotKeys()
    heat(hot_keys, 9, was_chained=True)
    assert not hot_keys.are_stubborn([TOP])
    for _ in range(2):
        hot_keys.end_slice()
        heat(hot_keys, 1, was_chained=True)

    assert hot_keys.are_stubborn([TOP])


def test_memory_is_bounded() -> None:
    hot_keys = HotKeys(max_keys=5)
    heat(hot_keys, 3)
    for index in range(20):
        hot_keys.note_conflict(play(0, 1), Location(GAME, 100 + index), was_chained=False)
        for kind in range(MAX_KINDS_A_KEY // 8):
            hot_keys.note_conflict(make_transaction(to=bytes(18) + bytes([index, kind])), TOP, was_chained=False)

    assert len(hot_keys) == 5
    assert len(hot_keys._keys[TOP].shares) == MAX_KINDS_A_KEY
    assert sum(map(len, hot_keys._of_kind.values())) == sum(len(key.shares) for key in hot_keys._keys.values())
