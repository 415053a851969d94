"""Workers keep what they know of committed state: told what changed, starting over at a gap, and never believed."""

import pytest

from sequencer.execution.parallel.catch_up import MAX_BLOCKS, MAX_KEYS, BlockHistory
from sequencer.execution.parallel.committed_state import CommittedState
from sequencer.execution.parallel.engine import ParallelEngine
from sequencer.execution.parallel.messages import ADVANCE, Delta, pack_changes, unseal
from sequencer.primitives.account import Account
from sequencer.state.changes import StateChanges
from sequencer.state.metrics import TierCounts
from tests.engine_table import EAGER, play_chain
from tests.factories import address
from tests.fakes.memory_state import MemoryState
from tests.fakes.scripted_executor import Act, ScriptedExecutor
from tests.fakes.worker_source import MemoryReader, MemorySource
from tests.market_blocks import SENDERS, assert_agrees, play_list, send_tokens

ALICE, BOB = address(1), address(2)
HASHES = [bytes([number]) * 32 for number in range(MAX_BLOCKS + 3)]


def test_a_way_leads_over_the_blocks_between() -> None:
    history = BlockHistory()
    for number in range(3):
        history.note(HASHES[number], HASHES[number + 1], StateChanges({ALICE: Account(number)}))
    way = history.way(HASHES[1], HASHES[3])

    assert way is not None
    assert [unseal(message)[0] for message in way] == [ADVANCE, ADVANCE]
    assert [unseal(message)[1][:2] for message in way] == [(HASHES[1], HASHES[2]), (HASHES[2], HASHES[3])]  # type: ignore[index]
    assert history.way(HASHES[3], HASHES[3]) == []


def test_no_way_leads_over_a_gap_to_a_fork_or_back() -> None:
    history = BlockHistory()
    history.note(HASHES[0], HASHES[1], StateChanges())
    history.note(HASHES[2], HASHES[3], StateChanges())

    assert history.way(HASHES[0], HASHES[3]) is None
    assert history.way(HASHES[1], HASHES[3]) is None
    assert history.way(HASHES[1], HASHES[0]) is None


def test_history_and_ways_are_bounded() -> None:
    history = BlockHistory()
    for number in range(MAX_BLOCKS + 2):
        history.note(HASHES[number], HASHES[number + 1], StateChanges())
    assert history.way(HASHES[2], HASHES[MAX_BLOCKS + 2]) is not None
    assert history.way(HASHES[1], HASHES[MAX_BLOCKS + 2]) is None

    half = StateChanges(storage={ALICE: dict.fromkeys(range(MAX_KEYS // 2 + 1), 1)})
    history = BlockHistory()
    for number in range(2):
        history.note(HASHES[number], HASHES[number + 1], half)
    assert history.way(HASHES[1], HASHES[2]) is not None
    assert history.way(HASHES[0], HASHES[2]) is None


def known_state(state: MemoryState) -> CommittedState:
    committed = CommittedState()
    committed.begin(HASHES[0], MemoryReader(state), may_keep=False)
    committed.account(ALICE)
    committed.storage(BOB, 1)
    return committed


STATE = MemoryState(accounts={ALICE: Account(1, 5), BOB: Account(1)}, slots={BOB: {1: 10, 2: 20}})


class Nothing(MemoryReader):
    """A state that must not be read."""

    def __init__(self) -> None:
        self.counts = TierCounts()


def test_what_is_known_stays_where_blocks_do_not_change_it() -> None:
    committed = known_state(STATE)
    changes = StateChanges(accounts={BOB: Account(2)}, storage={BOB: {2: 21}})
    committed.advance(HASHES[0], HASHES[1], Delta._make(pack_changes(changes)))
    committed.begin(HASHES[1], Nothing(), may_keep=True)

    assert committed.account(ALICE) == Account(1, 5)
    assert committed.account(BOB) == Account(2)
    assert (committed.storage(BOB, 1), committed.storage(BOB, 2)) == (10, 21)


def test_an_account_that_ended_takes_its_slots_with_it() -> None:
    committed = known_state(STATE)
    changes = StateChanges(accounts={BOB: None}, wiped=frozenset({BOB}))
    committed.advance(HASHES[0], HASHES[1], Delta._make(pack_changes(changes)))
    committed.begin(HASHES[1], MemoryReader(STATE.after(StateChanges())), may_keep=True)

    assert committed.account(BOB) is None
    assert not committed._slots


@pytest.mark.parametrize(
    ("told", "block", "may_keep"),
    [((2, 1), 1, True), ((0, 1), 2, True), ((0, 1), 1, False)],
    ids=["gap", "missing", "not trusted"],
)
def test_whoever_missed_something_starts_over(told: tuple[int, int], block: int, may_keep: bool) -> None:
    committed = known_state(STATE)
    committed.advance(HASHES[told[0]], HASHES[told[1]], Delta((), (), (), ()))
    committed.begin(HASHES[block], MemoryReader(MemoryState()), may_keep=may_keep)

    assert committed.account(ALICE) is None
    assert committed.storage(BOB, 1) == 0


def make_engine(*script: Act) -> tuple[ParallelEngine, ScriptedExecutor]:
    executor = ScriptedExecutor(script)
    engine = ParallelEngine(MemorySource(), 1, executor=executor, limits=EAGER, monotonic=executor.monotonic)
    executor.get_ready()
    return engine, executor


def long_chains() -> list[int]:
    return [seed for seed in range(40) if sum(1 for _ in play_chain(seed)) == 3][:4]


@pytest.mark.parametrize("script", [(), (Act.LIE, Act.WORK, Act.DELIVER), (Act.MISS, Act.WORK, Act.DELIVER)])
def test_deltas_that_are_wrong_or_missing_cost_runs_only(script: tuple[Act, ...]) -> None:
    """Law 3, for what workers keep: the blocks are right, and without mishap they were told, not left to read again."""
    engine, _ = make_engine(*script)
    for seed in long_chains():
        for played in play_chain(seed):
            assert_agrees(engine, played)

    assert engine.counts.catch_ups["delta"] > 0
    assert sum(engine.counts.failures.values()) == 0


def test_a_worker_that_knows_what_is_not_so_is_told_to_start_over() -> None:
    """Otherwise everything that reads the wrong value would run twice for ever."""
    engine, executor = make_engine()
    played = play_list([send_tokens(sender, 0, b"\x77" * 20) for sender in range(SENDERS)])
    assert_agrees(engine, played)
    committed = executor.links[0].worker._committed
    committed._accounts[address(3)] = Account(7, 10**30)
    assert_agrees(engine, played)
    conflicts = engine.counts.conflicts
    assert conflicts > 0

    assert_agrees(engine, played)
    assert engine.counts.conflicts == conflicts
    assert engine.counts.catch_ups["start_over"] == 1


def test_the_same_state_again_is_not_read_again() -> None:
    engine, _ = make_engine()
    played = play_list([send_tokens(sender, 0, b"\x77" * 20) for sender in range(SENDERS)])
    assert_agrees(engine, played)
    reads = engine.counts.reads.tiers.store_reads
    assert_agrees(engine, played)

    assert reads > 0
    assert engine.counts.reads.tiers.store_reads == reads
    assert engine.counts.reads.kept > 0
    assert engine.counts.catch_ups == {"first": 1, "same": 1, "delta": 0, "start_over": 0}
