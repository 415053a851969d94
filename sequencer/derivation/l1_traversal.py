"""
L1 traversal: one L1 block after the other, each the child of the one before (derivation.md, "L1 Traversal").

With every block the system config follows its updates, so that the batcher is the one of that very block. Blocks come
from `l1_read_ahead`; of their receipts only the logs of the portal and of the system config are kept.
"""

from collections.abc import Mapping

from l1_bridge.errors import L1Reorged
from l1_bridge.rollup_config import RollupConfig
from l1_bridge.system_config import SystemConfig
from l1_bridge.types import L1Header, L1Transaction

from . import metrics
from .epochs import EpochReader
from .l1_read_ahead import L1ReadAhead, L1Sources
from .l1_retrieval import find_blob_hashes, open_blobs, select_batcher_data


class L1Traversal:
    """Where derivation is on L1, and what that block holds."""

    def __init__(
        self, sources: L1Sources, epochs: EpochReader, rollup: RollupConfig, base: L1Header, config: SystemConfig
    ) -> None:
        """Start with `base` as the first block that is read; `config` is in force there, its updates included."""
        self._blobs = sources.blobs
        self._ahead = L1ReadAhead(sources, epochs, rollup)
        self._rollup = rollup
        self._origin = base
        self._config = config
        self._to_inbox: tuple[L1Transaction, ...] | None = None
        """Transactions of the origin to the inbox; None when they have to be read."""
        self._held_blobs: Mapping[bytes, bytes] = {}
        """Blobs of the origin that were read ahead."""
        self._is_read = False

    @property
    def origin(self) -> L1Header:
        """The L1 block that is being read."""
        return self._origin

    async def read_data(self) -> tuple[bytes, ...]:
        """
        Data of the batcher transactions of the current block: once, then nothing until the next one.

        Raises TemporaryError, for a blob that is not there too, or L1BlockGone when the block was reorged out.
        """
        if self._is_read:
            return ()
        if self._to_inbox is None:
            self._to_inbox = await self._ahead.read_to_inbox(self._origin)
        inbox, batcher = self._rollup.batch_inbox_address, self._config.batcher_address
        hashes = find_blob_hashes(self._to_inbox, inbox, batcher)
        missing = [hash for hash in hashes if hash not in self._held_blobs]
        if missing:
            blobs = await self._blobs.blobs(self._origin, missing)
            self._held_blobs = {**self._held_blobs, **dict(zip(missing, blobs, strict=True))}
        data = open_blobs(select_batcher_data(self._to_inbox, inbox, batcher), self._held_blobs)
        self._is_read, self._to_inbox, self._held_blobs = True, (), {}
        return data

    async def advance(self, head_number: int) -> bool:
        """
        Go on to the next L1 block; False when there is none yet.

        Parameters
        ----------
        head_number :
            Newest L1 block known; how far reading ahead is worth it.

        Raises
        ------
        L1Reorged
            The next block is not a child of this one.
        TemporaryError
            L1 is away, slow, or lies.
        """
        following = await self._ahead.next_block(self._origin, self._config, head_number)
        if following is None:
            return False
        header = following.header
        if header.parent_hash != self._origin.hash:
            self._ahead.forget()
            raise L1Reorged(self._origin.number, self._origin.hash, header.parent_hash)
        self._origin, self._config, self._is_read = header, following.config, False
        self._to_inbox, self._held_blobs = following.to_inbox, following.blobs
        metrics.CURRENT_L1.set(header.number)
        return True

    def take_news(self) -> tuple[bytes, ...]:
        """Data of the batcher in blocks that were read ahead since the last call."""
        return self._ahead.take_news()

    def close(self) -> None:
        """End what is being read ahead."""
        self._ahead.close()
