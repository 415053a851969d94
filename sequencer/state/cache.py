"""
The hot tier: the flat state at the head, in Redis, for readers that want a whole slice's keys in one round trip.

Each shard holds its own head. Within one generation every entry belongs to that head: whoever writes, be it a commit
or the filling of a cold value, does so in a script that first compares the head with the one it starts from. So an
entry may be missing (evicted, never written, Redis restarted or restored from an older copy), but it is never wrong.

    publish     head N -> N+1, with what block N+1 changed; only over head N
    fill        values read from the store at N; only while the head is N
    restart     after an unwind, or when a publish may have been missed: a new generation, without values

Old generations expire. Nothing here raises for a Redis that is away, slow, full or wrong: it is counted, and the
readers use the store.
"""

import secrets
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from l1_bridge.types import BlockId

from . import metrics
from .cache_entries import CacheIdentity, ShardNames, decode_head, encode_head, names_of
from .changes import ChangeSet
from .flat import encode_account, encode_value, slot_key
from .native_trie import is_native
from .redis_link import RedisLink
from .store import Store

EXPIRY_SECONDS = 3600
"""Entries live this long after they were last written; so do generations that nobody uses any more."""

GENERATION_BYTES = 8

WRITE_IF_HEAD = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
for i = 2, #KEYS do redis.call('SET', KEYS[i], ARGV[i + 1], 'PX', ARGV[2]) end
return 1
"""
"""Set KEYS[2..] to ARGV[3..], with expiry ARGV[2] ms, if KEYS[1], the head, holds ARGV[1]."""

Call = tuple[list[bytes], list[bytes | int]]


class StateCache:
    """One store's cache, as its writer or as one of its readers sees it."""

    def __init__(self, link: RedisLink, identity: CacheIdentity, *, expiry_seconds: int = EXPIRY_SECONDS) -> None:
        self._link = link
        self._identity = identity
        self._expiry_milliseconds = expiry_seconds * 1000
        self._generation = b""
        self._published: BlockId | None = None

    @classmethod
    def connect(cls, url: str, store: Store, *, chain_id: int, shards: int = 1) -> "StateCache":
        """The cache of `store` in the Redis at `url`, which need not be there yet. Raises ValueError for a bad URL."""
        return cls(RedisLink(url), CacheIdentity(chain_id, store.store_id, store.cache_secret, shards))

    def close(self) -> None:
        """Give back the connections; the entries stay until they expire."""
        self._link.close()

    # The writer, on the chain thread

    def resume(self, head: BlockId) -> None:
        """A writer begins at `head`: keep what is there when all of it belongs to that head, else restart."""
        self._published = None
        if self._heads_now() == [head] * self._identity.shards:
            self._published = head
        else:
            self.restart(head)

    def publish(self, parent: BlockId, block: BlockId, changes: ChangeSet) -> None:
        """The head moved from `parent` to its child `block`; removed slots must stand in `changes` as 0."""
        values = _flat_values(changes)
        if self._published != parent:
            self._begin_generation(block, values)
            return
        self._published = None
        calls = []
        for shard, part in self._by_shard(values, every_shard=True).items():
            names = self._names(shard)
            entries = {names.prefix + key: value for key, value in part.items()}
            entries[names.head] = encode_head(block)
            entries[names.generation_name] = self._generation
            calls.append(self._write_call(names, parent, entries))
        results = self._link.run_scripts(WRITE_IF_HEAD, calls)
        if results is not None and all(results):
            self._published = block
        elif results is not None:  # Redis is there, but not where we left it
            self._begin_generation(block, values)

    def restart(self, head: BlockId) -> None:
        """The head is `head`, by a way that is no single block."""
        self._begin_generation(head, {})

    def _begin_generation(self, head: BlockId, values: Mapping[bytes, bytes]) -> None:
        """A new generation whose head is `head`; what it holds at first are `values`, which belong to that head."""
        self._published = None
        self._generation = secrets.token_hex(GENERATION_BYTES).encode()
        metrics.CACHE_GENERATIONS.inc()
        is_whole = True
        for shard, part in self._by_shard(values, every_shard=True).items():
            names = self._names(shard)
            contents = {names.prefix + key: value for key, value in part.items()}
            contents[names.head] = encode_head(head)
            contents[names.generation_name] = self._generation
            sealed = [(name, self._identity.seal(name, content)) for name, content in contents.items()]
            is_whole = is_whole and self._link.set_atomically(sealed, self._expiry_milliseconds)
        if is_whole:
            self._published = head

    def _heads_now(self) -> list[BlockId | None]:
        """What each shard says its head is; learns the generation on the way."""
        pointers = [self._identity.shard_name(shard) + b"generation" for shard in range(self._identity.shards)]
        found = self._open_group(pointers, self._link.get_many(pointers))
        if not found or len(set(found)) != 1 or found[0] is None:
            return []
        self._generation = found[0]
        heads = [self._names(shard).head for shard in range(self._identity.shards)]
        return [decode_head(content) for content in self._open_group(heads, self._link.get_many(heads))]

    def _open_group(self, names: Sequence[bytes], values: Sequence[bytes | None] | None) -> list[bytes | None]:
        return [self._open(name, value) for name, value in zip(names, values or (), strict=False)]

    # Readers, in any process

    def fetch(self, head: BlockId, keys: Iterable[bytes]) -> dict[bytes, bytes] | None:
        """
        Flat values by key in one round trip, as far as they are cached; None when the cache is not at `head`.

        Keys are `a` | address and `s` | address | slot; an empty value says that there is nothing.
        """
        parts = self._by_shard(dict.fromkeys(keys, b""), every_shard=False)
        for _ in range(2):  # again when the writer has begun a new generation
            groups = [self._fetch_names(shard, part) for shard, part in parts.items()]
            if not groups:
                return {}
            answers = self._link.get_groups(groups)
            if answers is None:
                return None
            generation = self._open(groups[0][0], answers[0][0])
            if generation == self._generation:
                return self._read_answers(head, parts, list(zip(groups, answers, strict=True)))
            if generation is None:
                return None
            self._generation = generation
        return None

    def fill(self, head: BlockId, values: Mapping[bytes, bytes]) -> None:
        """Add values that were read from the store at `head`; they are dropped when the head has moved on."""
        calls = []
        for shard, part in self._by_shard(values, every_shard=False).items():
            names = self._names(shard)
            calls.append(self._write_call(names, head, {names.prefix + key: value for key, value in part.items()}))
        if calls:
            self._link.run_scripts(WRITE_IF_HEAD, calls)

    def _fetch_names(self, shard: int, part: Mapping[bytes, bytes]) -> list[bytes]:
        names = self._names(shard)
        return [names.generation_name, names.head, *(names.prefix + key for key in part)]

    def _read_answers(
        self,
        head: BlockId,
        parts: Mapping[int, Mapping[bytes, bytes]],
        answers: Sequence[tuple[Sequence[bytes], Sequence[bytes | None]]],
    ) -> dict[bytes, bytes] | None:
        found: dict[bytes, bytes] = {}
        is_stale = True
        for part, (names, values) in zip(parts.values(), answers, strict=True):
            if decode_head(self._open(names[1], values[1])) != head:
                metrics.TROUBLES.note("stale")
                continue
            is_stale = False
            for key, name, value in zip(part, names[2:], values[2:], strict=True):
                content = self._open(name, value)
                if content is not None:
                    found[key] = content
        return None if is_stale else found

    # Both

    def _names(self, shard: int) -> ShardNames:
        return names_of(self._identity, shard, self._generation)

    def _open(self, name: bytes, value: bytes | None) -> bytes | None:
        if value is None:
            return None
        content = self._identity.open(name, value)
        if content is None:
            metrics.TROUBLES.note("poisoned")
        return content

    def _write_call(self, names: ShardNames, head: BlockId, entries: Mapping[bytes, bytes]) -> Call:
        expected = self._identity.seal(names.head, encode_head(head))
        sealed = [self._identity.seal(name, content) for name, content in entries.items()]
        return [names.head, *entries], [expected, self._expiry_milliseconds, *sealed]

    def _by_shard(self, values: Mapping[bytes, bytes], *, every_shard: bool) -> dict[int, dict[bytes, bytes]]:
        if self._identity.shards == 1:
            return {0: dict(values)} if values or every_shard else {}
        parts: dict[int, dict[bytes, bytes]] = defaultdict(dict)
        if every_shard:
            parts |= {shard: {} for shard in range(self._identity.shards)}
        for key, value in values.items():
            parts[self._identity.shard_of(key)][key] = value
        return parts


def _flat_values(changes: ChangeSet) -> dict[bytes, bytes]:
    if is_native(changes):
        return changes.encoded()
    values = {b"a" + address: encode_account(account) for address, account in changes.accounts.items()}
    for address, slots in changes.storage.items():
        values.update({b"s" + slot_key(address, slot): encode_value(value) for slot, value in slots.items()})
    return values
