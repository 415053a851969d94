"""Every span rule, in the order of `docs/spec/derivation.md`: a span that breaks it and its just-valid neighbour."""

from dataclasses import dataclass, replace
from itertools import pairwise

import pytest

from batcher.codec.bit_list import BitList, BitListWriter
from batcher.codec.span_batch import SpanBatch
from batcher.l2_source import L2BlockRef
from l1_bridge.types import BlockId
from sequencer.derivation.batch_rules import BatchContext, Verdict
from sequencer.derivation.span_rules import OpenSpan, SpanReason, check_span
from tests.unit.derivation import test_batch_rules
from tests.unit.derivation.test_batch_rules import l1_header

L1_BLOCKS = tuple(l1_header(number, 1000 + 12 * (number - 100)) for number in range(100, 106))
GENESIS_NUMBER = 30
ROLLUP = replace(
    test_batch_rules.ROLLUP,
    genesis=replace(test_batch_rules.ROLLUP.genesis, l2=BlockId(GENESIS_NUMBER, bytes(32))),
)


def block(number: int, origin: int, sequence_number: int = 0) -> L2BlockRef:
    """The chain's block at that height: block 50 has time 1010."""
    return L2BlockRef(
        number,
        number.to_bytes(32, "little"),
        (number - 1).to_bytes(32, "little"),
        1010 + 2 * (number - 50),
        BlockId(origin, origin.to_bytes(32, "big")),
        sequence_number,
    )


CHAIN = {number: block(number, 100 if number > 45 else 99) for number in range(GENESIS_NUMBER, 51)}
SAFE = CHAIN[50]
CONTEXT = BatchContext(SAFE, L1_BLOCKS, 105)


def bits(*values: int) -> BitList:
    writer = BitListWriter()
    for value in values:
        writer.add(bool(value))
    return BitList(writer.count, writer.encode())


def span(first: int = 51, epochs: tuple[int, ...] = (100, 100, 101), *, first_bit: int = 0) -> SpanBatch:
    """A span whose first block is the chain's `first`, on the chain that it claims."""
    changes = (first_bit, *(int(later != earlier) for earlier, later in pairwise(epochs)))
    return SpanBatch(
        parent_check=block(first - 1, 100).hash[:20],
        origin_check=epochs[-1].to_bytes(32, "big")[:20],
        first_timestamp=block(first, 100).timestamp,
        block_time=2,
        last_epoch=epochs[-1],
        origin_bits=bits(*changes),
        transaction_counts=bytes(len(epochs)),
        transactions=(),
    )


def real_hash(number: int) -> bytes:
    return L1_BLOCKS[number - 100].hash


@dataclass(frozen=True, slots=True)
class Row:
    """One span in one context, and the rule that decides."""

    name: str
    span: SpanBatch
    context: BatchContext
    reason: SpanReason


OVERLAP = span(44, (99, 99, 100, 100, 100, 100, 100, 100))
"""Blocks 44 to 51; those up to 50 are safe."""

OK = SpanReason.ACCEPTED
TABLE = (
    Row("a span on the safe head", span(), CONTEXT, OK),
    Row("one block", span(51, (100,)), CONTEXT, OK),
    Row("no L1 block is known", span(), replace(CONTEXT, l1_blocks=()), SpanReason.NO_ORIGIN_KNOWN),
    Row("one second after the next block", replace(span(), first_timestamp=1013), CONTEXT, SpanReason.FUTURE),
    Row("a gap of one block", span(52), CONTEXT, SpanReason.FUTURE),
    Row("ends with the safe head", span(48, (100, 100, 100)), CONTEXT, SpanReason.PAST),
    Row("ends one block later", span(48, (100, 100, 100, 100)), CONTEXT, OK),
    Row("past, with everything else wrong", replace(span(40), parent_check=bytes(20)), CONTEXT, SpanReason.PAST),
    Row("between two blocks", replace(span(), first_timestamp=1011), CONTEXT, SpanReason.MISALIGNED),
    Row("between two blocks, earlier", replace(OVERLAP, first_timestamp=999), CONTEXT, SpanReason.MISALIGNED),
    Row("overlaps", OVERLAP, CONTEXT, OK),
    Row(
        "begins with the genesis block",
        span(GENESIS_NUMBER, (99,) * (51 - GENESIS_NUMBER) + (100,)),
        CONTEXT,
        SpanReason.BEFORE_GENESIS,
    ),
    Row(
        "begins with the block on the genesis block",
        span(GENESIS_NUMBER + 1, (99,) * (50 - GENESIS_NUMBER) + (100,)),
        CONTEXT,
        OK,
    ),
    Row("another parent", replace(span(), parent_check=b"\x51" * 20), CONTEXT, SpanReason.PARENT_MISMATCH),
    Row(
        "another parent below the safe head",
        replace(OVERLAP, parent_check=b"\x51" * 20),
        CONTEXT,
        SpanReason.PARENT_MISMATCH,
    ),
    Row("included one block after the window", span(), replace(CONTEXT, inclusion_number=111), SpanReason.WINDOW_OVER),
    Row("included in the last block of the window", span(), replace(CONTEXT, inclusion_number=110), OK),
    Row("first epoch two after the parent's", span(51, (102, 103)), CONTEXT, SpanReason.EPOCH_TOO_FAR),
    Row("first epoch one after the parent's", span(51, (101, 102), first_bit=1), CONTEXT, OK),
    Row(
        "more epochs than there are numbers", replace(span(51, (0, 1)), last_epoch=0), CONTEXT, SpanReason.EPOCH_TOO_FAR
    ),
    Row("last epoch after what is known", span(51, tuple(range(101, 107))), CONTEXT, SpanReason.LAST_EPOCH_UNKNOWN),
    Row("last epoch is the newest known", span(51, tuple(range(101, 106))), CONTEXT, OK),
    Row("another L1 chain", replace(span(), origin_check=b"\x09" * 20), CONTEXT, SpanReason.ORIGIN_MISMATCH),
    Row("first epoch before the parent's", span(51, (99, 100)), CONTEXT, SpanReason.EPOCH_TOO_OLD),
    Row(
        "the first new block's epoch is before the safe head's",
        span(46, (99, 99, 99, 99, 99, 99, 100)),
        replace(CONTEXT, safe_head=SAFE),
        SpanReason.OUTDATED_ORIGIN,
    ),
    Row("the first new block's epoch is the safe head's", span(46, (99, 99, 99, 99, 99, 100, 100)), CONTEXT, OK),
    Row(
        "the safe head's epoch is filled, and the first new block is of it",
        span(51, (100, 101)),
        replace(CONTEXT, l1_blocks=L1_BLOCKS[1:]),
        SpanReason.OUTDATED_ORIGIN,
    ),
)


def read_ref(number: int) -> L2BlockRef | None:
    return CHAIN.get(number)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_the_rule_that_decides(row: Row) -> None:
    assert check_span(row.span, row.context, ROLLUP, read_ref) is row.reason


def test_the_table_has_every_rule() -> None:
    assert {row.reason for row in TABLE} == set(SpanReason)


def test_what_can_not_be_judged_is_passed_by_and_an_invalid_span_takes_its_channel_along() -> None:
    """op-node takes an undecided span from its channel and never looks at it again."""
    passed_by = {reason for reason in SpanReason if reason.verdict is Verdict.PAST}

    assert passed_by == {
        SpanReason.PAST,
        SpanReason.NO_ORIGIN_KNOWN,
        SpanReason.BEFORE_GENESIS,
        SpanReason.LAST_EPOCH_UNKNOWN,
    }
    assert {reason for reason in SpanReason if reason.verdict is Verdict.ACCEPT} == {SpanReason.ACCEPTED}
    assert all(reason.verdict is not Verdict.UNDECIDED for reason in SpanReason)


def test_blocks_come_out_on_the_safe_head_with_the_hash_of_their_epoch() -> None:
    opened = OpenSpan(OVERLAP, SAFE, ROLLUP)

    first = opened.next_batch(SAFE, L1_BLOCKS)

    assert first is not None
    assert (first.parent_hash, first.epoch_number, first.timestamp) == (SAFE.hash, 100, 1012)
    assert first.epoch_hash == real_hash(100)
    assert opened.next_batch(block(51, 100), L1_BLOCKS) is None


def test_a_block_that_does_not_follow_the_head_ends_the_span() -> None:
    opened = OpenSpan(span(), SAFE, ROLLUP)

    assert opened.next_batch(block(51, 100), L1_BLOCKS) is None
