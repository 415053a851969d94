"""
What a slice will look at, loaded in one round trip from the Redis-cached state before it runs.

The engine keeps committed state in its own process first; only keys that it does not hold are asked for here. What
comes back is a guess: the slice runs on it while the store is asked for the same keys, and where one is wrong, it runs
again on the store alone before anybody hears of it (law 3; `native/src/state/guesses.rs`).
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from sequencer.state.cache import StateCache
from sequencer.state.cached_reader import MAX_KEYS_A_TRIP
from sequencer.state.metrics import TierCounts
from sequencer.state.reader import StateReader
from sequencer.state.world_state import StateAt

LEAST_KEYS = 4
"""Below, a round trip costs more than reading the keys from the store one by one."""


class Prefetch(Protocol):
    """A nearer place for committed values than the store, as far as one round trip goes; it may be wrong."""

    def load(self, state: StateReader, keys: Sequence[bytes]) -> Mapping[bytes, bytes]:
        """Encoded values of `keys` in `state`; those that are missing are simply read later."""
        ...

    def doubt(self, state: StateReader) -> None:
        """Something that was loaded for `state` was wrong."""
        ...


class RedisPrefetch:
    """A Prefetch over the node's cache in Redis; one thread at a time."""

    def __init__(self, cache: StateCache) -> None:
        self._cache = cache
        self.counts = TierCounts()

    def load(self, state: StateReader, keys: Sequence[bytes]) -> Mapping[bytes, bytes]:
        """Encoded values of `keys`; nothing for a state that is not one block's of the store."""
        if len(keys) < LEAST_KEYS or not isinstance(state, StateAt):
            return {}
        wanted = list(keys[:MAX_KEYS_A_TRIP])
        found = self._cache.fetch(state.block, wanted)
        if found is None:
            return {}
        self.counts.redis_hits += len(found)
        missing = [key for key in wanted if key not in found]
        if not missing:
            return found
        self.counts.redis_misses += len(missing)
        values = state.read_many(missing)
        self._cache.fill(state.block, values)
        return {**found, **values}

    def doubt(self, state: StateReader) -> None:
        """Who put one wrong value there may have put more: the cache begins again."""
        if isinstance(state, StateAt):
            self._cache.restart(state.block)
