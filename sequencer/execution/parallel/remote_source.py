"""
The state for workers on other machines, which can not open the node's store: Redis, and what the coordinator answers.

A key that Redis does not give raises KeysMissing, and the worker asks. All keys that a batch is expected to read are
asked for at once, so most batches ask at most once; codes are asked for once a worker. What comes from Redis is sealed
with the store's secret, which therefore travels to the workers with this source.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from l1_bridge.types import BlockId
from sequencer.execution.environment import BlockEnvironment
from sequencer.primitives.account import EMPTY_CODE_HASH, Account
from sequencer.state.cache import StateCache
from sequencer.state.cache_entries import CacheIdentity
from sequencer.state.flat import decode_account, decode_value, slot_key
from sequencer.state.metrics import TierCounts
from sequencer.state.reader import StateReader
from sequencer.state.redis_link import RedisLink
from sequencer.state.world_state import decode_block_id, encode_block_id

from .source import CountingReader, KeysMissing


@dataclass(frozen=True, slots=True)
class RemoteSource:
    """The cache of a store that is elsewhere; `redis_url` None: everything is asked for."""

    chain_id: int
    store_id: bytes
    cache_secret: bytes = field(repr=False)
    redis_url: str | None = None
    shards: int = 1

    def ticket(self, environment: BlockEnvironment, state: StateReader) -> bytes:
        """The parent block: number and hash."""
        return encode_block_id(BlockId(environment.number - 1, environment.parent_hash))

    def open(self) -> "OpenedRemote":
        """Connect to Redis, which need not be there yet."""
        if self.redis_url is None:
            return OpenedRemote(None)
        identity = CacheIdentity(self.chain_id, self.store_id, self.cache_secret, self.shards)
        return OpenedRemote(StateCache(RedisLink(self.redis_url), identity))


class OpenedRemote:
    """The cache as one worker holds it."""

    def __init__(self, cache: StateCache | None) -> None:
        self._cache = cache

    def reader(self, ticket: bytes) -> CountingReader:
        """The state at the block that the ticket names."""
        return RemoteReader(self._cache, decode_block_id(ticket))


class RemoteReader:
    """A CountingReader over the cache alone."""

    def __init__(self, cache: StateCache | None, block: BlockId) -> None:
        self._cache = cache
        self._block = block
        self._loaded: dict[bytes, bytes] = {}
        self.counts = TierCounts()

    def prefetch(self, accounts: Iterable[bytes], slots: Iterable[tuple[bytes, int]]) -> None:
        """Load these keys in one round trip; raises KeysMissing with those that Redis has not got."""
        wanted = dict.fromkeys(b"a" + address for address in accounts)
        wanted.update(dict.fromkeys(b"s" + slot_key(address, slot) for address, slot in slots))
        self._load([key for key in wanted if key not in self._loaded])

    def account(self, address: bytes) -> Account | None:
        """The account at a 20-byte address."""
        return decode_account(self._read(b"a" + address))

    def storage(self, address: bytes, slot: int) -> int:
        """The value of one storage slot."""
        return decode_value(self._read(b"s" + slot_key(address, slot)))

    def code(self, code_hash: bytes) -> bytes:
        """The code with that hash; never in Redis."""
        if code_hash == EMPTY_CODE_HASH:
            return b""
        raise KeysMissing((b"c" + code_hash,))

    def _read(self, key: bytes) -> bytes:
        """One key that nobody has prefetched: asking the coordinator is no dearer than asking Redis."""
        if key not in self._loaded:
            raise KeysMissing((key,))
        return self._loaded[key]

    def _load(self, keys: list[bytes]) -> None:
        found = self._cache.fetch(self._block, keys) if self._cache is not None and keys else None
        self._loaded.update(found or {})
        missing = tuple(key for key in keys if key not in self._loaded)
        self.counts.redis_hits += len(keys) - len(missing)
        self.counts.redis_misses += len(missing)
        if missing:
            raise KeysMissing(missing)
