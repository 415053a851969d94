"""
Names and forms of what the cache holds: the flat state at the head, cut into shards.

    braid:<chain id>:<store id>:{<store id>.<shard>}:generation          the shard's generation now
    braid:<chain id>:<store id>:{<store id>.<shard>}:<generation>:h      head: number 8 | hash 32
    ...                                                          :a...   account, by address
    ...                                                          :s...   slot, by address | slot

The part in braces decides the place in a Redis Cluster, so a shard is always read and written in one piece. Every
value begins with eight bytes that only the owner of the store can make from its full name and content: an entry that
somebody else wrote, cut or moved to another key counts as missing.
"""

import hashlib
import hmac
from dataclasses import dataclass
from zlib import crc32

from l1_bridge.types import BlockId

from .world_state import decode_block_id, encode_block_id

CHECK_BYTES = 8

BLOCK_ID_BYTES = 40


@dataclass(frozen=True, slots=True)
class CacheIdentity:
    """Whose cache it is: chain, store, the store's secret, and the number of shards."""

    chain_id: int
    store_id: bytes
    secret: bytes
    shards: int = 1

    def shard_of(self, key: bytes) -> int:
        """The shard of a flat key; an account and its slots share one."""
        return crc32(key[1:21]) % self.shards if self.shards > 1 else 0

    def shard_name(self, shard: int) -> bytes:
        """What every name of a shard begins with."""
        store = self.store_id.hex()
        return f"braid:{self.chain_id}:{store}:{{{store}.{shard}}}:".encode()

    def seal(self, name: bytes, content: bytes) -> bytes:
        """The stored value of `content` under `name`."""
        return self._check_code(name, content) + content

    def open(self, name: bytes, value: bytes) -> bytes | None:
        """The content of a stored value; None when it was not sealed for that name."""
        content = value[CHECK_BYTES:]
        if hmac.compare_digest(value[:CHECK_BYTES], self._check_code(name, content)):
            return content
        return None

    def _check_code(self, name: bytes, content: bytes) -> bytes:
        return hashlib.blake2b(name + b"\0" + content, digest_size=CHECK_BYTES, key=self.secret).digest()


@dataclass(frozen=True, slots=True)
class ShardNames:
    """Names within one shard and generation."""

    generation_name: bytes
    prefix: bytes

    @property
    def head(self) -> bytes:
        """Name of the shard's head."""
        return self.prefix + b"h"


def names_of(identity: CacheIdentity, shard: int, generation: bytes) -> ShardNames:
    """The names of one shard in one generation."""
    start = identity.shard_name(shard)
    return ShardNames(generation_name=start + b"generation", prefix=start + generation + b":")


def encode_head(head: BlockId) -> bytes:
    """Content of a head entry."""
    return encode_block_id(head)


def decode_head(content: bytes | None) -> BlockId | None:
    """The head from its entry's content."""
    return None if content is None or len(content) != BLOCK_ID_BYTES else decode_block_id(content)
