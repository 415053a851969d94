"""
Recovery ahead: senders of the block after the one that is being executed, found meanwhile on other threads.

Recovery is most of what a plain transfer costs. Attributes of the next block need the hash of this one; transactions
do not, and those of an open span batch are known. What was recovered for a block that is never made costs only time.
"""

import asyncio
from collections.abc import Sequence

from sequencer.primitives.recovery import Decoding, decode_transactions


class RecoveryAhead:
    """Holds the transactions of one block, or the work on them."""

    def __init__(self) -> None:
        self._raws: Sequence[bytes] = ()
        self._job: asyncio.Future[list[Decoding]] | None = None

    def begin(self, raws: Sequence[bytes], limit: int) -> None:
        """Start on these, unless they are more than a block has room for; what was begun before is forgotten."""
        self._raws, self._job = raws, None
        if 0 < len(raws) <= limit:
            self._job = asyncio.get_running_loop().run_in_executor(None, decode_transactions, raws)

    async def take(self, raws: Sequence[bytes]) -> list[Decoding] | None:
        """What came of these very transactions; None when nobody began on them."""
        job, is_begun = self._job, raws is self._raws
        return await asyncio.shield(job) if is_begun and job is not None else None
