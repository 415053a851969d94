"""
Finality: an L2 block is final when the L1 block it was derived from is (derivation.md, "Finalization").

The chain remembers from which L1 block on each safe block follows; those numbers never fall, so the newest final
block is found by halving.
"""

from batcher.l2_source import L2BlockRef
from sequencer.chain.chain import Chain


def find_finalized(chain: Chain, finalized_l1: int) -> L2BlockRef | None:
    """The newest safe block derived from L1 up to that number; None when it is final already."""
    heads = chain.heads
    low, high = heads.finalized.number, heads.safe.number
    while low < high:
        middle = (low + high + 1) // 2
        source = chain.derived_from(middle)
        if source is not None and source.number <= finalized_l1:
            low = middle
        else:
            high = middle - 1
    return chain.ref(low) if low > heads.finalized.number else None
