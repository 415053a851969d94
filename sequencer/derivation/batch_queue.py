"""
Batch queue: the next batch on the safe head, or an empty one when its sequencing window is over.

Holocene's batch stage: batches come in order, nothing is buffered. Batches from L1 blocks up to the safe head's origin
can only be of the past and are thrown away unseen, and after a start so are those that were judged before. When all
data of the L1 block at `epoch + window` is read and the epoch has no batch, empty blocks fill it until the time of the
next epoch, at least one each. Spec: derivation.md, "Batch Queue"; holocene/derivation.md.
"""

from collections.abc import Sequence

import structlog

from batcher.codec.batch import SingularBatch
from batcher.codec.span_batch import SpanBatch
from batcher.l2_source import L2BlockRef
from l1_bridge.errors import ResetError
from l1_bridge.rollup_config import RollupConfig
from l1_bridge.types import BlockId, L1Header
from sequencer.primitives.recovery import Decoding

from . import metrics
from .batch_rules import BatchContext, Reason, Verdict, check_batch
from .channel_reader import ChannelReader, Starved
from .span_rules import OpenSpan, ReadRef, SpanReason, check_span

log = structlog.get_logger(__name__)

for _reason in (*Reason, *SpanReason):
    metrics.BATCHES.labels(_reason.value)


class EpochMismatch(ResetError):
    """The L1 blocks that were read do not continue the safe head's origin."""

    def __init__(self, epoch: BlockId, safe_head: L2BlockRef) -> None:
        super().__init__(f"L1 block {epoch} does not continue origin {safe_head.l1_origin} of block {safe_head.number}")
        self.epoch = epoch
        self.safe_head = safe_head


class BatchQueue:
    """Holds the L1 blocks from the safe head's epoch on: one header a block of the sequencing window."""

    def __init__(
        self, rollup: RollupConfig, reader: ChannelReader, read_ref: ReadRef, base: L1Header, resume_at: int = 0
    ) -> None:
        """Batches of L1 blocks below `resume_at` are not judged."""
        self._rollup = rollup
        self._reader = reader
        self._read_ref = read_ref
        self._l1_blocks: list[L1Header] = [base]
        self._resume_at = resume_at
        self._undecided: SingularBatch | None = None
        self._span: OpenSpan | None = None
        """The span batch whose blocks are being tried."""

    async def next_batch(self, safe_head: L2BlockRef, origin: L1Header) -> SingularBatch | Starved:
        """
        The batch of the block after `safe_head`.

        Parameters
        ----------
        origin :
            Newest L1 block whose data is being read.

        Raises
        ------
        EpochMismatch
            The safe head stands on another L1 chain.
        """
        self._follow(safe_head, origin)
        if origin.number <= safe_head.l1_origin.number:
            return await self._drain(origin)
        epoch = self._l1_blocks[0]
        if epoch.id != safe_head.l1_origin and epoch.number != safe_head.l1_origin.number + 1:
            raise EpochMismatch(epoch.id, safe_head)
        if origin.number < self._resume_at:
            return await self._pass_by(safe_head, origin)
        batch = self._undecided or self._next_of_span(safe_head) or await self._reader.next_batch(origin.number)
        self._undecided = None
        if batch is Starved.DRAINED:
            return self._fill_epoch(safe_head, origin)
        if isinstance(batch, Starved):
            return batch
        context = BatchContext(safe_head, self._l1_blocks, origin.number)
        return self._open_span(batch, context) if isinstance(batch, SpanBatch) else self._judge(batch, context)

    @property
    def next_transactions(self) -> tuple[bytes, ...]:
        """Of the block that is probably next; none when that is not known."""
        return () if self._span is None else self._span.next_transactions

    def recovered(self, raws: Sequence[bytes]) -> list[Decoding] | None:
        """What transactions of the current channel were decoded to before its turn; None when they were not."""
        return self._reader.recovered(raws)

    def flush_channel(self) -> None:
        """A batch, or the payload made of it, was invalid: the rest of its span and channel goes."""
        self._undecided, self._span = None, None
        self._reader.flush()

    def _follow(self, safe_head: L2BlockRef, origin: L1Header) -> None:
        """Append a new L1 block, and forget those before the safe head's origin."""
        if not self._l1_blocks or self._l1_blocks[-1].number != origin.number:
            self._l1_blocks.append(origin)
        oldest = safe_head.l1_origin.number
        if self._l1_blocks[0].number < oldest:
            self._l1_blocks = [block for block in self._l1_blocks if block.number >= oldest]

    async def _drain(self, origin: L1Header) -> Starved:
        batch = await self._reader.next_batch(origin.number)
        if isinstance(batch, Starved):
            return batch
        metrics.BATCHES.labels("before_origin").inc()
        return Starved.AGAIN

    async def _pass_by(self, safe_head: L2BlockRef, origin: L1Header) -> Starved:
        """Read on to where batches are judged; epochs that were filled by then are passed as they were then."""
        batch = await self._drain(origin)
        while batch is Starved.DRAINED and self._is_window_over(origin) and not self._needs_block(safe_head):
            self._l1_blocks = self._l1_blocks[1:]
        return batch

    def _next_of_span(self, safe_head: L2BlockRef) -> SingularBatch | None:
        batch = None if self._span is None else self._span.next_batch(safe_head, self._l1_blocks)
        if batch is None:
            self._span = None
        return batch

    def _open_span(self, span: SpanBatch, context: BatchContext) -> Starved:
        reason = check_span(span, context, self._rollup, self._read_ref)
        metrics.BATCHES.labels(reason.value).inc()
        if reason.verdict is Verdict.ACCEPT:
            self._span = OpenSpan(span, context.safe_head, self._rollup)
        elif reason.verdict is Verdict.DROP:
            log.warning(
                "batch_dropped", reason=reason.value, timestamp=span.first_timestamp, l1=context.inclusion_number
            )
            self.flush_channel()
        return Starved.AGAIN

    def _judge(self, batch: SingularBatch, context: BatchContext) -> SingularBatch | Starved:
        reason = check_batch(batch, context, self._rollup)
        metrics.BATCHES.labels(reason.value).inc()
        match reason.verdict:
            case Verdict.ACCEPT:
                return batch
            case Verdict.PAST:
                return Starved.AGAIN
            case Verdict.DROP:
                log.warning(
                    "batch_dropped", reason=reason.value, timestamp=batch.timestamp, l1=context.inclusion_number
                )
                self.flush_channel()
                return Starved.AGAIN
            case Verdict.UNDECIDED:
                self._undecided = batch
                return Starved.DRAINED

    def _fill_epoch(self, safe_head: L2BlockRef, origin: L1Header) -> SingularBatch | Starved:
        """An empty batch when the window of the epoch is over; else DRAINED."""
        while self._is_window_over(origin):
            if self._needs_block(safe_head):
                metrics.BATCHES.labels("empty").inc()
                epoch = self._l1_blocks[0]
                timestamp = safe_head.timestamp + self._rollup.block_time
                return SingularBatch(safe_head.hash, epoch.number, epoch.hash, timestamp, ())
            self._l1_blocks = self._l1_blocks[1:]
        return Starved.DRAINED

    def _is_window_over(self, origin: L1Header) -> bool:
        """All data that may hold a batch of the epoch is read, and the next epoch is known."""
        return len(self._l1_blocks) > 1 and self._l1_blocks[0].number + self._rollup.seq_window_size <= origin.number

    def _needs_block(self, safe_head: L2BlockRef) -> bool:
        """The epoch has no block yet, or the next one begins later than the next block."""
        epoch, following = self._l1_blocks[0], self._l1_blocks[1]
        is_first = epoch.number == safe_head.l1_origin.number + 1
        return is_first or safe_head.timestamp + self._rollup.block_time < following.timestamp
