"""
Starting point: which blocks still stand on L1, and where on L1 the pipeline has to begin.

    safe       highest block whose L1 block - the one it was derived from - is still canonical
    unsafe     highest block whose L1 origin is still canonical, or not known to L1 yet
    resume at  the L1 block from which `safe` was derived: its data is judged again, what is before it was judged
    head       highest block derived from before `resume at`: what the pipeline stood on when it came there
    base       a channel timeout before `resume at`: where a channel that is read there may begin

The same answer serves a start from disk and an L1 reorg. L1 is read once a halving, so the depth of a reorg costs
little; below the finalized block nothing is searched. Spec: derivation.md, "Finding the sync starting point". Where
it walks back a whole sequencing window to find a safe head, what the chain remembers of each block is used instead.
Where it starts on the safe head itself, the blocks of one L1 block are derived a second time: a batch that was invalid
then would be merely of the past now, and leave the rest of its channel standing.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from batcher.l2_source import L2BlockRef
from l1_bridge.errors import CriticalError, TemporaryError
from l1_bridge.rollup_config import CHANNEL_TIMEOUT_BLOCKS, RollupConfig
from l1_bridge.types import BlockId, L1Header, L1Source
from sequencer.chain.attributes_builder import system_config_at
from sequencer.chain.chain import Chain
from sequencer.primitives.block import Block

from .epochs import L1BlockGone
from .pipeline import PipelineStart


class WrongL1Chain(CriticalError):
    """L1 is not the chain that this rollup was begun on, or a final block of it has changed."""

    def __init__(self, expected: BlockId, found: bytes) -> None:
        super().__init__(f"L1 block {expected} is part of this rollup's history, but L1 has 0x{found.hex()} there")
        self.expected = expected
        self.found = found


class L1Behind(TemporaryError):
    """L1 does not have a block that is part of the rollup's final history: the node is still catching up."""

    def __init__(self, block: BlockId) -> None:
        super().__init__(
            f"the L1 node is behind: it has no block {block} yet, which is part of this rollup's final history"
        )
        self.block = block


class MissingBlock(CriticalError):
    """The chain lacks a block between its finalized and its unsafe head."""

    def __init__(self, number: int) -> None:
        super().__init__(f"L2 block {number} is missing in the store")
        self.number = number


@dataclass(frozen=True, slots=True)
class StandingHeads:
    """How far the chain still follows from L1."""

    safe: L2BlockRef
    unwind_to: L2BlockRef | None
    """Blocks above it have an origin that is gone; None: the whole unsafe chain stands."""


async def find_standing_heads(chain: Chain, l1: L1Source, rollup: RollupConfig) -> StandingHeads:
    """
    The heads that the chain may keep, neither above what it has now, nor below its finalized block.

    Raises
    ------
    WrongL1Chain
        The genesis anchor, or the finalized block's L1 block, is another one on L1.
    TemporaryError
        L1 is away, lies, or has not reached them yet.
    """
    heads = chain.heads
    finalized = heads.finalized
    await _require_canonical(l1, rollup.genesis.l1)
    await _require_canonical(l1, chain.derived_from(finalized.number) or finalized.l1_origin)

    async def is_derived(number: int) -> bool:
        source = chain.derived_from(number)
        return source is not None and await is_canonical(l1, source)

    async def has_origin(number: int) -> bool:
        return await is_canonical(l1, get_ref(chain, number).l1_origin)

    safe = await _find_highest(finalized.number, heads.safe.number, is_derived)
    unsafe = await _find_highest(safe, heads.unsafe.number, has_origin)
    unwind_to: L2BlockRef | None = None
    if unsafe < heads.unsafe.number:
        gone = get_ref(chain, unsafe + 1).l1_origin
        if await l1.header_by_number(gone.number) is not None:
            unwind_to = get_ref(chain, unsafe)
    return StandingHeads(get_ref(chain, safe), unwind_to)


async def find_pipeline_start(chain: Chain, l1: L1Source, rollup: RollupConfig, safe: L2BlockRef) -> PipelineStart:
    """Where a pipeline begins that goes on from `safe`; raises as the L1 source, or L1BlockGone."""
    resume_at = chain.derived_from(safe.number)
    head, first_needed = safe, rollup.genesis.l1.number
    if resume_at is not None:
        head = get_ref(chain, _find_derived_before(chain, rollup.genesis.l2.number, safe.number, resume_at.number))
        first_needed = resume_at.number - CHANNEL_TIMEOUT_BLOCKS

    async def is_old(number: int) -> bool:
        return get_ref(chain, number).l1_origin.number <= first_needed

    number = await _find_highest(rollup.genesis.l2.number, head.number, is_old)
    ref, block = get_ref(chain, number), get_block(chain, number)
    base = await l1.header_by_hash(ref.l1_origin.hash)
    if base is None:
        raise L1BlockGone(ref.l1_origin)
    return PipelineStart(base, system_config_at(block, rollup), head, resume_at)


def _find_derived_before(chain: Chain, genesis: int, safe: int, l1_number: int) -> int:
    """The highest block that was derived from an L1 block below that number; the numbers never fall."""
    low, high = genesis, safe
    while low < high:
        middle = (low + high + 1) // 2
        source = chain.derived_from(middle)
        if source is not None and source.number < l1_number:
            low = middle
        else:
            high = middle - 1
    return low


async def is_canonical(l1: L1Source, block: BlockId) -> bool:
    """Whether L1 has that block at its height now."""
    header = await l1.header_by_number(block.number)
    return header is not None and header.hash == block.hash


def get_ref(chain: Chain, number: int) -> L2BlockRef:
    """The ref of a block that must be there; raises MissingBlock."""
    ref = chain.ref(number)
    if ref is None:
        raise MissingBlock(number)
    return ref


def get_block(chain: Chain, number: int) -> Block:
    """A block that must be there; raises MissingBlock."""
    block = chain.block(number)
    if block is None:
        raise MissingBlock(number)
    return block


async def _require_canonical(l1: L1Source, block: BlockId) -> L1Header:
    header = await l1.header_by_number(block.number)
    if header is None:
        raise L1Behind(block)
    if header.hash != block.hash:
        raise WrongL1Chain(block, header.hash)
    return header


async def _find_highest(low: int, high: int, holds: Callable[[int], Awaitable[bool]]) -> int:
    """The highest number up to `high` for which `holds`; it holds up to some number, and `low` is taken for granted."""
    while low < high:
        middle = (low + high + 1) // 2
        if await holds(middle):
            low = middle
        else:
            high = middle - 1
    return low
