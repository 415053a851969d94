"""Epochs: what one L1 block says to L2 beside its batches - header, deposits, config updates."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from l1_bridge.deposits import DepositEvent, collect_deposits
from l1_bridge.errors import ResetError
from l1_bridge.rollup_config import RollupConfig
from l1_bridge.system_config import SystemConfig, apply_config_updates
from l1_bridge.types import BlockId, L1Header, L1Receipt, L1Source

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
