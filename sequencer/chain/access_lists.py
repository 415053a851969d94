"""
Access lists of the newest blocks, in memory alone: a block that another process made, or an old one, has none here.

They are kept as the engine gave them and put together when somebody asks.
"""

import threading
from collections import OrderedDict

from sequencer.execution.access_list import BlockAccesses
from sequencer.primitives.block import Block

KEPT_BLOCKS = 128

KEPT_BYTES = 64 << 20
"""Of estimated memory: blocks full of reads push older ones out early."""

MIN_ACCESS_GAS = 1_900
"""No access that is not free costs less (a slot in a transaction's own list, EIP-2930): so gas bounds how many."""

ACCESS_BYTES = 200
"""Of one key with its value, about."""

TRANSACTION_BYTES = 2_000
"""Of what every transaction has: sender, recipient, fee recipients, and the record itself; about."""


class AccessLists:
    """By block hash; which blocks are part of the chain is decided elsewhere. Any thread."""

    def __init__(self, max_blocks: int = KEPT_BLOCKS, max_bytes: int = KEPT_BYTES) -> None:
        self._max_blocks = max_blocks
        self._max_bytes = max_bytes
        self._kept: OrderedDict[bytes, tuple[BlockAccesses, int]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def keep(self, block: Block, accesses: BlockAccesses | None) -> None:
        """Keep a block's; None, where the engine can not tell, keeps nothing."""
        if accesses is None:
            return
        size = estimate_bytes(block)
        with self._lock:
            self._bytes += size - self._kept.pop(block.hash, (accesses, 0))[1]
            self._kept[block.hash] = accesses, size
            while len(self._kept) > self._max_blocks or (self._bytes > self._max_bytes and len(self._kept) > 1):
                _, (_, dropped) = self._kept.popitem(last=False)
                self._bytes -= dropped

    def get_or_none(self, block_hash: bytes) -> BlockAccesses | None:
        """What is kept of that block."""
        with self._lock:
            kept = self._kept.get(block_hash)
        return None if kept is None else kept[0]


def estimate_bytes(block: Block) -> int:
    """Memory that a block's accesses may take, from what they cost in gas."""
    return block.header.gas_used // MIN_ACCESS_GAS * ACCESS_BYTES + len(block.transactions) * TRANSACTION_BYTES
