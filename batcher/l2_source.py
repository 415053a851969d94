"""
L2 as the batcher and the proposer see it: block references, opaque transactions, heads, outputs.

They read their own node and nothing else; what a transaction means is the
node's business. `l2_rpc` reads all this over JSON-RPC (rollup-node.md).
"""

from dataclasses import dataclass, field
from typing import Protocol

from l1_bridge.errors import TemporaryError
from l1_bridge.types import BlockId


class L2Unavailable(TemporaryError):
    """The node did not answer, or with something that makes no sense."""

    def __init__(self, method: str, reason: str) -> None:
        super().__init__(f"{method}: {reason}")
        self.method = method
        self.reason = reason


@dataclass(frozen=True, slots=True)
class L2BlockRef:
    """An L2 block without its content."""

    number: int
    hash: bytes
    parent_hash: bytes
    timestamp: int
    """Unix seconds."""
    l1_origin: BlockId
    sequence_number: int
    """Position within its epoch, from 0."""


@dataclass(frozen=True, slots=True)
class L2BlockData:
    """What of an L2 block goes to L1."""

    ref: L2BlockRef
    transactions: tuple[bytes, ...]
    """EIP-2718 bytes in order, without deposits."""
    transaction_bytes: int = field(init=False, repr=False, compare=False)
    """Of all of them; counted once, since the batcher asks at each step for what it holds."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "transaction_bytes", sum(map(len, self.transactions)))


@dataclass(frozen=True, slots=True)
class L2SyncStatus:
    """Where a node stands."""

    head_l1: BlockId
    """Newest L1 block that the node knows."""
    current_l1: BlockId
    """L1 block that its derivation is at; all before it are fully read."""
    unsafe: L2BlockRef
    safe: L2BlockRef
    finalized: L2BlockRef


@dataclass(frozen=True, slots=True)
class L2Output:
    """The output of one L2 block, its parts, and where the node stood when it answered."""

    output_root: bytes
    state_root: bytes
    message_passer_storage_root: bytes
    block: L2BlockRef
    status: L2SyncStatus


class L2Source(Protocol):
    """Where L2 blocks come from. Every method raises `L2Unavailable` when there is no good answer."""

    async def sync_status(self) -> L2SyncStatus:
        """Heads of both chains."""
        ...

    async def block(self, number: int) -> L2BlockData:
        """The canonical block of that number."""
        ...


class OutputSource(Protocol):
    """Where outputs come from. Every method raises `L2Unavailable` when there is no good answer."""

    async def sync_status(self) -> L2SyncStatus:
        """Heads of both chains."""
        ...

    async def output_at_block(self, number: int) -> L2Output:
        """The output of the canonical block of that number."""
        ...
