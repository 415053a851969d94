"""Safe and finalized heads of a standalone chain: a fixed number of blocks behind, as a proof-of-stake L1 has them."""

from dataclasses import dataclass

from l1_bridge.types import ZERO_HASH, BlockId
from sequencer.chain.chain import Chain

NOT_DERIVED = BlockId(0, ZERO_HASH)
"""A standalone chain is derived from nothing."""


@dataclass(frozen=True, slots=True)
class DepthFinality:
    """Depths in blocks below the newest one."""

    safe_depth: int = 4
    finalized_depth: int = 8

    def advance(self, chain: Chain) -> None:
        """Move both heads of `chain`; runs on the chain thread."""
        newest = chain.heads.unsafe.number
        safe = chain.ref(max(newest - self.safe_depth, 0))
        if safe is not None and safe.number > chain.heads.safe.number:
            chain.mark_safe(safe, NOT_DERIVED)
        finalized = chain.ref(max(newest - self.finalized_depth, 0))
        if finalized is not None and finalized.number > chain.heads.finalized.number:
            chain.mark_finalized(finalized)
