"""
The transaction manager killed at every instant: before and after each write, each send, each look.

A death is an exception at the n-th thing that the manager does to the outside; what
follows is a new manager on the same file. The caller remembers nothing either: it
submits what neither L1 nor `pending` knows.
"""

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from l1_bridge.l1_client import MinedTransaction
from l1_bridge.sending import Confirmed, TxManagerSettings
from l1_bridge.sent_records import Record
from l1_bridge.sent_store import FileSentStore
from l1_bridge.signer import LocalSigner
from l1_bridge.tx_manager import TransactionManager
from l1_bridge.types import L1Header, L1Tag
from tests.unit.l1_bridge.fake_pool import FakePool
from tests.unit.l1_bridge.managing import make_blob

TO = b"\x11" * 20
SIGNER = LocalSigner(b"\x42" * 32)
REQUESTS = 5


class Killed(Exception):
    """The process ends here."""


class Countdown:
    """Ends the process at the n-th instant."""

    def __init__(self, instants: int) -> None:
        self.left = instants
        self.seen = 0

    def tick(self) -> None:
        self.seen += 1
        self.left -= 1
        if self.left == 0:
            raise Killed


class MortalPool(FakePool):
    """A pool; the process that talks to it may die before or after it is heard."""

    countdown = Countdown(-1)

    async def header_by_tag(self, tag: L1Tag) -> L1Header | None:
        self.countdown.tick()
        return await super().header_by_tag(tag)

    async def mined_transaction(self, hash: bytes) -> MinedTransaction | None:
        self.countdown.tick()
        return await super().mined_transaction(hash)

    async def send_raw_transaction(self, encoded: bytes) -> None:
        self.countdown.tick()
        await super().send_raw_transaction(encoded)
        self.countdown.tick()


class MortalStore:
    """A store; the process may die before a write, in the middle of it, and after it."""

    def __init__(self, store: FileSentStore, path: Path, countdown: Countdown) -> None:
        self._store, self._path, self._countdown = store, path, countdown
        self.load = store.load

    def append(self, records: Sequence[Record]) -> None:
        self._countdown.tick()
        size = self._path.stat().st_size
        self._store.append(records)
        try:
            self._countdown.tick()
        except Killed:
            grown = self._path.stat().st_size
            with self._path.open("r+b") as file:
                file.truncate(size + (grown - size) // 2)
            raise
        self._countdown.tick()


async def _live(pool: MortalPool, directory: Path, countdown: Countdown, *, has_blobs: bool) -> None:
    """One process: submits what is missing, and works until all is settled or it is killed."""
    pool.countdown = countdown
    settings = TxManagerSettings(900, watch_blocks=4, max_in_flight=3)
    with FileSentStore.open(directory, chain_id=900, address=SIGNER.address) as file:
        store = MortalStore(file, directory / f"900-{SIGNER.address.hex()}.sent", countdown)
        manager = TransactionManager(pool, SIGNER, settings, store=store)
        known = {pending.data for pending in manager.pending()} | set(pool.mined_data())
        for request in range(REQUESTS):
            data = bytes([request])
            if data not in known:
                blobs = (make_blob(request),) if has_blobs and request % 2 else ()
                manager.submit(data, TO, data, gas_limit=50_000, blobs=blobs)
        while manager.pending():
            await manager.step()
            assert all(isinstance(result, Confirmed) for result in manager.results())
            pool.mine()


async def _live_through(pool: MortalPool, directory: Path, deaths: list[int], *, has_blobs: bool = False) -> int:
    """Processes one after another; returns the instants of the last one."""
    for instants in deaths:
        with pytest.raises(Killed):
            await _live(pool, directory, Countdown(instants), has_blobs=has_blobs)
    last = Countdown(-1)
    await _live(pool, directory, last, has_blobs=has_blobs)
    return last.seen


def _assert_once(pool: MortalPool) -> None:
    """Every request stands on L1 once, in order, and no nonce was paid for twice or for nothing."""
    assert pool.mined_data() == [bytes([request]) for request in range(REQUESTS)]
    by_nonce = {item.nonce: item.hash for item in pool.sent}
    assert by_nonce == {item.nonce: item.hash for block in pool.blocks for item in block.transactions}


async def test_a_kill_at_any_instant_costs_nothing_twice(tmp_path: Path) -> None:
    instants = await _live_through(MortalPool(), tmp_path / "whole", [])
    assert instants > 30
    for instant in range(1, instants + 1):
        pool = MortalPool()

        await _live_through(pool, tmp_path / str(instant), [instant])

        _assert_once(pool)


@pytest.mark.parametrize("has_blobs", [False, True])
async def test_many_kills_at_random_instants_cost_nothing_twice(tmp_path: Path, has_blobs: bool) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    dice = random.Random(seed)
    for life in range(4 if has_blobs else 40):
        pool = MortalPool()
        deaths = [dice.randrange(1, 8) for _ in range(dice.randrange(1, 6))]

        await _live_through(pool, tmp_path / str(life), deaths, has_blobs=has_blobs)

        _assert_once(pool)


async def test_what_was_submitted_together_is_kept_together(tmp_path: Path) -> None:
    for instant in range(1, 4):
        pool = MortalPool()
        with pytest.raises(Killed):
            await _live(pool, tmp_path / str(instant), Countdown(instant), has_blobs=False)
        with FileSentStore.open(tmp_path / str(instant), chain_id=900, address=SIGNER.address) as store:
            assert len(store.load()) in (0, REQUESTS)


async def test_request_of_an_older_process_is_pending_and_gets_its_result(tmp_path: Path) -> None:
    pool = FakePool()
    settings = TxManagerSettings(900, watch_blocks=3)
    with FileSentStore.open(tmp_path, chain_id=900, address=SIGNER.address) as store:
        manager = TransactionManager(pool, SIGNER, settings, store=store)
        manager.submit(b"old", TO, b"data", blobs=(make_blob(1),))
        await manager.step()
    pool.mine()

    with FileSentStore.open(tmp_path, chain_id=900, address=SIGNER.address) as store:
        manager = TransactionManager(pool, SIGNER, settings, store=store)
        (pending,) = manager.pending()
        assert (pending.request_id, pending.data, pending.blobs) == (b"old", b"data", (make_blob(1),))
        await manager.step()
        assert manager.results() == [Confirmed(b"old", pool.blocks[1].header.id, pool.sent[0].hash)]
        assert [item.block for item in manager.pending()] == [pool.blocks[1].header.id]
        for _ in range(2):
            pool.mine()
            await manager.step()
        assert manager.pending() == []
    assert len(pool.sent) == 1


async def test_bumped_fees_are_remembered(tmp_path: Path) -> None:
    pool = FakePool()
    settings = TxManagerSettings(900, resend_after_blocks=1)
    for _ in range(4):
        with FileSentStore.open(tmp_path, chain_id=900, address=SIGNER.address) as store:
            manager = TransactionManager(pool, SIGNER, settings, store=store)
            if not manager.pending():
                manager.submit(b"old", TO, b"data")
            for _ in range(2):
                await manager.step()
                pool.mine(include=False)

    assert [item.nonce for item in pool.sent] == [0] * 5
    assert all(new.max_fee * 10 >= old.max_fee * 11 for old, new in zip(pool.sent, pool.sent[1:], strict=False))
