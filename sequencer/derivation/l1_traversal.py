"""
L1 traversal: one L1 block after the other, each the child of the one before (derivation.md, "L1 Traversal").

With every block the system config follows its updates, so that the batcher is the one of that very block. Headers,
transactions and receipts of the next few blocks are read at the same time; what is read ahead counts only once it
links to the block before it. Of receipts only the logs of the portal and of the system config are kept.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from l1_bridge.beacon_client import BlobSource
from l1_bridge.deposits import DepositEvent, collect_deposits
from l1_bridge.errors import BraidError, L1Reorged, ResetError, TemporaryError
from l1_bridge.rollup_config import RollupConfig
from l1_bridge.system_config import SystemConfig, apply_config_updates
from l1_bridge.types import BlockId, L1Header, L1Receipt, L1Source, L1Transaction

from . import metrics
from .l1_retrieval import find_blob_hashes, open_blobs, select_batcher_data

T = TypeVar("T")

READ_AHEAD_BLOCKS = 8
"""L1 blocks fetched at once when there are that many; bounds what is held of L1."""

EPOCHS_KEPT = 64
"""Epochs whose deposits and updates are kept; an older one is read again."""


class L1BlockGone(ResetError):
    """L1 no longer has a block by its hash: it was reorged out."""

    def __init__(self, block: BlockId) -> None:
        super().__init__(f"L1 block {block} is gone")
        self.block = block


@dataclass(frozen=True, slots=True)
class Epoch:
    """What one L1 block says to L2: its header, and the receipts that hold deposits or config updates."""

    header: L1Header
    receipts: tuple[L1Receipt, ...]

    def deposits(self, rollup: RollupConfig) -> tuple[DepositEvent, ...]:
        """The block's deposits; raises MalformedDeposit (critical)."""
        return collect_deposits(self.receipts, rollup.deposit_contract_address, self.header.hash)

    def apply_updates(self, config: SystemConfig, rollup: RollupConfig) -> SystemConfig:
        """`config` after the block's updates."""
        return apply_config_updates(config, self.receipts, rollup.l1_system_config_address)


class EpochReader:
    """Epochs by L1 hash, the most recent ones kept."""

    def __init__(self, l1: L1Source, rollup: RollupConfig) -> None:
        self._l1 = l1
        self._listened = frozenset({rollup.deposit_contract_address, rollup.l1_system_config_address})
        self._kept: OrderedDict[bytes, Epoch] = OrderedDict()

    async def read(self, header: L1Header) -> Epoch:
        """The epoch of that L1 block; raises TemporaryError, or L1BlockGone."""
        held = self._kept.get(header.hash)
        if held is not None:
            self._kept.move_to_end(header.hash)
            return held
        receipts = await self._l1.receipts_by_hash(header.hash)
        if receipts is None:
            raise L1BlockGone(header.id)
        epoch = Epoch(header, self._select(receipts))
        self._kept[header.hash] = epoch
        if len(self._kept) > EPOCHS_KEPT:
            self._kept.popitem(last=False)
        return epoch

    async def read_by_id(self, block: BlockId) -> Epoch:
        """Like `read`, for a block of which only the id is at hand."""
        held = self._kept.get(block.hash)
        if held is not None:
            return held
        header = await self._l1.header_by_hash(block.hash)
        if header is None:
            raise L1BlockGone(block)
        return await self.read(header)

    def _select(self, receipts: Sequence[L1Receipt]) -> tuple[L1Receipt, ...]:
        selected = (
            replace(receipt, logs=tuple(log for log in receipt.logs if log.address in self._listened))
            for receipt in receipts
        )
        return tuple(receipt for receipt in selected if receipt.logs)


@dataclass(frozen=True, slots=True)
class L1Sources:
    """Where the two halves of L1 are read from."""

    blocks: L1Source
    blobs: BlobSource


@dataclass(frozen=True, slots=True)
class _ReadAhead:
    epoch: Epoch
    to_inbox: tuple[L1Transaction, ...]
    config: SystemConfig
    """In force in that block."""
    blobs: Mapping[bytes, bytes]
    """By versioned hash, those that could be had ahead."""


class L1Traversal:
    """Where derivation is on L1, and what that block holds."""

    def __init__(
        self, sources: L1Sources, epochs: EpochReader, rollup: RollupConfig, base: L1Header, config: SystemConfig
    ) -> None:
        """Start with `base` as the first block that is read; `config` is in force there, its updates included."""
        self._l1 = sources.blocks
        self._blobs = sources.blobs
        self._epochs = epochs
        self._rollup = rollup
        self._origin = base
        self._config = config
        self._to_inbox: tuple[L1Transaction, ...] | None = None
        """Transactions of the origin to the inbox; None when they have to be read."""
        self._held_blobs: Mapping[bytes, bytes] = {}
        """Blobs of the origin that were read ahead."""
        self._is_read = False
        self._ahead: list[_ReadAhead] = []

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
            self._to_inbox = await self._read_to_inbox(self._origin)
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
        if not self._ahead:
            self._ahead = await self._read_ahead(head_number)
        if not self._ahead:
            return False
        following = self._ahead[0]
        header = following.epoch.header
        if header.parent_hash != self._origin.hash:
            self._ahead = []
            raise L1Reorged(self._origin.number, self._origin.hash, header.parent_hash)
        self._ahead = self._ahead[1:]
        self._origin, self._config, self._is_read = header, following.config, False
        self._to_inbox, self._held_blobs = following.to_inbox, following.blobs
        metrics.CURRENT_L1.set(header.number)
        return True

    async def _read_ahead(self, head_number: int) -> list[_ReadAhead]:
        """The next blocks that link to each other, as many as L1 has, up to a bound; all reads at the same time."""
        first = self._origin.number + 1
        count = min(max(head_number - self._origin.number, 1), READ_AHEAD_BLOCKS)
        headers = await _gather([self._l1.header_by_number(first + offset) for offset in range(count)])
        linked: list[L1Header] = []
        for header in headers:
            if header is None or (linked and header.parent_hash != linked[-1].hash):
                break
            linked.append(header)
        blocks = await _gather([self._read_block(header) for header in linked])
        config, configs = self._config, []
        for epoch, _ in blocks:
            config = epoch.apply_updates(config, self._rollup)
            configs.append(config)
        blobs = await _gather(
            [self._read_blobs_ahead(*block, config) for block, config in zip(blocks, configs, strict=True)]
        )
        return [
            _ReadAhead(epoch, to_inbox, config, held)
            for (epoch, to_inbox), config, held in zip(blocks, configs, blobs, strict=True)
        ]

    async def _read_block(self, header: L1Header) -> tuple[Epoch, tuple[L1Transaction, ...]]:
        return await self._epochs.read(header), await self._read_to_inbox(header)

    async def _read_to_inbox(self, header: L1Header) -> tuple[L1Transaction, ...]:
        block = await self._l1.block_by_hash(header.hash)
        if block is None:
            raise L1BlockGone(header.id)
        inbox = self._rollup.batch_inbox_address
        return tuple(transaction for transaction in block.transactions if transaction.to == inbox)

    async def _read_blobs_ahead(
        self, epoch: Epoch, to_inbox: tuple[L1Transaction, ...], config: SystemConfig
    ) -> Mapping[bytes, bytes]:
        """Blobs of a block whose turn comes later; what can not be had now is asked for when it is needed."""
        hashes = find_blob_hashes(to_inbox, self._rollup.batch_inbox_address, config.batcher_address)
        try:
            return dict(zip(hashes, await self._blobs.blobs(epoch.header, hashes), strict=True)) if hashes else {}
        except TemporaryError:
            return {}


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
