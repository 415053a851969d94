"""
L1 as derivation sees it: block ids, headers, transactions, receipts, and the source of them.

The values hold only what some rule of the protocol reads; the full header with
which a hash is checked lives in `l1_encoding`. Addresses are 20 bytes, hashes
32 bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

ZERO_HASH = bytes(32)
"""The hash that stands for "absent"."""

L1Tag = Literal["latest", "safe", "finalized"]
"""The three L1 heads that a node names."""


@dataclass(frozen=True, slots=True)
class BlockId:
    """One block of one chain, by number and hash."""

    number: int
    hash: bytes

    def __str__(self) -> str:
        return f"{self.number}:0x{self.hash.hex()}"


@dataclass(frozen=True, slots=True)
class L1Header:
    """The fields of an L1 header that derivation, fees and proofs read."""

    hash: bytes
    parent_hash: bytes
    number: int
    timestamp: int
    """Unix seconds."""
    base_fee: int
    """Wei per gas."""
    mix_hash: bytes
    """`prevRandao`; L2 blocks take it over from their origin."""
    parent_beacon_block_root: bytes = ZERO_HASH
    """Zero where L1 has no beacon chain (before Cancun)."""
    excess_blob_gas: int | None = None
    """None where L1 has no blobs (before Cancun)."""
    receipts_root: bytes = ZERO_HASH
    transactions_root: bytes = ZERO_HASH
    state_root: bytes = ZERO_HASH

    @property
    def id(self) -> BlockId:
        """Number and hash of this block."""
        return BlockId(self.number, self.hash)

    @property
    def parent_id(self) -> BlockId:
        """Number and hash of the parent; of block 0 there is none, so the number is 0 there too."""
        return BlockId(max(self.number - 1, 0), self.parent_hash)


@dataclass(frozen=True, slots=True)
class L1Transaction:
    """An L1 transaction as batch retrieval reads it."""

    hash: bytes
    type: int
    """EIP-2718 type, 0 for legacy."""
    sender: bytes
    to: bytes | None
    """None: a contract creation."""
    data: bytes
    blob_hashes: tuple[bytes, ...] = ()
    """Versioned hashes of a blob transaction (type 3)."""


@dataclass(frozen=True, slots=True)
class L1Log:
    """One event."""

    address: bytes
    topics: tuple[bytes, ...]
    data: bytes
    log_index: int
    """Position among all logs of the block, not of the transaction."""


@dataclass(frozen=True, slots=True)
class L1Receipt:
    """The outcome of one L1 transaction."""

    transaction_hash: bytes
    status: int
    """1: succeeded. Logs of anything else never count."""
    logs: tuple[L1Log, ...]


@dataclass(frozen=True, slots=True)
class L1Block:
    """A header and the transactions that its transactions root commits to, in order."""

    header: L1Header
    transactions: Sequence[L1Transaction]


class L1Source(Protocol):
    """
    Where derivation reads L1 from.

    Every method returns None when the block is not there (yet), raises
    `L1Unavailable` when L1 is away or slow, and `L1Lied` when an answer does
    not hash to what it claims to be.
    """

    async def header_by_number(self, number: int) -> L1Header | None:
        """The canonical header at that height."""

    async def header_by_hash(self, hash: bytes) -> L1Header | None:
        """The header with that hash, canonical or not."""

    async def header_by_tag(self, tag: L1Tag) -> L1Header | None:
        """The header that L1 names so now."""

    async def block_by_number(self, number: int) -> L1Block | None:
        """The canonical block at that height, checked as `block_by_hash` does."""

    async def block_by_hash(self, hash: bytes) -> L1Block | None:
        """Header and transactions, checked against the transactions root."""

    async def receipts_by_hash(self, hash: bytes) -> tuple[L1Receipt, ...] | None:
        """All receipts of that block in order, checked against the receipts root."""
