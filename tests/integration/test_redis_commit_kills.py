"""
Law 5: a process that is killed at any instant finds the chain before a change or after it, never between.

The story below is told once to its end, and then once for every commit point in it by a child that is killed exactly
there, one of them being the instant between the commit and the write to Redis; and some times more at random.
"""

import os
import random
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from l1_bridge.types import BlockId
from sequencer.chain.chain import Chain
from sequencer.chain.commit import CommitPoint, HeadCache, pass_by
from sequencer.state.cache import StateCache
from sequencer.state.cached_reader import CachedReader
from sequencer.state.redis_server import RedisServer
from sequencer.state.store import Store, Table
from tests.factories import CHAIN_ID, address
from tests.fakes.chain_story import build_block, open_chain, transfer

BOB = b"\xb0" * 20
L1_NEXT = BlockId(5, b"\x05" * 32)
OWN_TO_THE_STORE = (b"store_id", b"cache_secret")

Dump = dict[Table, list[tuple[bytes, bytes]]]


def write_slot(chain: Chain, slot: int, value: int) -> None:
    data = slot.to_bytes(32, "big") + value.to_bytes(32, "big")
    build_block(chain, [transfer(chain, value=value, to=BOB, data=data)])


def mark(chain: Chain, number: int) -> None:
    ref = chain.ref(number)
    assert ref is not None
    chain.mark_safe(ref, L1_NEXT)


def finalize(chain: Chain, number: int) -> None:
    ref = chain.ref(number)
    assert ref is not None
    chain.mark_finalized(ref)


STORY: tuple[Callable[[Chain], object], ...] = (
    lambda chain: write_slot(chain, 1, 5),
    lambda chain: write_slot(chain, 1, 6),
    lambda chain: mark(chain, 1),
    lambda chain: write_slot(chain, 2, 7),
    lambda chain: write_slot(chain, 1, 0),
    lambda chain: finalize(chain, 1),
    lambda chain: chain.unwind(2),
    lambda chain: write_slot(chain, 1, 9),
    lambda chain: build_block(chain, [transfer(chain, value=0, to=bytes(20))]),
    lambda chain: chain.unwind(1),
    lambda chain: write_slot(chain, 2, 3),
)
COMMIT_POINTS = 9 * len(CommitPoint)
"""Blocks and unwinds of the story; marks are single puts and have none."""


def dump(store: Store) -> Dump:
    with store.read() as transaction:
        tables = {table: list(transaction.from_key(table, b"")) for table in Table}
    tables[Table.META] = [entry for entry in tables[Table.META] if entry[0] not in OWN_TO_THE_STORE]
    return tables


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer.start(tmp_path_factory.mktemp("redis"))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> list[Dump]:
    """What the store holds before the story and after each of its steps."""
    chain = open_chain(tmp_path_factory.mktemp("told"))
    dumps = [dump(chain.store)]
    for step in STORY:
        step(chain)
        dumps.append(dump(chain.store))
    chain.store.close()
    return dumps


def cache_of(server: RedisServer) -> Callable[[Store], HeadCache]:
    return lambda store: StateCache.connect(server.url, store, chain_id=CHAIN_ID)


def in_child(work: Callable[[], object], kill_after_seconds: float | None = None) -> int:
    """Run `work` in a forked child; the signal that ended it."""
    pid = os.fork()
    if pid == 0:
        try:
            if kill_after_seconds is not None:
                signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
                signal.setitimer(signal.ITIMER_REAL, kill_after_seconds)
            work()
        finally:
            os._exit(0)
    return os.WTERMSIG(os.waitpid(pid, 0)[1])


def check_cache(chain: Chain, server: RedisServer) -> None:
    state = chain.head_state()
    reader = CachedReader(StateCache.connect(server.url, chain.store, chain_id=CHAIN_ID), state)
    slots = [(BOB, 1), (BOB, 2)]
    reader.prefetch([BOB, address(0)], slots)
    assert [reader.account(who) for who in (BOB, address(0))] == [state.account(who) for who in (BOB, address(0))]
    assert [reader.storage(*slot) for slot in slots] == [state.storage(*slot) for slot in slots]


def finish(path: Path, server: RedisServer, told: list[Dump]) -> int:
    """Open what a killed child left, check it, tell the rest of the story; returns the step that was reached."""
    chain = open_chain(path, cache=cache_of(server))
    reached = told.index(dump(chain.store))
    check_cache(chain, server)
    for step, expected in zip(STORY[reached:], told[reached + 1 :], strict=True):
        step(chain)
        assert dump(chain.store) == expected
        check_cache(chain, server)
    chain.store.close()
    return reached


@pytest.mark.parametrize("hit", range(COMMIT_POINTS))
def test_a_kill_at_a_commit_point_leaves_the_chain_before_or_after(
    tmp_path: Path, server: RedisServer, told: list[Dump], hit: int
) -> None:
    hits = iter(range(COMMIT_POINTS))

    def at_point(_: CommitPoint) -> None:
        if next(hits) == hit:
            os.kill(os.getpid(), signal.SIGKILL)

    def tell() -> None:
        chain = open_chain(tmp_path, cache=cache_of(server), at_point=at_point)
        for step in STORY:
            step(chain)

    assert in_child(tell) == signal.SIGKILL
    reached = finish(tmp_path, server, told)

    changes = [index for index in range(len(STORY)) if index not in (2, 5)]
    is_committed = list(CommitPoint)[hit % 4] in (CommitPoint.COMMITTED_NOT_PUBLISHED, CommitPoint.PUBLISHED)
    assert reached == changes[hit // 4] + is_committed


def test_a_kill_at_a_random_instant_leaves_the_chain_before_or_after(
    tmp_path: Path, server: RedisServer, told: list[Dump]
) -> None:
    seed = 20
    print(f"seed {seed}")
    chance = random.Random(seed)
    killed = 0
    for round_number in range(12):
        path = tmp_path / str(round_number)

        def tell(path: Path = path) -> None:
            chain = open_chain(path, cache=cache_of(server), at_point=pass_by)
            for step in STORY:
                step(chain)

        killed += in_child(tell, kill_after_seconds=chance.uniform(0.01, 0.08)) == signal.SIGKILL
        finish(path, server, told)
    assert killed > 0
