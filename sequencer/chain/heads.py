"""
The three heads of the chain, and what listeners hear when the chain changes.

    unsafe >= safe >= finalized       newest block | derived from L1 | derived from an L1 block that is final
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from batcher.l2_source import L2BlockRef
from sequencer.primitives.block import Block
from sequencer.primitives.receipt import Receipt


@dataclass(frozen=True, slots=True)
class Heads:
    """One immutable value, swapped after each commit, so every thread sees heads that belong together."""

    unsafe: L2BlockRef
    safe: L2BlockRef
    finalized: L2BlockRef


@dataclass(frozen=True, slots=True)
class BlockImported:
    """The chain has grown by one block."""

    block: Block
    receipts: tuple[Receipt, ...]
    ref: L2BlockRef


@dataclass(frozen=True, slots=True)
class BlocksUnwound:
    """These blocks, ascending, are no longer part of the chain."""

    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class SafeAdvanced:
    """The safe head stands at another block (behind the last one only after a reset or an unwind)."""

    ref: L2BlockRef


@dataclass(frozen=True, slots=True)
class FinalizedAdvanced:
    """Blocks up to this one can not change any more."""

    ref: L2BlockRef


ChainEvent: TypeAlias = BlockImported | BlocksUnwound | SafeAdvanced | FinalizedAdvanced

ChainListener: TypeAlias = Callable[[ChainEvent], None]
"""Called on the chain thread after the commit; must be quick and must not raise."""
