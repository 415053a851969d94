"""A chain that publishes to Redis, readers of it as another process has them, and ways to do Redis harm."""

from collections.abc import Callable
from pathlib import Path

import redis

from sequencer.chain.chain import Chain
from sequencer.state.cache import StateCache
from sequencer.state.cache_entries import CacheIdentity
from sequencer.state.cached_reader import CachedReader
from sequencer.state.metrics import CACHE_FAILURES
from sequencer.state.redis_link import RedisLink
from sequencer.state.store import Store
from sequencer.state.world_state import StateAt
from tests.factories import CHAIN_ID, address
from tests.fakes.chain_story import build_block, open_chain, transfer

BOB = b"\xb0" * 20
SLOTS = [(BOB, 1), (BOB, 2)]


class ManualTime:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def make_cache(store: Store, url: str, monotonic: Callable[[], float], *, shards: int = 1) -> StateCache:
    link = RedisLink(url, timeout_seconds=0.05, pause_seconds=2, monotonic=monotonic)
    return StateCache(link, CacheIdentity(CHAIN_ID, store.store_id, store.cache_secret, shards))


class CachedChain:
    """A chain that publishes to a cache, and readers as another process would have them."""

    def __init__(self, path: Path, url: str, shards: int = 1) -> None:
        self.url, self.path, self.shards = url, path, shards
        self.time = ManualTime()
        self.chain = self._open()

    def _open(self) -> Chain:
        return open_chain(self.path, cache=lambda store: make_cache(store, self.url, self.time, shards=self.shards))

    def restart(self) -> None:
        self.chain.store.close()
        self.chain = self._open()

    def store_slot(self, slot: int, value: int) -> None:
        data = slot.to_bytes(32, "big") + value.to_bytes(32, "big")
        build_block(self.chain, [transfer(self.chain, value=1, to=BOB, data=data)])

    def reader(self) -> CachedReader:
        return CachedReader(make_cache(self.chain.store, self.url, self.time, shards=self.shards), self.state())

    def state(self) -> StateAt:
        return self.chain.head_state()

    def read(self) -> tuple[tuple[object, ...], CachedReader]:
        reader = self.reader()
        reader.prefetch([BOB, address(0), address(5), b"\x01" * 20], SLOTS)
        accounts = [reader.account(who) for who in (BOB, address(0), address(5), b"\x01" * 20)]
        return (*accounts, *(reader.storage(*slot) for slot in SLOTS)), reader

    def truth(self) -> tuple[object, ...]:
        state = self.state()
        accounts = [state.account(who) for who in (BOB, address(0), address(5), b"\x01" * 20)]
        return (*accounts, *(state.storage(*slot) for slot in SLOTS))


def failures(kind: str) -> float:
    return float(CACHE_FAILURES.labels(kind)._value.get())


def dump(client: "redis.Redis") -> dict[bytes, bytes]:
    """All strings of the server."""
    found: dict[bytes, bytes] = {}
    for name in client.keys("*"):
        value = client.get(name)
        assert isinstance(name, bytes)
        assert isinstance(value, bytes)
        found[name] = value
    return found


def put(client: "redis.Redis", entries: dict[bytes, bytes]) -> None:
    """Set strings, past every check."""
    for name, value in entries.items():
        client.set(name, value)
