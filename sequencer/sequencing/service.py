"""
The block loop: open a block, weave it from slices, seal it when its time has come.

    open -> slice (take, execute, journal, publish) ... slice -> seal and import

A block at time T opens when T is one block time away and is sealed so that its import ends near T. Everything on the
block runs on the chain thread; derivation, which runs between the steps, may take the open block away at any time:
its transactions then go back to the pool in order.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog

from batcher.l2_source import L2BlockRef
from l1_bridge.errors import ResetError
from l1_bridge.service import AGAIN, Wake
from sequencer.chain.chain import Chain, OpenBlockHandle
from sequencer.chain.errors import BlockTakenAway
from sequencer.chain.thread import ChainThread
from sequencer.execution.interface import Included, Outcome
from sequencer.mempool.journal_records import SliceRecord, compute_receipts_digest
from sequencer.mempool.mempool import Mempool
from sequencer.mempool.pool_entry import UNBOUNDED
from sequencer.primitives.attributes import PayloadAttributes
from sequencer.primitives.clock import Clock

from . import metrics
from .attributes_source import AttributesSource, NextBlock
from .budget import SpeedBudget
from .finality import DepthFinality
from .slices import PreconfirmationBroken, PublishedBlock, included_of
from .throttle import Throttle, ThrottleLimits, count_bytes

log = structlog.get_logger(__name__)

MAX_WEIGHED_BLOCKS = 16
"""Blocks of an earlier process that are read before one block is opened, to know what of them waits for L1."""

MAX_SLICE_BYTES = 1 << 20
"""Transaction bytes of a slice; a block's worth of slices still fits the batcher's channels."""


class HeadMoved(ResetError):
    """Derivation changed the unsafe head while the next block was prepared; the next step begins again."""

    def __init__(self, parent_number: int) -> None:
        super().__init__(f"block {parent_number} is no longer the unsafe head")
        self.parent_number = parent_number


@dataclass(frozen=True, slots=True)
class SequencingOptions:
    """Seconds; `late_seconds` None: transactions are taken however late the block is."""

    block_time_seconds: int
    slice_seconds: float = 0.025
    late_seconds: float | None = None
    """A block that opens later than this after its time holds deposits alone until the chain has caught up."""


@dataclass(slots=True)
class _Open:
    handle: OpenBlockHandle
    parent: L2BlockRef
    attributes: PayloadAttributes
    allows_user_transactions: bool
    published: PublishedBlock
    slices: int = 0
    included: list[Included] = field(default_factory=list)
    is_spoiled: bool = False
    """The engine's block holds more than was published: it is made again before anything else happens to it."""

    @property
    def number(self) -> int:
        return self.parent.number + 1

    @property
    def gas_used(self) -> int:
        return self.handle.gas_used


class SequencingService:
    """Makes the unsafe chain grow; passive, driven by `step`."""

    def __init__(
        self,
        chain: Chain,
        thread: ChainThread,
        mempool: Mempool,
        attributes: AttributesSource,
        clock: Clock,
        options: SequencingOptions,
        budget: SpeedBudget,
        finality: DepthFinality | None = None,
        on_slice: Callable[[Sequence[Outcome]], None] = lambda outcomes: None,
        stopwatch: Callable[[], float] = time.perf_counter,
        throttle: Throttle | None = None,
    ) -> None:
        """
        Wire the parts together.

        Parameters
        ----------
        finality :
            Given for a standalone chain; a rollup's heads follow from derivation.
        on_slice :
            Hears the outcomes of each slice once it is durable, on the event loop.
        throttle :
            How much a block may add while L1 is behind; None: no bound, as for a standalone chain.
        """
        self._chain = chain
        self._thread = thread
        self._mempool = mempool
        self._attributes = attributes
        self._clock = clock
        self._options = options
        self._budget = budget
        self._finality = finality
        self._on_slice = on_slice
        self._stopwatch = stopwatch
        self._throttle = throttle or Throttle(ThrottleLimits(soft_bytes=0))
        self._open: _Open | None = None
        self.is_paused = False

    @property
    def current(self) -> PublishedBlock | None:
        """The open block as far as it is published; None between two blocks. Any thread may ask."""
        opened = self._open
        return None if opened is None else opened.published

    def limit_block_bytes(self, limit: int | None) -> None:
        """Let the next blocks take so many bytes of transactions at most; None: no bound but back-pressure."""
        self._throttle.asked_share = limit

    async def step(self) -> Wake:
        """Do the next piece of work; raises what the attributes source raises when L1 can not answer."""
        self._drop_replaced_block()
        if self._open is not None:
            if self._open.is_spoiled:
                await self._make_again(self._open)
            return await self._advance(self._open)
        if self.is_paused:
            return Wake(self._options.block_time_seconds)
        return await self._open_next()

    async def reset(self) -> None:
        """Give the open block up; its transactions go back to the pool in order."""
        if self._open is not None:
            await self._thread.run(self._chain.abandon_open_block)
        self._drop_replaced_block()

    async def recover(self, slices: Sequence[SliceRecord]) -> None:
        """
        Rebuild the block that was open when the process ended, from the journaled slices over the present head.

        Raises PreconfirmationBroken when a slice does not give the receipts that were published.
        """
        attributes = slices[0].attributes if slices else None
        if attributes is None:
            return
        parent = self._chain.heads.unsafe
        opened = await self._begin(parent, NextBlock(attributes, allows_user_transactions=True))
        for record in slices:
            transactions = self._mempool.take_listed(record.transaction_hashes)
            outcomes = await self._thread.run(opened.handle.apply, transactions)
            if compute_receipts_digest(outcomes) != record.receipts_digest:
                raise PreconfirmationBroken(record.block_number, record.slice_index)
            self._show(opened, outcomes)
        log.info("open_block_rebuilt", number=parent.number + 1, slices=opened.slices, count=len(opened.included))

    async def _open_next(self) -> Wake:
        parent = self._chain.heads.unsafe
        timestamp = parent.timestamp + self._options.block_time_seconds
        early = parent.timestamp - self._clock.now()
        if early > 0:
            return Wake(min(early, self._options.block_time_seconds))  # the clock may be set meanwhile
        parent_block = self._chain.block(parent.number)
        if parent_block is None or parent_block.hash != parent.hash:
            return AGAIN  # derivation moved the head just now
        following = await self._attributes.next_block(parent, parent_block, timestamp)
        if self._chain.heads.unsafe != parent:
            return AGAIN
        late, limit = self._clock.now() - timestamp, self._options.late_seconds
        if limit is not None and late > limit:
            following = NextBlock(following.attributes, allows_user_transactions=False)
        await self._thread.run(self._weigh_unposted)
        await self._begin(parent, following)
        return AGAIN

    def _weigh_unposted(self) -> None:
        """On the chain thread: bring what waits for L1 up to the heads, some blocks at a time after a restart."""
        unposted, heads = self._throttle.unposted, self._chain.heads
        unposted.forget_up_to(heads.safe.number)
        unposted.forget_above(heads.unsafe.number)
        for _ in range(MAX_WEIGHED_BLOCKS):
            number = unposted.next_missing(heads.safe.number, heads.unsafe.number)
            block = None if number is None else self._chain.block(number)
            if number is None or block is None:
                return
            unposted.note(number, count_bytes(block.transactions))

    async def _begin(self, parent: L2BlockRef, following: NextBlock) -> _Open:
        handle = await self._thread.run(self._open_over, parent, following.attributes)
        pending = handle.pending
        published = PublishedBlock(pending.environment, pending.included, pending.state)
        self._open = _Open(handle, parent, following.attributes, following.allows_user_transactions, published)
        self._throttle.begin_block()
        return self._open

    def _open_over(self, parent: L2BlockRef, attributes: PayloadAttributes) -> OpenBlockHandle:
        """On the chain thread: the attributes are for this parent and no other."""
        if self._chain.heads.unsafe != parent:
            raise HeadMoved(parent.number)
        return self._chain.open_block(attributes)

    async def _advance(self, opened: _Open) -> Wake:
        seal_at = opened.attributes.timestamp - self._budget.seal_seconds(opened.gas_used)
        seconds_left = seal_at - self._clock.now()
        is_first, started = opened.slices == 0, self._stopwatch()
        if opened.allows_user_transactions and (seconds_left > 0 or is_first):
            await self._weave_slice(opened)
            self._drop_replaced_block()
            if self._open is not opened:
                return AGAIN
        seconds_left = seal_at - self._clock.now()
        if seconds_left > 0:
            until_next_slice = self._options.slice_seconds - (self._stopwatch() - started)
            return Wake(max(min(until_next_slice, seconds_left), 0.0))
        await self._seal(opened)
        return AGAIN

    async def _weave_slice(self, opened: _Open) -> None:
        """Take what is best, execute it, make the slice durable, then publish it."""
        environment = opened.handle.environment
        gas_left, is_first = environment.gas_limit - opened.gas_used, opened.slices == 0
        gas = self._budget.slice_gas(
            seconds_left=opened.attributes.timestamp - self._clock.now(),
            block_gas_used=opened.gas_used,
            block_gas_left=gas_left,
        )
        if gas <= 0 and is_first:
            gas = min(gas_left, self._budget.minimum_gas)
        self._mempool.held_back = self._throttle.reason
        taken = self._mempool.take(
            base_fee=environment.base_fee_per_gas,
            gas_budget=gas,
            limit=self._budget.slice_transactions,
            max_bytes=MAX_SLICE_BYTES,
            gas_alone=gas_left if is_first else 0,
            bytes_left=UNBOUNDED if (left := self._throttle.bytes_left) is None else left,
        )
        if not taken:
            return
        opened.is_spoiled = True
        try:
            started = self._stopwatch()
            outcomes = await self._thread.run(opened.handle.apply, taken)
            seconds = self._stopwatch() - started
            await self._record(opened, outcomes)
            opened.is_spoiled = False
        finally:
            if opened.is_spoiled:  # what was published before stays promised; this slice was shown to nobody
                self._mempool.on_slice_failed()
        self._show(opened, outcomes)
        included = included_of(outcomes)
        self._budget.measure_slice(sum(outcome.gas_used for outcome in included), seconds)
        metrics.SLICES.inc()
        metrics.SLICE_TRANSACTIONS.observe(len(included))
        metrics.SLICE_SECONDS.observe(seconds)

    async def _record(self, opened: _Open, outcomes: Sequence[Outcome]) -> None:
        """Make the slice durable; a slice that includes nothing promises nothing."""
        if included_of(outcomes):
            await self._mempool.record_slice(
                block_number=opened.number,
                parent_hash=opened.parent.hash,
                slice_index=opened.slices,
                attributes=opened.attributes,
                outcomes=outcomes,
            )

    async def _make_again(self, opened: _Open) -> None:
        """A slice failed after it was executed: make the block again from the slices that were published (law 6)."""
        await self._thread.run(self._reopen, opened)
        opened.is_spoiled = False
        metrics.REMADE_BLOCKS.inc()
        log.warning("open_block_remade", number=opened.number, count=len(opened.included))

    def _reopen(self, opened: _Open) -> None:
        """On the chain thread, as one piece of work."""
        if self._chain.current is not opened.handle:
            raise BlockTakenAway(opened.number)
        opened.handle = self._chain.open_block(opened.attributes)
        outcomes = opened.handle.apply([outcome.transaction for outcome in opened.included])
        if compute_receipts_digest(outcomes) != compute_receipts_digest(opened.included):
            raise PreconfirmationBroken(opened.number, opened.slices)

    def _show(self, opened: _Open, outcomes: Sequence[Outcome]) -> None:
        """The slice is durable: the pool, the pending view and whoever waits hear of it."""
        included = included_of(outcomes)
        self._mempool.settle(
            outcomes, block_number=opened.number, slice_index=opened.slices, first_index=len(opened.included)
        )
        opened.published.publish(included, opened.handle.view())
        opened.included += included
        opened.slices += bool(included)
        self._throttle.spend(count_bytes(outcome.transaction for outcome in included))
        self._mempool.held_back = self._throttle.reason
        self._on_slice(outcomes)

    async def _seal(self, opened: _Open) -> None:
        started = self._stopwatch()
        gas = opened.gas_used
        opened.is_spoiled = True
        block = await self._thread.run(self._seal_and_import, opened.handle)
        if block is None:
            self._give_up(opened)
            return
        self._open = None
        self._throttle.seal_block(opened.number)
        seconds = self._stopwatch() - started
        self._budget.measure_seal(gas, seconds)
        metrics.SEAL_SECONDS.observe(seconds)
        log.info(
            "block_sealed",
            number=block.number,
            hash="0x" + block.hash.hex(),
            transactions=len(opened.included),
            gas_used=gas,
            l1_origin=block.l1_origin.number,
            slices=opened.slices,
            seal_ms=round(seconds * 1000, 1),
        )

    def _seal_and_import(self, handle: OpenBlockHandle) -> L2BlockRef | None:
        """On the chain thread, as one piece of work: the new head; None when the block was taken away."""
        if self._chain.current is not handle:
            return None
        head = self._chain.import_sealed(self._chain.seal_open_block())
        if self._finality is not None:
            self._finality.advance(self._chain)
        return head

    def _drop_replaced_block(self) -> None:
        """Derivation may have taken the open block away."""
        opened = self._open
        if opened is not None and self._chain.current is not opened.handle:
            self._give_up(opened)

    def _give_up(self, opened: _Open) -> None:
        """The open block's transactions go back to the pool in order; its slices are void."""
        self._open = None
        self._mempool.on_open_block_abandoned(opened.number)
        metrics.WITHDRAWN_BLOCKS.inc()
        log.warning("open_block_withdrawn", number=opened.number, count=len(opened.included))
