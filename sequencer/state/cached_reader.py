"""
The state at one block for execution: many keys at once from Redis, single keys from the store.

One round trip to Redis for a slice's keys is cheap, one for each key is dearer than the store beside it: so
`prefetch` asks Redis, and whatever was not prefetched is read from the store's snapshot.
"""

from collections.abc import Iterable

from sequencer.primitives.account import Account

from .cache import StateCache
from .flat import decode_account, decode_value, encode_account, encode_value, slot_key
from .metrics import TierCounts
from .world_state import StateAt

MAX_KEYS_A_TRIP = 8192
"""Bound of one `MGET`, which holds up Redis for all others meanwhile."""


class CachedReader:
    """A PrefetchingReader at the block of `state`. What was read once is kept: the state at a block never changes."""

    def __init__(self, cache: StateCache | None, state: StateAt) -> None:
        """`cache` None: everything comes from the store."""
        self._cache = cache
        self._state = state
        self._loaded: dict[bytes, bytes] = {}
        self.counts = TierCounts()

    def prefetch(self, accounts: Iterable[bytes], slots: Iterable[tuple[bytes, int]]) -> None:
        """Load these keys in one round trip, as far as Redis has them; the rest in one look at the store."""
        wanted = dict.fromkeys(b"a" + address for address in accounts)
        wanted.update(dict.fromkeys(b"s" + slot_key(address, slot) for address, slot in slots))
        keys = [key for key in wanted if key not in self._loaded]
        for start in range(0, len(keys), MAX_KEYS_A_TRIP):
            self._load(keys[start : start + MAX_KEYS_A_TRIP])

    def account(self, address: bytes) -> Account | None:
        """The account at a 20-byte address."""
        found = self._loaded.get(b"a" + address)
        if found is not None:
            return decode_account(found)
        account = self._state.account(address)
        self.counts.store_reads += 1
        self._loaded[b"a" + address] = encode_account(account)
        return account

    def storage(self, address: bytes, slot: int) -> int:
        """The value of one storage slot."""
        key = b"s" + slot_key(address, slot)
        found = self._loaded.get(key)
        if found is not None:
            return decode_value(found)
        value = self._state.storage(address, slot)
        self.counts.store_reads += 1
        self._loaded[key] = encode_value(value)
        return value

    def code(self, code_hash: bytes) -> bytes:
        """The code with that hash."""
        return self._state.code(code_hash)

    def _load(self, keys: list[bytes]) -> None:
        cached = None if self._cache is None else self._cache.fetch(self._state.block, keys)
        if cached is None:
            self._loaded.update(self._state.read_many(keys))
            self.counts.store_reads += len(keys)
            return
        self._loaded.update(cached)
        self.counts.redis_hits += len(cached)
        missing = [key for key in keys if key not in cached]
        if missing and self._cache is not None:
            self.counts.redis_misses += len(missing)
            values = self._state.read_many(missing)
            self._loaded.update(values)
            self._cache.fill(self._state.block, values)
