"""
The derivation service: drives the pipeline, hands its blocks to the chain, moves safe and finalized heads.

    start      which heads still stand on L1? -> a new pipeline, a channel timeout before the safe head
    step       one L1 block read, or one L2 block made safe
    idle       all of L1 is read: is it still the same L1? what has become final?
    reset      forget the pipeline; the next step starts

A sequencer runs it as a replica does: it is how its safe head moves. Nothing that L1 says stops it but what the
protocol calls critical; L1 that is away is a TemporaryError, L1 that changed is a ResetError. What is final can not
have changed: an L1 node that does not have it has pruned it, and is asked again until it is another one that has it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

from batcher.l2_source import L2BlockRef
from l1_bridge.beacon_client import BlobSource, NoBeacon
from l1_bridge.errors import L1Pruned, L1Reorged
from l1_bridge.l1_chain_config import L1ChainConfig
from l1_bridge.l1_heads import L1Heads
from l1_bridge.metrics import L1_FAILURES
from l1_bridge.rollup_config import RollupConfig
from l1_bridge.service import AGAIN, Wake
from l1_bridge.types import BlockId, L1Header, L1Source
from sequencer.chain.chain import Chain
from sequencer.chain.thread import ChainThread
from sequencer.execution.access_list import AccessHints
from sequencer.primitives.recovery import Decoding

from . import metrics
from .attributes import DerivedAttributes
from .consolidation import Source, UnwoundBlocks, apply_derived, count_room
from .epochs import L1BlockGone
from .finality import find_finalized
from .l1_read_ahead import L1Sources
from .pipeline import DerivationPipeline, Progress
from .recovery_ahead import RecoveryAhead
from .starting_point import L1Behind, StandingHeads, find_pipeline_start, find_standing_heads, get_block, is_canonical

log = structlog.get_logger(__name__)

DEFAULT_IDLE_SECONDS = 1.0
"""How long to wait for another L1 block."""

FIRST_LOOK_SECONDS = 0.02
"""Between two looks whether L1's heads are known: at a start they soon are."""

FINALIZE_EVERY_L1_BLOCKS = 32
"""While catching up, finality is looked at that often; when idle, each time."""


@dataclass(frozen=True, slots=True)
class SyncStatus:
    """Where the node stands on both chains; L1 blocks are None until they are known."""

    current_l1: L1Header | None
    """L1 block that is being read; all before it are fully read."""
    head_l1: L1Header | None
    safe_l1: L1Header | None
    finalized_l1: L1Header | None
    unsafe_l2: L2BlockRef
    safe_l2: L2BlockRef
    finalized_l2: L2BlockRef


AskForHints = Callable[[DerivedAttributes], Awaitable[AccessHints | None]]
"""Asks somebody what a payload's transactions will read and write; soon back, with None when nobody knows."""


class DerivationService:
    """See the module. Passive: driven by `step` and `reset`."""

    def __init__(
        self,
        chain: Chain,
        thread: ChainThread,
        l1: L1Source,
        l1_heads: Callable[[], L1Heads],
        rollup: RollupConfig,
        l1_config: L1ChainConfig,
        idle_seconds: float = DEFAULT_IDLE_SECONDS,
        ask_for_hints: AskForHints | None = None,
        blobs: BlobSource | None = None,
    ) -> None:
        """`l1_heads` gives what the head tracker saw last; nothing happens before it has seen a latest block."""
        self._ask_for_hints = ask_for_hints
        self._chain = chain
        self._thread = thread
        self._l1 = l1
        self._sources = L1Sources(l1, NoBeacon() if blobs is None else blobs)
        self._l1_heads = l1_heads
        self._rollup = rollup
        self._l1_config = l1_config
        self._idle_seconds = idle_seconds
        self._pipeline: DerivationPipeline | None = None
        self._head = chain.heads.safe
        """Block after which the pipeline goes on: the safe head, or for a moment after a start one below it."""
        self._current_l1: L1Header | None = None
        self._seen_reorgs = 0
        self._expected: BlockId | None = None
        """L1 block from which the safe head of the start was derived, until the pipeline has passed it."""
        self._finality_tried_at = 0
        self._unwound = UnwoundBlocks()
        self._recovery = RecoveryAhead()

    @property
    def current_l1(self) -> L1Header | None:
        """L1 block that is being read."""
        return self._current_l1

    @property
    def head_l1(self) -> L1Header | None:
        """Newest L1 block."""
        return self._l1_heads().latest

    @property
    def safe_l1(self) -> L1Header | None:
        """L1's safe block."""
        return self._l1_heads().safe

    @property
    def finalized_l1(self) -> L1Header | None:
        """L1's finalized block."""
        return self._l1_heads().finalized

    @property
    def sync_status(self) -> SyncStatus:
        """Everything about heads, as one value."""
        l1, l2 = self._l1_heads(), self._chain.heads
        return SyncStatus(self._current_l1, l1.latest, l1.safe, l1.finalized, l2.unsafe, l2.safe, l2.finalized)

    async def step(self) -> Wake:
        """
        Read one L1 block, or make one L2 block safe.

        Raises
        ------
        L1Pruned
            L1 does not have what is final: step again.
        TemporaryError
            L1 is away, slow, or lies: step again.
        ResetError
            L1 was reorged: reset, then step again.
        CriticalError
            What L1 holds can not be followed, or execution disagrees with itself.
        """
        try:
            return await self._go_on()
        except (L1BlockGone, L1Behind) as missing:
            await self._require_in_history(missing.block)
            raise

    async def _go_on(self) -> Wake:
        l1_heads = self._l1_heads()
        if l1_heads.latest is None:
            return Wake(min(FIRST_LOOK_SECONDS, self._idle_seconds))
        if l1_heads.reorgs != self._seen_reorgs:
            self.close()
            self._seen_reorgs = l1_heads.reorgs
        pipeline = self._pipeline or await self._start()
        head = self._head
        result = await pipeline.next_attributes(
            head, lambda: get_block(self._chain, head.number), l1_heads.latest.number
        )
        self._note_origin(pipeline.origin)
        if isinstance(result, DerivedAttributes):
            await self._apply(pipeline, result)
            return AGAIN
        if result is Progress.WAITING:
            await self._require_same_l1(pipeline.origin)
            if pipeline.origin.number < self._count_final():
                raise _pruned(pipeline.origin.number + 1)
            await self._finalize(pipeline.origin)
            return Wake(self._idle_seconds)
        if pipeline.origin.number >= self._finality_tried_at + FINALIZE_EVERY_L1_BLOCKS:
            await self._finalize(pipeline.origin)
        return AGAIN

    async def reset(self) -> None:
        """Forget everything that was read of L1; the next step finds out what still stands."""
        self.close()

    def close(self) -> None:
        """Forget the pipeline, and end what it reads ahead."""
        if self._pipeline is not None:
            self._pipeline.close()
        self._pipeline = None

    async def _start(self) -> DerivationPipeline:
        standing = await find_standing_heads(self._chain, self._l1, self._rollup)
        start = await find_pipeline_start(self._chain, self._l1, self._rollup, standing.safe)
        await self._thread.run(self._fall_back, standing)
        self._expected, self._head = start.resume_at, start.head
        self._finality_tried_at = start.base.number
        self._current_l1 = start.base
        self._pipeline = DerivationPipeline(self._sources, self._rollup, self._l1_config, start, self._chain.ref)
        metrics.STARTS.inc()
        log.info("derivation_started", safe=standing.safe.number, l1=start.base.number)
        return self._pipeline

    def _fall_back(self, standing: StandingHeads) -> None:
        """On the chain thread: undo what no longer stands on L1."""
        heads = self._chain.heads
        if standing.safe.number < heads.safe.number:
            self._chain.rewind_safe(standing.safe.number)
            log.warning("safe_head_back", number=standing.safe.number, before=heads.safe.number)
        target = standing.unwind_to
        if target is not None and self._chain.ref(target.number) == target:
            self._unwound.add(self._chain.unwind(target.number))
            metrics.REORGS.labels("l1_reorg").inc()
            log.warning("unsafe_head_back", number=target.number, before=heads.unsafe.number)

    def _note_origin(self, origin: L1Header) -> None:
        """Raise L1Reorged when L1 changed between finding the safe head and reading what it was derived from."""
        self._current_l1 = origin
        expected = self._expected
        if expected is None or origin.number < expected.number:
            return
        if origin.number == expected.number and origin.hash != expected.hash:
            raise L1Reorged(expected.number, expected.hash, origin.hash)
        self._expected = None

    async def _apply(self, pipeline: DerivationPipeline, derived: DerivedAttributes) -> None:
        try:
            await self._expect(derived)
            decoded = await self._take_decoded(pipeline, derived.attributes.user_transactions)
            if self._will_be_executed(derived) and pipeline.recovered(pipeline.next_transactions) is None:
                self._recovery.begin(pipeline.next_transactions, count_room(derived))
            applied = await self._thread.run(apply_derived, self._chain, derived, self._unwound, decoded)
        except asyncio.CancelledError:
            self.close()  # the job ends without us, so what it did to the pipeline's state is not known
            raise
        self._head = applied.ref
        if applied.is_deposits_only:
            pipeline.flush_channel()
        if applied.source is Source.REPLAYED:
            metrics.BLOCKS.labels(Source.REPLAYED.value).inc()
            return
        log.info(
            "block_safe",
            number=applied.ref.number,
            hash="0x" + applied.ref.hash.hex(),
            source=applied.source.value,
            l1_origin=applied.ref.l1_origin.number,
            derived_from=derived.derived_from.number,
        )

    async def _take_decoded(self, pipeline: DerivationPipeline, raws: Sequence[bytes]) -> Sequence[Decoding] | None:
        """What was decoded before its turn, with the channel or while the block before was executed."""
        decoded = pipeline.recovered(raws) if raws else None
        return await self._recovery.take(raws) if decoded is None else decoded

    async def _expect(self, derived: DerivedAttributes) -> None:
        """Let the engine know what somebody says of a payload that will probably be executed."""
        has_transactions = bool(derived.attributes.user_transactions)
        if self._ask_for_hints is None or not has_transactions or not self._will_be_executed(derived):
            return
        hints = await self._ask_for_hints(derived)
        if hints is not None:
            await self._thread.run(self._chain.expect, hints)

    def _will_be_executed(self, derived: DerivedAttributes) -> bool:
        """There is no unsafe block that it could be."""
        return self._chain.heads.unsafe.number == derived.parent.number

    async def _require_same_l1(self, origin: L1Header) -> None:
        """Raise L1Reorged when L1 has another block at our height, or at that of the unsafe head's origin."""
        for held in (origin.id, self._chain.heads.unsafe.l1_origin):
            header = await self._l1.header_by_number(held.number)
            if header is not None and header.hash != held.hash:
                raise L1Reorged(held.number, held.hash, header.hash)

    def _count_final(self) -> int:
        """Number up to which L1 must have its blocks, since they are final and it has come so far; -1: none."""
        heads = self._l1_heads()
        if heads.finalized is None or heads.latest is None:
            return -1
        return min(heads.finalized.number, heads.latest.number)

    async def _require_in_history(self, missing: BlockId) -> None:
        """Raise L1Pruned for a block that L1 lacks, when it is final, and L1 has no other one in its place."""
        if missing.number > self._count_final():
            return
        header = await self._l1.header_by_number(missing.number)
        if header is None or header.hash == missing.hash:
            raise _pruned(missing.number)

    async def _finalize(self, origin: L1Header) -> None:
        """Blocks derived from final L1 blocks are final."""
        finalized_l1 = self._l1_heads().finalized
        if finalized_l1 is None:
            return
        ref = find_finalized(self._chain, min(finalized_l1.number, origin.number))
        self._finality_tried_at = origin.number
        if ref is None:
            return
        source = self._chain.derived_from(ref.number)
        if source is not None and await is_canonical(self._l1, source):
            await self._thread.run(self._mark_finalized, ref)

    def _mark_finalized(self, ref: L2BlockRef) -> None:
        """On the chain thread; the block may have given way since it was looked up."""
        if self._chain.ref(ref.number) == ref and ref.number <= self._chain.heads.safe.number:
            self._chain.mark_finalized(ref)
            log.info("block_finalized", number=ref.number)


def _pruned(number: int) -> L1Pruned:
    L1_FAILURES.labels("pruned").inc()
    return L1Pruned(f"all of L1 block {number}, which is final")
