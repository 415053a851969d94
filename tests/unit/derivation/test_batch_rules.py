"""Every batch rule, in the order of `docs/spec/derivation.md`: a batch that breaks it and its just-valid neighbour."""

from dataclasses import dataclass, replace

import pytest

from batcher.codec.batch import SingularBatch
from batcher.l2_source import L2BlockRef
from l1_bridge.rollup_config import MAX_SEQUENCER_DRIFT_SECONDS, RollupConfig
from l1_bridge.types import BlockId, L1Header
from sequencer.derivation.batch_rules import BatchContext, Reason, Verdict, check_batch
from tests.fakes.chain_story import make_rollup

ROLLUP: RollupConfig = replace(make_rollup(bytes(32)), block_time=2, seq_window_size=10)
DRIFT = MAX_SEQUENCER_DRIFT_SECONDS


def l1_header(number: int, timestamp: int) -> L1Header:
    return L1Header(
        hash=number.to_bytes(32, "big"),
        parent_hash=(number - 1).to_bytes(32, "big"),
        number=number,
        timestamp=timestamp,
        base_fee=1,
        mix_hash=bytes(32),
    )


EPOCH = l1_header(100, 1000)
NEXT = l1_header(101, 1012)
SAFE = L2BlockRef(50, b"\x50" * 32, b"\x49" * 32, 1010, EPOCH.id, 5)
BATCH = SingularBatch(SAFE.hash, 100, EPOCH.hash, 1012, (b"\x02\x01",))
CONTEXT = BatchContext(SAFE, (EPOCH, NEXT), 102)

LATE_NEXT = l1_header(101, 1000 + DRIFT + 40)
LATE_SAFE = replace(SAFE, timestamp=1000 + DRIFT)
"""The next block of this safe head is beyond the drift of epoch 100."""
LATE = BatchContext(LATE_SAFE, (EPOCH, LATE_NEXT), 102)
LATE_BATCH = replace(BATCH, timestamp=1000 + DRIFT + 2, transactions=())
EARLY_NEXT = l1_header(101, 1000 + DRIFT + 2)
IN_NEXT = replace(BATCH, epoch_number=101, epoch_hash=NEXT.hash)
FILLED = BatchContext(replace(SAFE, l1_origin=BlockId(99, bytes(32))), (EPOCH, NEXT), 102)
"""The safe head's epoch 99 was filled because its window was over: epoch 100 is the one that counts."""


@dataclass(frozen=True, slots=True)
class Row:
    """One batch in one context, and the rule that decides."""

    name: str
    batch: SingularBatch
    context: BatchContext
    reason: Reason


def at(context: BatchContext, inclusion_number: int) -> BatchContext:
    return replace(context, inclusion_number=inclusion_number)


TABLE = (
    Row("a batch on the safe head", BATCH, CONTEXT, Reason.ACCEPTED),
    Row("no L1 block is known", BATCH, replace(CONTEXT, l1_blocks=()), Reason.NO_ORIGIN_KNOWN),
    Row("one second after the next block", replace(BATCH, timestamp=1013), CONTEXT, Reason.FUTURE),
    Row("one block after the next block", replace(BATCH, timestamp=1014), CONTEXT, Reason.FUTURE),
    Row("one second before the next block", replace(BATCH, timestamp=1011), CONTEXT, Reason.PAST),
    Row("the time of the safe head", replace(BATCH, timestamp=1010), CONTEXT, Reason.PAST),
    Row("past, with everything else wrong", SingularBatch(bytes(32), 7, bytes(32), 4, (b"",)), CONTEXT, Reason.PAST),
    Row("another parent", replace(BATCH, parent_hash=b"\x51" * 32), CONTEXT, Reason.PARENT_MISMATCH),
    Row("included one block after the window", BATCH, at(CONTEXT, 111), Reason.WINDOW_OVER),
    Row("included in the last block of the window", BATCH, at(CONTEXT, 110), Reason.ACCEPTED),
    Row("an epoch before the safe head's", replace(BATCH, epoch_number=99), CONTEXT, Reason.EPOCH_TOO_OLD),
    Row("two epochs after the safe head's", replace(BATCH, epoch_number=102), CONTEXT, Reason.EPOCH_TOO_FAR),
    Row("the largest epoch number", replace(BATCH, epoch_number=2**64 - 1), CONTEXT, Reason.EPOCH_TOO_FAR),
    Row("the next epoch", IN_NEXT, CONTEXT, Reason.ACCEPTED),
    Row("the next epoch, which is unknown", IN_NEXT, replace(CONTEXT, l1_blocks=(EPOCH,)), Reason.NEXT_EPOCH_UNKNOWN),
    Row("the same epoch while the next is unknown", BATCH, replace(CONTEXT, l1_blocks=(EPOCH,)), Reason.ACCEPTED),
    Row("another hash for its epoch", replace(BATCH, epoch_hash=NEXT.hash), CONTEXT, Reason.EPOCH_HASH_MISMATCH),
    Row(
        "another hash for the next epoch", replace(IN_NEXT, epoch_hash=EPOCH.hash), CONTEXT, Reason.EPOCH_HASH_MISMATCH
    ),
    Row(
        "the next epoch begins after the block",
        IN_NEXT,
        replace(CONTEXT, l1_blocks=(EPOCH, replace(NEXT, timestamp=1013))),
        Reason.BEFORE_ORIGIN_TIME,
    ),
    Row("the filled epoch's successor", BATCH, FILLED, Reason.ACCEPTED),
    Row("the filled epoch itself", replace(BATCH, epoch_number=99), FILLED, Reason.EPOCH_TOO_OLD),
    Row("an epoch is skipped after a filled one", IN_NEXT, FILLED, Reason.EPOCH_TOO_FAR),
    Row(
        "transactions beyond the drift",
        replace(LATE_BATCH, transactions=(b"\2",)),
        LATE,
        Reason.DRIFT_WITH_TRANSACTIONS,
    ),
    Row(
        "transactions at the very end of the drift",
        replace(LATE_BATCH, timestamp=1000 + DRIFT, transactions=(b"\2",)),
        replace(LATE, safe_head=replace(LATE_SAFE, timestamp=998 + DRIFT)),
        Reason.ACCEPTED,
    ),
    Row("empty beyond the drift, the next origin is late", LATE_BATCH, LATE, Reason.ACCEPTED),
    Row(
        "empty beyond the drift, the next origin is of that very second",
        LATE_BATCH,
        replace(LATE, l1_blocks=(EPOCH, EARLY_NEXT)),
        Reason.DRIFT_WITHOUT_NEED,
    ),
    Row(
        "empty beyond the drift, the next origin is one second later",
        LATE_BATCH,
        replace(LATE, l1_blocks=(EPOCH, replace(EARLY_NEXT, timestamp=1000 + DRIFT + 3))),
        Reason.ACCEPTED,
    ),
    Row(
        "empty beyond the drift, the next origin is unknown",
        LATE_BATCH,
        replace(LATE, l1_blocks=(EPOCH,)),
        Reason.DRIFT_NEXT_EPOCH_UNKNOWN,
    ),
    Row(
        "empty beyond the drift of the next origin, which it adopts",
        replace(LATE_BATCH, epoch_number=101, epoch_hash=NEXT.hash, timestamp=1012 + DRIFT + 2),
        BatchContext(replace(SAFE, timestamp=1012 + DRIFT), (EPOCH, NEXT), 102),
        Reason.ACCEPTED,
    ),
    Row(
        "with transactions beyond the drift of the next origin",
        replace(IN_NEXT, timestamp=1012 + DRIFT + 2),
        BatchContext(replace(SAFE, timestamp=1012 + DRIFT), (EPOCH, NEXT), 102),
        Reason.DRIFT_WITH_TRANSACTIONS,
    ),
    Row("an empty transaction", replace(BATCH, transactions=(b"\2", b"")), CONTEXT, Reason.EMPTY_TRANSACTION),
    Row("a deposit", replace(BATCH, transactions=(b"\2", b"\x7e\xc0")), CONTEXT, Reason.DEPOSIT_IN_BATCH),
    Row("no transactions", replace(BATCH, transactions=()), CONTEXT, Reason.ACCEPTED),
    Row("type 3, which execution judges", replace(BATCH, transactions=(b"\3",)), CONTEXT, Reason.ACCEPTED),
    Row("type 5, which execution judges", replace(BATCH, transactions=(b"\5",)), CONTEXT, Reason.ACCEPTED),
    Row("type 0x7D, which execution judges", replace(BATCH, transactions=(b"\x7d",)), CONTEXT, Reason.ACCEPTED),
)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_the_rule_that_decides(row: Row) -> None:
    assert check_batch(row.batch, row.context, ROLLUP) is row.reason


def test_the_table_has_every_rule() -> None:
    assert {row.reason for row in TABLE} == set(Reason)


def test_a_past_batch_alone_goes_and_an_invalid_one_takes_its_channel_along() -> None:
    undecided = {Reason.NO_ORIGIN_KNOWN, Reason.NEXT_EPOCH_UNKNOWN, Reason.DRIFT_NEXT_EPOCH_UNKNOWN}

    assert Reason.PAST.verdict is Verdict.PAST
    assert Reason.ACCEPTED.verdict is Verdict.ACCEPT
    assert {reason for reason in Reason if reason.verdict is Verdict.UNDECIDED} == undecided
    assert Reason.FUTURE.verdict is Verdict.DROP
    assert Reason.DEPOSIT_IN_BATCH.verdict is Verdict.DROP
