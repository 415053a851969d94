"""
Law 5: a process that is killed at any instant finds the chain before a change or after it, never between.

The story of `chain_kills` is told once to its end, and then once for every commit point in it by a child that is killed
exactly there, one of them being the instant between the commit and the write to Redis; and some times more at random.
The same with the engine of production, blocks that wait to be settled, and the points around settling them.
"""

import random
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from sequencer.chain.commit import CommitPoint
from sequencer.execution.interface import Engine
from sequencer.execution.native.engine import NativeEngine
from sequencer.execution.serial import SerialEngine
from sequencer.native import is_available
from sequencer.state import native_trie, tries
from sequencer.state.redis_server import RedisServer
from tests.fakes.chain_kills import CHANGES, EVERY_COMMIT, Dump, Teller, in_child, killer

COMMIT_POINTS = len(CHANGES) * len(EVERY_COMMIT)
PARTS = 2
"""Tests over which the kills of the real engine are spread."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer.start(tmp_path_factory.mktemp("redis"))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def teller(server: RedisServer) -> Teller:
    return Teller(server)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, teller: Teller) -> list[Dump]:
    return teller.dumps(tmp_path_factory.mktemp("told") / "chain")


@pytest.mark.parametrize("hit", range(COMMIT_POINTS))
def test_a_kill_at_a_commit_point_leaves_the_chain_before_or_after(
    tmp_path: Path, teller: Teller, told: list[Dump], hit: int
) -> None:
    assert in_child(lambda: teller.tell(tmp_path, killer(hit))) == signal.SIGKILL
    reached = teller.finish(tmp_path, told)

    change, point = divmod(hit, len(EVERY_COMMIT))
    is_committed = EVERY_COMMIT[point] in (CommitPoint.COMMITTED_NOT_PUBLISHED, CommitPoint.PUBLISHED)
    assert reached == CHANGES[change] + is_committed


def test_a_kill_at_a_random_instant_leaves_the_chain_before_or_after(
    tmp_path: Path, teller: Teller, told: list[Dump]
) -> None:
    seed = 20
    print(f"seed {seed}")
    chance = random.Random(seed)
    killed = 0
    for round_number in range(12):
        path = tmp_path / str(round_number)
        child = in_child(lambda path=path: teller.tell(path), kill_after_seconds=chance.uniform(0.01, 0.08))
        killed += child == signal.SIGKILL
        teller.finish(path, told)
    assert killed > 0


def make_real_engine() -> Engine:
    """The native engine, or the reference where the extension is absent."""
    return NativeEngine(2) if is_available() else SerialEngine()


@pytest.fixture(scope="module")
def real_teller(server: RedisServer) -> Teller:
    return Teller(server, make_real_engine, runs_code=True)


@pytest.fixture(scope="module")
def really_told(tmp_path_factory: pytest.TempPathFactory, real_teller: Teller) -> list[Dump]:
    return real_teller.dumps(tmp_path_factory.mktemp("really told") / "chain")


@pytest.mark.parametrize("part", range(PARTS))
def test_a_kill_while_blocks_are_pending_or_settled_leaves_the_chain_before_or_after(
    tmp_path: Path, real_teller: Teller, really_told: list[Dump], monkeypatch: pytest.MonkeyPatch, part: int
) -> None:
    """What is told is of blocks that are small; here all are large, and are the same in the end."""
    teller, told = real_teller, really_told
    monkeypatch.setattr(native_trie, "DIRECT_KEYS", 0)
    monkeypatch.setattr(tries, "MOST_PENDING_BLOCKS", 2)
    points: list[CommitPoint] = []
    teller.tell(tmp_path / "whole", points.append)
    assert set(points) == (set(CommitPoint) if is_available() else set(EVERY_COMMIT))
    for hit in range(part, len(points), PARTS):
        path = tmp_path / str(hit)
        assert in_child(lambda path=path, hit=hit: teller.tell(path, killer(hit))) == signal.SIGKILL
        reached = teller.finish(path, told)

        committed = points[: hit + 1].count(CommitPoint.COMMITTED_NOT_PUBLISHED)
        is_before = points[hit] in (CommitPoint.BEFORE_COMMIT, CommitPoint.WRITTEN_NOT_COMMITTED)
        assert reached == (CHANGES[committed] if is_before else CHANGES[committed - 1] + 1)
