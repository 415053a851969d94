"""
Where the inputs of the next block come from: L1 for a rollup, nothing but the clock for a standalone chain.

The sequencing loop is the same for both; only this differs.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import structlog

from batcher.l2_source import L2BlockRef
from l1_bridge.deposits import DepositEvent, collect_deposits
from l1_bridge.errors import ResetError, TemporaryError
from l1_bridge.l1_chain_config import L1ChainConfig
from l1_bridge.l1_heads import L1Heads
from l1_bridge.rollup_config import RollupConfig
from l1_bridge.system_config import SystemConfig, apply_config_updates
from l1_bridge.types import ZERO_HASH, BlockId, L1Header, L1Source
from sequencer.chain.attributes_builder import build_attributes, system_config_at
from sequencer.primitives.attributes import PayloadAttributes
from sequencer.primitives.block import Block

from .origin_selection import choose_origin

log = structlog.get_logger(__name__)

L1_PATIENCE_SECONDS = 1.0
"""How long a block waits for what L1 says of the next origin; then it is made upon the origin of its parent."""


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


@dataclass(frozen=True, slots=True)
class _Following:
    """The L1 block after an origin, and what it says to L2 when its time has come."""

    header: L1Header | None
    deposits: tuple[DepositEvent, ...] = ()
    config: SystemConfig | None = None


class AttributesSource(Protocol):
    """Inputs of the block after `parent`, at its time in seconds."""

    async def next_block(self, parent: L2BlockRef, parent_block: Block, timestamp: int) -> NextBlock:
        """Raise TemporaryError when L1 can not answer, ResetError when the parent does not stand on L1."""
        ...


class RollupAttributes:
    """
    Attributes from the next L1 origin.

    While L1 is away, slow, or lies, blocks stay upon the origin that they have, until the drift is used up: what is
    read meanwhile goes on being read, and serves a later block.
    """

    def __init__(
        self,
        rollup: RollupConfig,
        l1_config: L1ChainConfig,
        l1: L1Source,
        l1_heads: Callable[[], L1Heads],
        confirmation_depth: int,
        patience_seconds: float = L1_PATIENCE_SECONDS,
    ) -> None:
        """`confirmation_depth`: how many L1 blocks must stand on an origin before it is built upon."""
        self._rollup = rollup
        self._l1_config = l1_config
        self._l1 = l1
        self._l1_heads = l1_heads
        self._confirmation_depth = confirmation_depth
        self._patience_seconds = patience_seconds
        self._origin: L1Header | None = None
        """Origin of the block given last: most of the time that of the next one's parent."""
        self._reading: asyncio.Task[_Following] | None = None
        self._read_after = ZERO_HASH
        """L1 block whose successor is being read."""

    async def next_block(self, parent: L2BlockRef, parent_block: Block, timestamp: int) -> NextBlock:
        """Choose the origin and read what it says to L2."""
        current = await self._read_origin(parent.l1_origin)
        config = system_config_at(parent_block, self._rollup)
        following = await self._look_further(current, config, timestamp)
        choice = choose_origin(current, following.header, timestamp)
        is_same = choice.origin.number == current.number
        self._origin = choice.origin
        attributes = build_attributes(
            rollup=self._rollup,
            l1_config=self._l1_config,
            parent=parent,
            config=config if is_same or following.config is None else following.config,
            origin=choice.origin,
            sequence_number=parent.sequence_number + 1 if is_same else 0,
            timestamp=timestamp,
            deposits=() if is_same else following.deposits,
        )
        return NextBlock(attributes, choice.allows_user_transactions)

    async def _read_origin(self, origin: BlockId) -> L1Header:
        if self._origin is not None and self._origin.hash == origin.hash:
            return self._origin
        header = await self._l1.header_by_hash(origin.hash)
        if header is None:
            raise OriginUnavailable(origin.number)
        return header

    async def _look_further(self, current: L1Header, config: SystemConfig, timestamp: int) -> _Following:
        """What comes after `current`, as far as L1 says it in time."""
        reading = self._reading
        if reading is None or self._read_after != current.hash:
            if reading is not None:
                reading.cancel()
            reading = asyncio.get_running_loop().create_task(self._read_following(current, config, timestamp))
            reading.add_done_callback(_look_at_failure)
            self._reading, self._read_after = reading, current.hash
            await asyncio.wait((reading,), timeout=self._patience_seconds)
        if not reading.done():
            return _stay(current, f"no answer within {self._patience_seconds} s")
        self._reading = None
        try:
            following = reading.result()
        except TemporaryError as reason:
            return _stay(current, str(reason))
        is_due = following.header is not None and following.header.timestamp <= timestamp
        if is_due and following.config is None:  # read for an earlier block, to which it said nothing yet
            return _Following(None)
        return following

    async def _read_following(self, current: L1Header, config: SystemConfig, timestamp: int) -> _Following:
        latest = self._l1_heads().latest
        if latest is None or current.number + 1 + self._confirmation_depth > latest.number:
            return _Following(None)
        following = await self._l1.header_by_number(current.number + 1)
        if following is not None and following.parent_hash != current.hash:
            raise OriginGone(current.id)
        if following is None or following.timestamp > timestamp:
            return _Following(following)
        receipts = await self._l1.receipts_by_hash(following.hash)
        if receipts is None:
            raise OriginUnavailable(following.number)
        deposits = collect_deposits(receipts, self._rollup.deposit_contract_address, following.hash)
        return _Following(
            following, deposits, apply_config_updates(config, receipts, self._rollup.l1_system_config_address)
        )


def _stay(origin: L1Header, reason: str) -> _Following:
    log.warning("l1_origin_kept", number=origin.number, reason=reason)
    return _Following(None)


def _look_at_failure(reading: "asyncio.Task[_Following]") -> None:
    """Nobody may ask for it any more: its failure is not one that was never retrieved."""
    with contextlib.suppress(asyncio.CancelledError):
        reading.exception()


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
