"""
Span rules: whether the blocks of a span batch may be tried on the safe head (holocene/derivation.md, "Span Batches").

Only what concerns the range as a whole is decided here: its time, its parent, its L1 origins. Its blocks are judged one
by one by `batch_rules`, each when its turn has come. Blocks that are safe already are not compared. The numbers are
those of `docs/spec/derivation.md`.
"""

from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from typing import TypeAlias

from batcher.codec.batch import SingularBatch
from batcher.codec.span_batch import CHECK_BYTES, SpanBatch, SpanBlock
from batcher.l2_source import L2BlockRef
from l1_bridge.rollup_config import RollupConfig
from l1_bridge.types import L1Header

from .batch_rules import BatchContext, Verdict

ReadRef: TypeAlias = Callable[[int], L2BlockRef | None]
"""The block at a height up to the safe head; None where the chain has none."""


class SpanReason(Enum):
    """Which rule decided."""

    ACCEPTED = "span_accepted"
    NO_ORIGIN_KNOWN = "span_no_origin_known"
    FUTURE = "span_future"
    PAST = "span_past"
    MISALIGNED = "span_misaligned"
    BEFORE_GENESIS = "span_before_genesis"
    PARENT_MISMATCH = "span_parent_mismatch"
    WINDOW_OVER = "span_window_over"
    EPOCH_TOO_FAR = "span_epoch_too_far"
    LAST_EPOCH_UNKNOWN = "span_last_epoch_unknown"
    ORIGIN_MISMATCH = "span_origin_mismatch"
    EPOCH_TOO_OLD = "span_epoch_too_old"
    OUTDATED_ORIGIN = "span_outdated_origin"

    @property
    def verdict(self) -> Verdict:
        """What follows. Nothing is waited for: what can not be judged now is passed by, as op-node does."""
        if self is SpanReason.ACCEPTED:
            return Verdict.ACCEPT
        passed_by = (
            SpanReason.PAST,
            SpanReason.NO_ORIGIN_KNOWN,
            SpanReason.BEFORE_GENESIS,
            SpanReason.LAST_EPOCH_UNKNOWN,
        )
        return Verdict.PAST if self in passed_by else Verdict.DROP


def check_span(span: SpanBatch, context: BatchContext, rollup: RollupConfig, read_ref: ReadRef) -> SpanReason:
    """
    Decide whether the blocks of `span` above the safe head may be tried.

    Pure but for `read_ref`, which is asked once at most: for the block below the span's first one.
    """
    if not context.l1_blocks:
        return SpanReason.NO_ORIGIN_KNOWN
    safe_head = context.safe_head
    next_timestamp = safe_head.timestamp + rollup.block_time
    if span.first_timestamp > next_timestamp:
        return SpanReason.FUTURE
    if span.last_timestamp < next_timestamp:
        return SpanReason.PAST
    overlap_seconds = next_timestamp - span.first_timestamp
    if overlap_seconds % rollup.block_time:
        return SpanReason.MISALIGNED
    overlap_blocks = overlap_seconds // rollup.block_time
    parent = safe_head if overlap_blocks == 0 else _read_parent(safe_head.number - overlap_blocks, rollup, read_ref)
    if parent is None:
        return SpanReason.BEFORE_GENESIS
    if parent.hash[:CHECK_BYTES] != span.parent_check:
        return SpanReason.PARENT_MISMATCH
    return _check_origins(span, context, parent, rollup) or _check_first_new_block(span, context, overlap_blocks)


def _read_parent(number: int, rollup: RollupConfig, read_ref: ReadRef) -> L2BlockRef | None:
    return None if number < rollup.genesis.l2.number else read_ref(number)


def _check_origins(
    span: SpanBatch, context: BatchContext, parent: L2BlockRef, rollup: RollupConfig
) -> SpanReason | None:
    first_epoch = span.first_epoch
    if first_epoch + rollup.seq_window_size < context.inclusion_number:
        return SpanReason.WINDOW_OVER
    if first_epoch > parent.l1_origin.number + 1:
        return SpanReason.EPOCH_TOO_FAR
    last_origin = find_l1_block(context.l1_blocks, span.last_epoch)
    if last_origin is None:
        return SpanReason.LAST_EPOCH_UNKNOWN
    if last_origin.hash[:CHECK_BYTES] != span.origin_check:
        return SpanReason.ORIGIN_MISMATCH
    return SpanReason.EPOCH_TOO_OLD if first_epoch < parent.l1_origin.number else None


def _check_first_new_block(span: SpanBatch, context: BatchContext, overlap_blocks: int) -> SpanReason:
    """The last origin is known, and origins go up by one: when the first new block's is known too, all of them are."""
    first_new = next(span.iterate_blocks(overlap_blocks))
    is_outdated = first_new.epoch_number < context.safe_head.l1_origin.number
    if is_outdated or find_l1_block(context.l1_blocks, first_new.epoch_number) is None:
        return SpanReason.OUTDATED_ORIGIN
    return SpanReason.ACCEPTED


def find_l1_block(l1_blocks: Sequence[L1Header], number: int) -> L1Header | None:
    """The block of that number among L1 blocks in a row."""
    index = number - l1_blocks[0].number
    return l1_blocks[index] if 0 <= index < len(l1_blocks) else None


class OpenSpan:
    """The blocks of an accepted span batch that were not tried yet."""

    def __init__(self, span: SpanBatch, safe_head: L2BlockRef, rollup: RollupConfig) -> None:
        overlap_blocks = (safe_head.timestamp + rollup.block_time - span.first_timestamp) // rollup.block_time
        self._blocks: Iterator[SpanBlock] = span.iterate_blocks(overlap_blocks)
        self._following = next(self._blocks, None)
        self._block_time = rollup.block_time

    @property
    def next_transactions(self) -> tuple[bytes, ...]:
        """Of the block whose turn comes next."""
        return () if self._following is None else self._following.transactions

    def next_batch(self, safe_head: L2BlockRef, l1_blocks: Sequence[L1Header]) -> SingularBatch | None:
        """
        The next block, as a batch on the safe head; None when there is no more that could follow it.

        The span's parent was checked, so the safe head is the parent that the batcher meant.
        """
        block, self._following = self._following, next(self._blocks, None)
        if block is None or block.timestamp != safe_head.timestamp + self._block_time:
            return None
        origin = find_l1_block(l1_blocks, block.epoch_number)
        if origin is None:
            return None
        return SingularBatch(safe_head.hash, block.epoch_number, origin.hash, block.timestamp, block.transactions)
