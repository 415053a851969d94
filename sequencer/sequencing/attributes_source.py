"""
Where the inputs of the next block come from: L1 for a rollup, nothing but the clock for a standalone chain.

The sequencing loop is the same for both; only this differs.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from batcher.l2_source import L2BlockRef
from l1_bridge.deposits import DepositEvent, collect_deposits
from l1_bridge.errors import ResetError, TemporaryError
from l1_bridge.l1_chain_config import L1ChainConfig
from l1_bridge.l1_heads import L1Heads
from l1_bridge.rollup_config import RollupConfig
from l1_bridge.system_config import SystemConfig, apply_config_updates
from l1_bridge.types import BlockId, L1Header, L1Source
from sequencer.chain.attributes_builder import build_attributes, system_config_at
from sequencer.primitives.attributes import PayloadAttributes
from sequencer.primitives.block import Block

from .origin_selection import choose_origin


class OriginGone(ResetError):
    """The L1 origin of the unsafe head is not on L1 any more: derivation has to unwind first."""

    def __init__(self, origin: BlockId) -> None:
        super().__init__(f"L1 block {origin} is not canonical any more")
        self.origin = origin


class OriginUnavailable(TemporaryError):
    """L1 does not show a block that it must have."""

    def __init__(self, number: int) -> None:
        super().__init__(f"L1 block {number} is not there (yet)")
        self.number = number


@dataclass(frozen=True, slots=True)
class NextBlock:
    """What the next block is made of, and whether users' transactions may be added."""

    attributes: PayloadAttributes
    allows_user_transactions: bool


class AttributesSource(Protocol):
    """Inputs of the block after `parent`, at its time in seconds."""

    async def next_block(self, parent: L2BlockRef, parent_block: Block, timestamp: int) -> NextBlock:
        """Raise TemporaryError when L1 can not answer, ResetError when the parent does not stand on L1."""
        ...


class RollupAttributes:
    """Attributes from the next L1 origin."""

    def __init__(
        self,
        rollup: RollupConfig,
        l1_config: L1ChainConfig,
        l1: L1Source,
        l1_heads: Callable[[], L1Heads],
        confirmation_depth: int,
    ) -> None:
        """`confirmation_depth`: how many L1 blocks must stand on an origin before it is built upon."""
        self._rollup = rollup
        self._l1_config = l1_config
        self._l1 = l1
        self._l1_heads = l1_heads
        self._confirmation_depth = confirmation_depth

    async def next_block(self, parent: L2BlockRef, parent_block: Block, timestamp: int) -> NextBlock:
        """Choose the origin and read what it says to L2."""
        current = await self._l1.header_by_hash(parent.l1_origin.hash)
        if current is None:
            raise OriginUnavailable(parent.l1_origin.number)
        following = await self._following(current)
        choice = choose_origin(current, following, timestamp)
        config = system_config_at(parent_block, self._rollup)
        deposits: tuple[DepositEvent, ...] = ()
        sequence_number = parent.sequence_number + 1
        if choice.origin.number != parent.l1_origin.number:
            deposits, config = await self._read_epoch(choice.origin, config)
            sequence_number = 0
        attributes = build_attributes(
            rollup=self._rollup,
            l1_config=self._l1_config,
            parent=parent,
            config=config,
            origin=choice.origin,
            sequence_number=sequence_number,
            timestamp=timestamp,
            deposits=deposits,
        )
        return NextBlock(attributes, choice.allows_user_transactions)

    async def _following(self, current: L1Header) -> L1Header | None:
        latest = self._l1_heads().latest
        if latest is None or current.number + 1 + self._confirmation_depth > latest.number:
            return None
        following = await self._l1.header_by_number(current.number + 1)
        if following is not None and following.parent_hash != current.hash:
            raise OriginGone(current.id)
        return following

    async def _read_epoch(
        self, origin: L1Header, config: SystemConfig
    ) -> tuple[tuple[DepositEvent, ...], SystemConfig]:
        receipts = await self._l1.receipts_by_hash(origin.hash)
        if receipts is None:
            raise OriginUnavailable(origin.number)
        deposits = collect_deposits(receipts, self._rollup.deposit_contract_address, origin.hash)
        return deposits, apply_config_updates(config, receipts, self._rollup.l1_system_config_address)


class StandaloneAttributes:
    """Attributes of a chain with plain Ethereum rules and no chain above it."""

    def __init__(self, fee_recipient: bytes, randomness: Callable[[int], bytes] = secrets.token_bytes) -> None:
        self._fee_recipient = fee_recipient
        self._randomness = randomness

    async def next_block(self, parent: L2BlockRef, parent_block: Block, timestamp: int) -> NextBlock:
        """Gas limit and extra data go on from the parent."""
        attributes = PayloadAttributes(
            timestamp=timestamp,
            prev_randao=self._randomness(32),
            fee_recipient=self._fee_recipient,
            parent_beacon_block_root=bytes(32),
            gas_limit=parent_block.header.gas_limit,
            extra_data=parent_block.header.extra_data,
            deposits=(),
        )
        return NextBlock(attributes, allows_user_transactions=True)
