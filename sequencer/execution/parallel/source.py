"""
How a worker process reads the state that a block is built on.

The engine gets a `StateSource`, which is pickled and sent to each worker once; for each block the parent makes a small
ticket that says which state is meant. The one for nodes opens the store for reading and, where there is one, Redis.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from l1_bridge.types import BlockId
from sequencer.execution.environment import BlockEnvironment
from sequencer.state.cache import StateCache
from sequencer.state.cached_reader import CachedReader
from sequencer.state.metrics import TierCounts
from sequencer.state.reader import PrefetchingReader, StateReader
from sequencer.state.store import Store
from sequencer.state.world_state import StateAt, decode_block_id, encode_block_id


class KeysMissing(Exception):
    """A worker can not read these flat keys itself: it has to ask."""

    def __init__(self, keys: tuple[bytes, ...]) -> None:
        super().__init__(f"{len(keys)} keys are not here")
        self.keys = keys


class CountingReader(PrefetchingReader, Protocol):
    """A PrefetchingReader that counts its reads by tier; raises KeysMissing for what can only be asked for."""

    counts: TierCounts


class OpenedSource(Protocol):
    """A source within a worker."""

    def reader(self, ticket: bytes) -> CountingReader:
        """The state that the ticket names."""
        ...


class StateSource(Protocol):
    """Where workers find the state; picklable."""

    def ticket(self, environment: BlockEnvironment, state: StateReader) -> bytes:
        """Parent's side: names the state that the block of `environment` is built on, which is `state` here."""
        ...

    def open(self) -> OpenedSource:
        """Worker's side, once."""
        ...


@dataclass(frozen=True, slots=True)
class StoreSource:
    """The node's store, and its cache in the Redis at `redis_url`; None reads the store alone."""

    path: Path
    chain_id: int
    redis_url: str | None = None
    shards: int = 1

    def ticket(self, environment: BlockEnvironment, state: StateReader) -> bytes:
        """The parent block: number and hash."""
        return encode_block_id(BlockId(environment.number - 1, environment.parent_hash))

    def open(self) -> "OpenedStore":
        """Open the store for reading, and connect to Redis."""
        store = Store.open(self.path, chain_id=self.chain_id, read_only=True)
        if self.redis_url is None:
            return OpenedStore(store, None)
        return OpenedStore(store, StateCache.connect(self.redis_url, store, chain_id=self.chain_id, shards=self.shards))


class OpenedStore:
    """Store and cache as one worker holds them."""

    def __init__(self, store: Store, cache: StateCache | None) -> None:
        self._store = store
        self._cache = cache

    def reader(self, ticket: bytes) -> CountingReader:
        """The state at the block that the ticket names; it is read only while that block is part of the chain."""
        return CachedReader(self._cache, StateAt(self._store, decode_block_id(ticket)))
