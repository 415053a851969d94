"""
Batch rules: whether a batch may extend the safe head (derivation.md, "Batch Queue", with Holocene's changes).

One pure function. The rules stand in the order in which they are checked; the first that applies decides, and its
reason is what metrics count. The numbers are those of `docs/spec/derivation.md`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from batcher.codec.batch import SingularBatch
from batcher.l2_source import L2BlockRef
from l1_bridge.rollup_config import MAX_SEQUENCER_DRIFT_SECONDS, RollupConfig
from l1_bridge.types import L1Header

DEPOSIT_TYPE = 0x7E


class Verdict(Enum):
    """What to do with a batch."""

    ACCEPT = "accept"
    DROP = "drop"
    """Invalid: it goes, and the rest of its channel with it."""
    PAST = "past"
    """Its block is safe already: it alone goes. A batcher that starts again overlaps."""
    UNDECIDED = "undecided"
    """More of L1 has to be known."""


class Reason(Enum):
    """Which rule decided."""

    ACCEPTED = "accepted"
    NO_ORIGIN_KNOWN = "no_origin_known"
    FUTURE = "future"
    PAST = "past"
    PARENT_MISMATCH = "parent_mismatch"
    WINDOW_OVER = "window_over"
    EPOCH_TOO_OLD = "epoch_too_old"
    EPOCH_TOO_FAR = "epoch_too_far"
    NEXT_EPOCH_UNKNOWN = "next_epoch_unknown"
    EPOCH_HASH_MISMATCH = "epoch_hash_mismatch"
    BEFORE_ORIGIN_TIME = "before_origin_time"
    DRIFT_WITH_TRANSACTIONS = "drift_with_transactions"
    DRIFT_NEXT_EPOCH_UNKNOWN = "drift_next_epoch_unknown"
    DRIFT_WITHOUT_NEED = "drift_without_need"
    EMPTY_TRANSACTION = "empty_transaction"
    DEPOSIT_IN_BATCH = "deposit_in_batch"

    @property
    def verdict(self) -> Verdict:
        """What follows from the rule."""
        if self is Reason.ACCEPTED:
            return Verdict.ACCEPT
        if self is Reason.PAST:
            return Verdict.PAST
        if self in (Reason.NO_ORIGIN_KNOWN, Reason.NEXT_EPOCH_UNKNOWN, Reason.DRIFT_NEXT_EPOCH_UNKNOWN):
            return Verdict.UNDECIDED
        return Verdict.DROP


@dataclass(frozen=True, slots=True)
class BatchContext:
    """What a batch is judged against."""

    safe_head: L2BlockRef
    l1_blocks: Sequence[L1Header]
    """Known L1 blocks in a row; the first is the epoch that the batch may stay in: the safe head's origin, or the
    block after it once the safe head's epoch is filled because its window is over."""
    inclusion_number: int
    """Number of the L1 block with which the batch was fully read."""


def check_batch(batch: SingularBatch, context: BatchContext, rollup: RollupConfig) -> Reason:
    """
    Decide whether `batch` may extend the safe head.

    Pure: the answer depends on the arguments only, so a replica and the sequencer can not disagree.
    """
    if not context.l1_blocks:
        return Reason.NO_ORIGIN_KNOWN
    safe_head, epoch = context.safe_head, context.l1_blocks[0]
    following = context.l1_blocks[1] if len(context.l1_blocks) > 1 else None
    next_timestamp = safe_head.timestamp + rollup.block_time
    if batch.timestamp > next_timestamp:
        return Reason.FUTURE
    if batch.timestamp < next_timestamp:
        return Reason.PAST
    if batch.parent_hash != safe_head.hash:
        return Reason.PARENT_MISMATCH
    if batch.epoch_number + rollup.seq_window_size < context.inclusion_number:
        return Reason.WINDOW_OVER
    if batch.epoch_number < epoch.number:
        return Reason.EPOCH_TOO_OLD
    if batch.epoch_number > safe_head.l1_origin.number + 1:
        return Reason.EPOCH_TOO_FAR
    origin = epoch if batch.epoch_number == epoch.number else following
    if origin is None:
        return Reason.NEXT_EPOCH_UNKNOWN
    if batch.epoch_hash != origin.hash:
        return Reason.EPOCH_HASH_MISMATCH
    if batch.timestamp < origin.timestamp:
        return Reason.BEFORE_ORIGIN_TIME
    return _check_drift(batch, origin, epoch, following) or _check_transactions(batch) or Reason.ACCEPTED


def _check_drift(batch: SingularBatch, origin: L1Header, epoch: L1Header, following: L1Header | None) -> Reason | None:
    """Beyond the drift a block is empty, and keeps its epoch only while the next one is later than the block."""
    if batch.timestamp <= origin.timestamp + MAX_SEQUENCER_DRIFT_SECONDS:
        return None
    if batch.transactions:
        return Reason.DRIFT_WITH_TRANSACTIONS
    if origin.number != epoch.number:
        return None
    if following is None:
        return Reason.DRIFT_NEXT_EPOCH_UNKNOWN
    return Reason.DRIFT_WITHOUT_NEED if batch.timestamp >= following.timestamp else None


def _check_transactions(batch: SingularBatch) -> Reason | None:
    """What else may be wrong with a transaction is found when it is executed."""
    for transaction in batch.transactions:
        if not transaction:
            return Reason.EMPTY_TRANSACTION
        if transaction[0] == DEPOSIT_TYPE:
            return Reason.DEPOSIT_IN_BATCH
    return None
