"""
A story of a chain that is killed: told to its end for what the store holds at each step, and by children that die.

Who finds what a dead child left compares it with a moment of the story, checks Redis against it, and tells the rest.
"""

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from l1_bridge.types import BlockId
from sequencer.chain.chain import Chain
from sequencer.chain.commit import CommitPoint, pass_by
from sequencer.execution.interface import Engine
from sequencer.primitives.genesis import GenesisAccount
from sequencer.state.cache import StateCache
from sequencer.state.cached_reader import CachedReader
from sequencer.state.redis_server import RedisServer
from sequencer.state.store import Store, Table
from sequencer.state.tries import ensure_tries
from tests.factories import CHAIN_ID, address, make_transaction
from tests.fakes.chain_story import build_block, make_genesis, open_chain, transfer
from tests.fakes.fake_engine import FakeEngine

BOB = b"\xb0" * 20
SET_SLOT = bytes.fromhex("60203560003555")
"""Code of BOB for engines that run code; it does what the fake engine does by itself: slot and value from the data."""

L1_NEXT = BlockId(5, b"\x05" * 32)
OWN_TO_THE_STORE = (b"store_id", b"cache_secret")

EVERY_COMMIT = (
    CommitPoint.BEFORE_COMMIT,
    CommitPoint.WRITTEN_NOT_COMMITTED,
    CommitPoint.COMMITTED_NOT_PUBLISHED,
    CommitPoint.PUBLISHED,
)
"""The points that each block and each unwind reaches, in order."""

Dump = dict[Table, list[tuple[bytes, bytes]]]


def write_slot(chain: Chain, slot: int, value: int) -> None:
    """A block that writes a slot of BOB."""
    data = slot.to_bytes(32, "big") + value.to_bytes(32, "big")
    nonce = transfer(chain).nonce
    build_block(chain, [make_transaction(nonce=nonce, value=value, to=BOB, data=data, gas_limit=100_000)])


def mark(chain: Chain, number: int) -> None:
    """The block is safe."""
    ref = chain.ref(number)
    assert ref is not None
    chain.mark_safe(ref, L1_NEXT)


def finalize(chain: Chain, number: int) -> None:
    """The block is final."""
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
CHANGES = [step for step in range(len(STORY)) if step not in (2, 5)]
"""Steps that are blocks and unwinds; marks are single puts and have no commit points."""


@dataclass(frozen=True, slots=True)
class Teller:
    """Opens the chain of the story, each time with an engine of its own."""

    server: RedisServer
    make_engine: Callable[[], Engine] = FakeEngine
    runs_code: bool = False

    def open(self, path: Path, at_point: Callable[[CommitPoint], None] = pass_by) -> Chain:
        """The chain in a directory, over the cache."""
        genesis = make_genesis()
        if self.runs_code:
            genesis = replace(genesis, alloc={**genesis.alloc, BOB: GenesisAccount(code=SET_SLOT)})
        return open_chain(path, cache=self._cache, at_point=at_point, engine=self.make_engine(), genesis=genesis)

    def tell(self, path: Path, at_point: Callable[[CommitPoint], None] = pass_by) -> None:
        """The whole story."""
        chain = self.open(path, at_point)
        for step in STORY:
            step(chain)
        chain.store.close()

    def dumps(self, path: Path) -> list[Dump]:
        """What the store holds before the story and after each of its steps."""
        chain = self.open(path)
        dumps = [dump(chain)]
        for step in STORY:
            step(chain)
            dumps.append(dump(chain))
        chain.store.close()
        return dumps

    def finish(self, path: Path, told: list[Dump]) -> int:
        """Open what a killed child left, check it, tell the rest of the story; returns the step that was reached."""
        chain = self.open(path)
        reached = told.index(dump(chain))
        self.check_cache(chain)
        for step, expected in zip(STORY[reached:], told[reached + 1 :], strict=True):
            step(chain)
            assert dump(chain) == expected
            self.check_cache(chain)
        chain.store.close()
        return reached

    def check_cache(self, chain: Chain) -> None:
        """What Redis says is what the store says."""
        state = chain.head_state()
        reader = CachedReader(self._cache(chain.store), state)
        slots = [(BOB, 1), (BOB, 2)]
        reader.prefetch([BOB, address(0)], slots)
        assert [reader.account(who) for who in (BOB, address(0))] == [state.account(who) for who in (BOB, address(0))]
        assert [reader.storage(*slot) for slot in slots] == [state.storage(*slot) for slot in slots]

    def _cache(self, store: Store) -> StateCache:
        return StateCache.connect(self.server.url, store, chain_id=CHAIN_ID)


def dump(chain: Chain) -> Dump:
    """All tables, with pending blocks settled; what another store has otherwise is left out."""
    head, store = chain.heads.unsafe, chain.store
    block = chain.block(head.number)
    assert block is not None
    ensure_tries(store, BlockId(head.number, head.hash), block.header.state_root)
    with store.read() as transaction:
        tables = {table: list(transaction.from_key(table, b"")) for table in Table}
    tables[Table.META] = [entry for entry in tables[Table.META] if entry[0] not in OWN_TO_THE_STORE]
    return tables


def killer(hit: int) -> Callable[[CommitPoint], None]:
    """Ends the process at the commit point number `hit` that is reached, counted from 0."""
    left = hit

    def at_point(_: CommitPoint) -> None:
        nonlocal left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1

    return at_point


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
