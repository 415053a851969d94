"""
The nodes of a story: a replica, which follows L1, and the sequencer, which also makes blocks.

Real parts over real files, wired as the composition root does it, and stepped by hand: an act is a few steps of one
service with what the runner does around them (wait out what is temporary, reset when told).
"""

import asyncio
import itertools
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from batcher.l2_source import L2BlockRef
from l1_bridge.errors import ResetError, TemporaryError
from l1_bridge.l1_heads import L1HeadTracker
from l1_bridge.service import Wake
from sequencer.chain.chain import Chain
from sequencer.chain.commit import CommitPoint, HeadCache, pass_by
from sequencer.chain.heads import Heads
from sequencer.chain.thread import ChainThread
from sequencer.derivation.driver import DerivationService
from sequencer.execution.interface import Included, Outcome
from sequencer.execution.serial import SerialEngine
from sequencer.mempool.admission import AdmissionRules
from sequencer.mempool.mempool import Mempool
from sequencer.node.pool_view import ChainEvents, ChainPoolView
from sequencer.node.runner import Service
from sequencer.primitives.block import Block
from sequencer.primitives.receipt import Receipt
from sequencer.primitives.transaction import Transaction
from sequencer.sequencing.attributes_source import RollupAttributes
from sequencer.sequencing.budget import BudgetLimits, SpeedBudget
from sequencer.sequencing.service import SequencingOptions, SequencingService
from sequencer.sequencing.slices import PublishedBlock
from sequencer.sequencing.throttle import Throttle, ThrottleLimits
from sequencer.state.store import Store
from tests.actions.agreement import BLOCK_TIME, Agreement
from tests.fakes.l1 import FakeL1

MAX_STEPS = 3000

Told = tuple[bytes, Receipt]
"""Hash and receipt of a preconfirmed transaction."""


class ManualClock:
    """A clock that acts move, and that never goes back."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def now(self) -> float:
        return self.seconds

    def advance_to(self, seconds: float) -> None:
        self.seconds = max(self.seconds, seconds)


class Node:
    """A chain that follows L1, over a directory of its own."""

    def __init__(self, agreement: Agreement, l1: FakeL1, folder: Path) -> None:
        self.agreement = agreement
        self.l1 = l1
        self.folder = folder
        self.resets = 0
        self.open_cache: Callable[[Store], HeadCache | None] = lambda store: None
        self.at_point: Callable[[CommitPoint], None] = pass_by
        self._stack = AsyncExitStack()

    async def open(self) -> None:
        """Start on what the directory holds."""
        store = Store.open(self.folder / "chain", chain_id=self.agreement.genesis.chain_id)
        self._stack.callback(store.close)
        self.thread = ChainThread()
        self._stack.callback(self.thread.close)
        cache = self.open_cache(store)
        genesis, rollup = self.agreement.genesis, self.agreement.rollup
        self.chain = Chain.open(store, genesis, rollup, SerialEngine(), cache, at_point=self.at_point)
        self.tracker = L1HeadTracker(self.l1)
        tracker = self.tracker
        self.derivation = DerivationService(
            self.chain, self.thread, self.l1, lambda: tracker.heads, rollup, self.agreement.l1_config, blobs=self.l1
        )

    async def close(self) -> None:
        """End in order; the directory stays."""
        stack, self._stack = self._stack, AsyncExitStack()
        await stack.aclose()

    async def act_restart(self) -> None:
        """End, and start again from disk."""
        await self.close()
        await self.open()

    async def act_see_l1(self) -> None:
        """Look at L1's heads."""
        await self.step(self.tracker)

    async def act_derive_step(self) -> Wake | None:
        """One step of derivation."""
        return await self.step(self.derivation)

    async def act_derive_all(self) -> None:
        """See L1's heads and derive until all of L1 is read; L1 that is away raises as it is."""
        await self.tracker.step()
        for _ in range(MAX_STEPS):
            try:
                wake = await self.derivation.step()
            except ResetError:
                await self.derivation.reset()
                self.resets += 1
                continue
            if wake.after_seconds > 0:
                return
        raise AssertionError(f"L1 is not read after {MAX_STEPS} steps")

    async def step(self, service: Service) -> Wake | None:
        """One step as the runner does it; None when the service has to be stepped again later."""
        try:
            return await service.step()
        except TemporaryError:
            return None
        except ResetError:
            await service.reset()
            self.resets += 1
            return None

    @property
    def heads(self) -> Heads:
        return self.chain.heads

    @property
    def safe(self) -> int:
        return self.chain.heads.safe.number

    @property
    def unsafe(self) -> int:
        return self.chain.heads.unsafe.number

    def output_root(self, number: int | None = None) -> bytes:
        """Of a block, the safe head by default."""
        return self.chain.output_root(self.safe if number is None else number)

    def block(self, number: int | None = None) -> Block:
        """A block that is there, the unsafe head by default."""
        for _ in range(10_000):  # the head may move on the chain thread between the two reads
            block = self.chain.block(self.unsafe if number is None else number)
            if block is not None:
                return block
        raise AssertionError(f"block {number} is not there")

    def receipts(self, number: int | None = None) -> tuple[Receipt, ...]:
        """Receipts of that block."""
        receipts = self.chain.receipts(self.unsafe if number is None else number)
        assert receipts is not None
        return receipts

    def user_hashes(self, number: int | None = None) -> list[bytes]:
        """Hashes of the block's user transactions, in order."""
        return [entry.hash for entry in self.block(number).transactions if isinstance(entry, Transaction)]

    def balance(self, address: bytes) -> int:
        """Wei at the unsafe head."""
        account = self.chain.head_state().account(address)
        return 0 if account is None else account.balance


class Sequencer(Node):
    """A node that takes transactions and makes blocks."""

    def __init__(self, agreement: Agreement, l1: FakeL1, folder: Path, clock: ManualClock) -> None:
        super().__init__(agreement, l1, folder)
        self.clock = clock
        self.told: list[Told] = []
        """What of the open block was preconfirmed."""
        self.told_over = b""
        """Hash of that block's parent."""
        self.throttle_limits = ThrottleLimits()
        self.on_told: Callable[[bytes, Sequence[Told]], None] = lambda parent, told: None
        """Hears each slice at the instant of its publication, with the hash of the block's parent."""

    async def open(self) -> None:
        """Start on what the directory holds; the open block of the last life is rebuilt."""
        await super().open()
        rollup, tracker = self.agreement.rollup, self.tracker
        rules = AdmissionRules(chain_id=rollup.l2_chain_id)
        self.mempool = await Mempool.open(self.folder / "journal", ChainPoolView(self.chain), self.clock, rules)
        self._stack.push_async_callback(self.mempool.close)
        ticks = itertools.count()
        self.sequencing = SequencingService(
            self.chain,
            self.thread,
            self.mempool,
            RollupAttributes(rollup, self.agreement.l1_config, self.l1, lambda: tracker.heads, 0),
            self.clock,
            SequencingOptions(block_time_seconds=BLOCK_TIME),
            SpeedBudget(BudgetLimits()),
            on_slice=self._hear_slice,
            stopwatch=lambda: next(ticks) * 1e-4,
            throttle=Throttle(self.throttle_limits),
        )
        events = ChainEvents(asyncio.get_running_loop(), self.mempool)
        self.chain.subscribe(events.hear)
        was_told, self.told = self.told, []
        await self.sequencing.recover(await self.mempool.recover())
        if self.told_over == self.heads.unsafe.hash:
            assert self.told[: len(was_told)] == was_told, "law 6: a published slice is missing after a restart"

    async def act_open_block(self) -> bool:
        """Open the next block over the unsafe head; False when that can not be now."""
        self.clock.advance_to(self.heads.unsafe.timestamp)
        await self.act_see_l1()
        if self.sequencing.current is None:
            await self.act_step()
        return self.sequencing.current is not None

    async def act_weave(self) -> None:
        """Execute and publish one slice of what is ready; a block that is late is sealed with it."""
        await self.act_step()

    async def act_seal(self) -> L2BlockRef | None:
        """The open block's time has come: seal and import it. None when it was taken away."""
        opened = self.sequencing.current
        if opened is None:
            return None
        self.clock.advance_to(opened.environment.timestamp)
        await self.act_step()
        return self.heads.unsafe if self.heads.unsafe.parent_hash == opened.environment.parent_hash else None

    async def act_build_block(self) -> L2BlockRef | None:
        """A whole block of what is ready; None when that can not be now."""
        before = self.heads.unsafe
        if await self.act_open_block():
            await self.act_weave()
            await self.act_seal()
        return self.heads.unsafe if self.heads.unsafe.parent_hash == before.hash else None

    async def act_step(self) -> None:
        """One step of sequencing, whatever it does."""
        before, was_open = self.heads.unsafe, self.sequencing.current
        await self.step(self.sequencing)
        self._note_open_block(was_open)
        heads = self.heads
        if heads.unsafe.parent_hash == before.hash:
            self._check_told(heads)

    async def act_race(self) -> None:
        """One step of sequencing and one of derivation at once, as in a running node."""
        was_open = self.sequencing.current
        await asyncio.gather(self.step(self.sequencing), self.step(self.derivation))
        self._note_open_block(was_open)

    async def act_build_blocks(self, count: int) -> None:
        """Whole blocks, each of which must come about."""
        for _ in range(count):
            assert await self.act_build_block() is not None

    def _note_open_block(self, was_open: PublishedBlock | None) -> None:
        """Forget what was told of a block that is not open any more, when another one is."""
        opened = self.sequencing.current
        if opened is not None and opened is not was_open:
            self.told, self.told_over = [], opened.environment.parent_hash

    def _hear_slice(self, outcomes: Sequence[Outcome]) -> None:
        opened = self.sequencing.current
        assert opened is not None
        told = [(outcome.transaction.hash, outcome.receipt) for outcome in outcomes if isinstance(outcome, Included)]
        self.told += told
        self.on_told(opened.environment.parent_hash, told)

    def _check_told(self, heads: Heads) -> None:
        """
        Law 6: the block has what was preconfirmed, in that order, with these receipts.

        A derivation at the same time may put another block into its place, before it is read here or meanwhile.
        """
        block, receipts = self.chain.block_by_hash(heads.unsafe.hash), self.chain.receipts(heads.unsafe.number)
        is_derived = heads.safe == heads.unsafe
        if is_derived or block is None or receipts is None or self.heads.unsafe != heads.unsafe:
            return
        users = zip(block.transactions, receipts, strict=True)
        assert [(entry.hash, receipt) for entry, receipt in users if isinstance(entry, Transaction)] == self.told
