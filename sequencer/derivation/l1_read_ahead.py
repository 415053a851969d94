"""
L1 read ahead: the next L1 blocks, read while those before them are derived and executed.

    held      up to 16 blocks that link to each other      next_block takes them one by one
    reading   up to 8 more, all at the same time: blocks   begins when half of it is taken
              by number, then the receipts of those
              that link

What is read ahead counts only once it links to the block before it, which is for the traversal to see. The reading
goes on between steps, and the client sends what is asked for at the same time as one request; a failure is told when
its blocks are asked for, and it is made again then.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from l1_bridge.beacon_client import BlobSource
from l1_bridge.errors import BraidError, TemporaryError
from l1_bridge.rollup_config import RollupConfig
from l1_bridge.system_config import SystemConfig
from l1_bridge.types import L1Block, L1Header, L1Source, L1Transaction

from .epochs import Epoch, EpochReader, L1BlockGone
from .l1_retrieval import find_blob_hashes, guess_data

T = TypeVar("T")

BLOCKS_AT_ONCE = 8
"""L1 blocks fetched at the same time when there are that many; twice as many bound what is held of L1."""


@dataclass(frozen=True, slots=True)
class L1Sources:
    """Where the two halves of L1 are read from."""

    blocks: L1Source
    blobs: BlobSource


@dataclass(frozen=True, slots=True)
class AheadBlock:
    """An L1 block whose turn comes later."""

    epoch: Epoch
    to_inbox: tuple[L1Transaction, ...]
    config: SystemConfig
    """In force in that block."""
    blobs: Mapping[bytes, bytes]
    """By versioned hash, those that could be had ahead."""

    @property
    def header(self) -> L1Header:
        """Its header."""
        return self.epoch.header


class L1ReadAhead:
    """See the module; `close` ends what is being read."""

    def __init__(self, sources: L1Sources, epochs: EpochReader, rollup: RollupConfig) -> None:
        self._l1 = sources.blocks
        self._blobs = sources.blobs
        self._epochs = epochs
        self._rollup = rollup
        self._held: deque[AheadBlock] = deque()
        self._reading: asyncio.Task[list[AheadBlock]] | None = None
        self._news: list[AheadBlock] = []

    async def next_block(self, after: L1Header, config: SystemConfig, head_number: int) -> AheadBlock | None:
        """
        The block that L1 has above `after`, or had when it was read ahead; None when there is none yet.

        Parameters
        ----------
        after :
            The block that the last call gave; after `forget`, any.
        config :
            In force there.
        head_number :
            Newest L1 block known; how far reading ahead is worth it.

        Raises
        ------
        L1BlockGone
            L1 was reorged while it was read.
        TemporaryError
            L1 is away, slow, or lies.
        """
        if self._reading is None and not self._held:
            self._begin(after, config, head_number)
        if self._reading is not None and (self._reading.done() or not self._held):
            try:
                await self._finish()
            except BraidError:
                if not self._held:
                    raise
        if not self._held:
            return None
        block = self._held.popleft()
        last = self._held[-1] if self._held else block
        if self._reading is None and len(self._held) <= BLOCKS_AT_ONCE and last.header.number < head_number:
            self._begin(last.header, last.config, head_number)
        return block

    def take_news(self) -> tuple[bytes, ...]:
        """Data of the batcher in the blocks read since the last call, as it will probably count."""
        inbox = self._rollup.batch_inbox_address
        news, self._news = self._news, []
        return tuple(
            piece
            for block in news
            for piece in guess_data(block.to_inbox, inbox, block.config.batcher_address, block.blobs)
        )

    def forget(self) -> None:
        """Drop everything that was read ahead."""
        self._held.clear()
        self._news.clear()
        self.close()

    def close(self) -> None:
        """End what is being read."""
        if self._reading is not None:
            self._reading.cancel()
        self._reading = None

    async def read_to_inbox(self, header: L1Header) -> tuple[L1Transaction, ...]:
        """The block's transactions to the inbox; raises TemporaryError, or L1BlockGone."""
        block = await self._l1.block_by_hash(header.hash)
        if block is None:
            raise L1BlockGone(header.id)
        return self._select_to_inbox(block)

    def _begin(self, after: L1Header, config: SystemConfig, head_number: int) -> None:
        self._reading = asyncio.get_running_loop().create_task(self._read(after, config, head_number))
        self._reading.add_done_callback(_look_at_failure)

    async def _finish(self) -> None:
        """Hold what was being read; a caller that is cancelled leaves it to the next one."""
        reading = self._reading
        if reading is None:
            return
        try:
            blocks = await asyncio.shield(reading)
        finally:
            if reading.done():
                self._reading = None
        self._held.extend(blocks)
        self._news += blocks

    async def _read(self, after: L1Header, config: SystemConfig, head_number: int) -> list[AheadBlock]:
        """The next blocks that link to each other, as many as L1 has, up to a bound; in two round trips."""
        first = after.number + 1
        count = min(max(head_number - after.number, 1), BLOCKS_AT_ONCE)
        found = await _gather([self._l1.block_by_number(first + offset) for offset in range(count)])
        linked: list[L1Block] = []
        for block in found:
            if block is None or (linked and block.header.parent_hash != linked[-1].header.hash):
                break
            linked.append(block)
        epochs = await _gather([self._epochs.read(block.header) for block in linked])
        to_inbox = [self._select_to_inbox(block) for block in linked]
        configs = []
        for epoch in epochs:
            config = epoch.apply_updates(config, self._rollup)
            configs.append(config)
        blobs = await _gather([self._read_blobs(*read) for read in zip(epochs, to_inbox, configs, strict=True)])
        return [AheadBlock(*read) for read in zip(epochs, to_inbox, configs, blobs, strict=True)]

    def _select_to_inbox(self, block: L1Block) -> tuple[L1Transaction, ...]:
        inbox = self._rollup.batch_inbox_address
        return tuple(transaction for transaction in block.transactions if transaction.to == inbox)

    async def _read_blobs(
        self, epoch: Epoch, to_inbox: tuple[L1Transaction, ...], config: SystemConfig
    ) -> Mapping[bytes, bytes]:
        """What can not be had now is asked for when it is needed."""
        hashes = find_blob_hashes(to_inbox, self._rollup.batch_inbox_address, config.batcher_address)
        try:
            return dict(zip(hashes, await self._blobs.blobs(epoch.header, hashes), strict=True)) if hashes else {}
        except TemporaryError:
            return {}


def _look_at_failure(reading: "asyncio.Task[list[AheadBlock]]") -> None:
    """Nobody may ask for it any more: its failure is not one that was never retrieved."""
    with contextlib.suppress(asyncio.CancelledError):
        reading.exception()


async def _gather(reads: Sequence[Coroutine[object, object, T]]) -> list[T]:
    """Results of reads that run at the same time; of several failures one is raised: they are about the same L1."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(read) for read in reads]
    except* BraidError as failures:
        raise _first_failure(failures) from None
    return [task.result() for task in tasks]


def _first_failure(failures: BaseExceptionGroup[BraidError]) -> BraidError:
    failure: BaseException = failures.exceptions[0]
    while isinstance(failure, BaseExceptionGroup):
        failure = failure.exceptions[0]
    if not isinstance(failure, BraidError):
        raise failure
    return failure
