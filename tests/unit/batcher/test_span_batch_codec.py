"""Span batches: what is written, and for each part its malformed form beside the neighbour that is just valid."""

from dataclasses import replace

import pytest

from batcher.codec.any_batch import decode_any_batch
from batcher.codec.batch import SingularBatch, encode_batch
from batcher.codec.errors import MalformedBatch, UnencodableField, UnknownBatchVersion, UnreadableTransaction
from batcher.codec.span_batch import (
    MAX_SPAN_BATCH_ELEMENT_COUNT,
    SpanBatchWriter,
    SpanParameters,
    decode_span_batch,
    encode_span_batch,
)
from l1_bridge.rlp_codec import encode_rlp
from sequencer.primitives.transaction import AccessListEntry
from tests.factories import CHAIN_ID, make_authorization, make_transaction, private_key

GENESIS_TIME = 1_700_000_000
CHAIN = SpanParameters(GENESIS_TIME, 2, CHAIN_ID)
PARENT = bytes(range(32))
ACCESS_LIST = (AccessListEntry(b"\x33" * 20, (1, 2**255)), AccessListEntry(b"\x44" * 20, ()))


def _epoch_hash(number: int) -> bytes:
    return bytes([number]) * 32


def _blocks(*contents: tuple[int, tuple[bytes, ...]]) -> list[SingularBatch]:
    """Singular batches in a row, from epochs and transactions."""
    return [
        SingularBatch(PARENT, epoch, _epoch_hash(epoch), GENESIS_TIME + 20 + 2 * index, transactions)
        for index, (epoch, transactions) in enumerate(contents)
    ]


ONE_OF_EACH = (
    make_transaction(type=0).raw,
    make_transaction(type=0, chain_id=None, nonce=127, value=0).raw,
    make_transaction(type=0, nonce=128, to=None, data=b"\x60\x00", value=2**255).raw,
    make_transaction(type=1, nonce=2**40, access_list=ACCESS_LIST, key=private_key(2)).raw,
    make_transaction(type=2, data=bytes(range(256)), access_list=ACCESS_LIST, max_priority_fee_per_gas=0).raw,
    make_transaction(type=2, to=None, data=b"\x05").raw,
    make_transaction(type=4, authorizations=[make_authorization(), make_authorization(nonce=2**64 - 1)]).raw,
    make_transaction(type=4, authorizations=[], data=b"\x80").raw,
)


def test_transactions_of_all_types_read_back() -> None:
    blocks = _blocks((7, ONE_OF_EACH[:3]), (7, ()), (8, ONE_OF_EACH[3:]), (9, ()))

    span = decode_span_batch(encode_span_batch(blocks, CHAIN, first_sequence_number=1), CHAIN)

    assert [(block.epoch_number, block.timestamp, block.transactions) for block in span.iterate_blocks()] == [
        (block.epoch_number, block.timestamp, block.transactions) for block in blocks
    ]
    assert (span.parent_check, span.origin_check) == (PARENT[:20], _epoch_hash(9)[:20])
    assert (span.first_epoch, span.last_epoch, span.block_count) == (7, 9, 4)
    assert (span.first_timestamp, span.last_timestamp) == (blocks[0].timestamp, blocks[-1].timestamp)


@pytest.mark.parametrize("sequence_number", [0, 1])
def test_first_origin_bit_tells_whether_the_range_begins_an_epoch(sequence_number: int) -> None:
    span = decode_span_batch(encode_span_batch(_blocks((7, ()), (8, ())), CHAIN, sequence_number), CHAIN)

    assert span.origin_bits[0] is (sequence_number == 0)
    assert (span.first_epoch, span.last_epoch) == (7, 8)


@pytest.mark.parametrize("count", [1, 7, 8, 9, 300])
def test_ranges_of_many_lengths_read_back(count: int) -> None:
    blocks = _blocks(*((5 + index // 3, (ONE_OF_EACH[index % 8],) * (index % 3)) for index in range(count)))
    writer = SpanBatchWriter(CHAIN)
    for block in blocks:
        writer.add_batch(block)

    span = decode_span_batch(writer.encode(), CHAIN)

    assert writer.size_bytes == len(writer.encode())
    assert [block.transactions for block in span.iterate_blocks()] == [block.transactions for block in blocks]
    assert [block.epoch_number for block in span.iterate_blocks()] == [block.epoch_number for block in blocks]


def test_signatures_with_leading_zeros_are_as_short_as_in_the_transaction() -> None:
    fields = [b"\x01", b"\x02", b"\x52\x08", b"\x99" * 20, b"", b"", b"\x1b", b"\x07", b"\xff" * 31]
    raw = encode_rlp(fields)

    span = decode_span_batch(encode_span_batch(_blocks((1, (raw,))), CHAIN), CHAIN)

    assert span.transactions == (raw,)


def test_both_versions_are_told_apart() -> None:
    (block,) = _blocks((7, ONE_OF_EACH))
    span = encode_span_batch([block], CHAIN)

    assert decode_any_batch(encode_batch(block), CHAIN) == block
    assert decode_any_batch(span, CHAIN) == decode_span_batch(span, CHAIN)
    with pytest.raises(UnknownBatchVersion):
        decode_any_batch(b"\x02" + span[1:], CHAIN)
    with pytest.raises(MalformedBatch):
        decode_any_batch(b"", CHAIN)


def test_bytes_behind_a_complete_span_batch_are_ignored_as_op_node_does() -> None:
    raw = encode_span_batch(_blocks((7, ONE_OF_EACH)), CHAIN)

    assert decode_span_batch(raw + b"junk", CHAIN) == decode_span_batch(raw, CHAIN)


def test_every_shorter_piece_of_a_span_batch_is_malformed() -> None:
    raw = encode_span_batch(_blocks((7, ONE_OF_EACH), (8, ())), CHAIN)

    for size in range(len(raw)):
        with pytest.raises(MalformedBatch):
            decode_span_batch(raw[:size], CHAIN)


LEGACY_DATA = encode_rlp([b"\x01", b"\x02", b""])
SET_CODE_AUTHORIZATION = [b"\x01", b"\x55" * 20, b"", b"\xff", b"\x01", b"\x02"]


def _raw(**parts: bytes) -> bytes:
    """A span batch of one block with one legacy transaction, each part of it at choice."""
    valid = {
        "version": b"\x01",
        "relative_timestamp": b"\x14",
        "last_epoch": b"\x07",
        "checks": bytes(40),
        "block_count": b"\x01",
        "origin_bits": b"\x01",
        "counts": b"\x01",
        "creations": b"\x00",
        "parities": b"\x00",
        "signatures": b"\x01" * 64,
        "recipients": b"\x22" * 20,
        "datas": LEGACY_DATA,
        "nonces": b"\x00",
        "gas_limits": b"\x05",
        "protected": b"\x01",
    }
    return b"".join((valid | parts).values())


def _typed(kind: int, *fields: object) -> bytes:
    return bytes([kind]) + encode_rlp(list(fields))  # type: ignore[arg-type]


NO_PROTECTED = {"protected": b""}

VALID = {
    "as it is": {},
    "timestamp of ten bytes": {"relative_timestamp": b"\xff" * 9 + b"\x01"},
    "varint with trailing zero groups": {"relative_timestamp": b"\x94\x80\x00"},
    "unprotected": {"protected": b"\x00"},
    "creation": {"creations": b"\x01", "recipients": b""},
    "two blocks": {"block_count": b"\x02", "origin_bits": b"\x03", "counts": b"\x01\x00"},
    "count of two bytes": {"counts": b"\x81\x00"},
    "amount of 300 bits": {"datas": encode_rlp([b"\x01" * 40, b"", b""])},
    "type 1": {"datas": _typed(1, b"", b"", b"", []), **NO_PROTECTED},
    "type 2": {"datas": _typed(2, b"", b"", b"", b"", []), **NO_PROTECTED},
    "type 2 with an access list": {
        "datas": _typed(2, b"", b"", b"", b"", [[b"\x01" * 20, [b"\x02" * 32]]]),
        **NO_PROTECTED,
    },
    "type 4": {"datas": _typed(4, b"", b"", b"", b"", [], [SET_CODE_AUTHORIZATION]), **NO_PROTECTED},
    "type 4 without authorizations": {"datas": _typed(4, b"", b"", b"", b"", [], []), **NO_PROTECTED},
    "amount of 256 bits in type 4": {"datas": _typed(4, b"\xff" * 32, b"", b"", b"", [], []), **NO_PROTECTED},
}


@pytest.mark.parametrize("parts", VALID.values(), ids=VALID)
def test_just_valid(parts: dict[str, bytes]) -> None:
    span = decode_span_batch(_raw(**parts), CHAIN)

    assert len(span.transactions) == 1
    assert sum(1 for _ in span.iterate_blocks()) == span.block_count


MALFORMED = {
    "another version": {"version": b"\x02"},
    "timestamp above 64 bits": {"relative_timestamp": b"\xff" * 9 + b"\x02"},
    "timestamp of eleven bytes": {"relative_timestamp": b"\x80" * 10 + b"\x00"},
    "epoch above 64 bits": {"last_epoch": b"\xff" * 9 + b"\x02"},
    "no block": {"block_count": b"\x00"},
    "too many blocks": {"block_count": b"\x81\xad\xe2\x04"},
    "an origin bit too many": {"origin_bits": b"\x02"},
    "a creation bit too many": {"creations": b"\x02"},
    "a parity bit too many": {"parities": b"\x02"},
    "a protected bit too many": {"protected": b"\x02"},
    "too many transactions": {"counts": b"\x81\xad\xe2\x04"},
    "too many transactions in all": {"block_count": b"\x02", "counts": b"\x80\xad\xe2\x04\x01"},
    "a recipient too few": {"recipients": b""},
    "data is a string": {"datas": b"\x83abc"},
    "typed data is a string": {"datas": b"\x02\x83abc"},
    "data's length is not canonical": {"datas": b"\xf8\x03\x01\x02\x80"},
    "data claims more than there is": {"datas": b"\xf9\xff\xff" + LEGACY_DATA},
    "nonce above 64 bits": {"nonces": b"\xff" * 9 + b"\x02"},
    "gas limit above 64 bits": {"gas_limits": b"\xff" * 9 + b"\x02"},
}


@pytest.mark.parametrize("parts", MALFORMED.values(), ids=MALFORMED)
def test_malformed(parts: dict[str, bytes]) -> None:
    with pytest.raises(MalformedBatch) as caught:
        decode_span_batch(_raw(**parts), CHAIN)

    assert not isinstance(caught.value, UnreadableTransaction)


UNREADABLE = {
    "type 0 with a type byte": {"datas": b"\x00" + LEGACY_DATA},
    "type 3": {"datas": _typed(3, b"", b"", b"", b"", []), **NO_PROTECTED},
    "type 5": {"datas": _typed(5, b"", b"", b"", b"", []), **NO_PROTECTED},
    "deposit": {"datas": _typed(0x7E, b"", b"", b"", b"", []), **NO_PROTECTED},
    "a field too few": {"datas": encode_rlp([b"", b""])},
    "a field too many": {"datas": encode_rlp([b"", b"", b"", b""])},
    "value with a leading zero": {"datas": encode_rlp([b"\x00\x01", b"", b""])},
    "value is a zero byte": {"datas": b"\xc3\x00\x80\x80"},
    "value is a list": {"datas": encode_rlp([[], b"", b""])},
    "price is a list": {"datas": encode_rlp([b"", [], b""])},
    "data is a list": {"datas": encode_rlp([b"", b"", []])},
    "a byte with a prefix": {"datas": b"\xc4\x81\x01\x80\x80"},
    "no access list": {"datas": _typed(1, b"", b"", b"", b""), **NO_PROTECTED},
    "access list of strings": {"datas": _typed(1, b"", b"", b"", [b""]), **NO_PROTECTED},
    "access list with a short address": {"datas": _typed(1, b"", b"", b"", [[b"\x01" * 19, []]]), **NO_PROTECTED},
    "access list with a short slot": {
        "datas": _typed(1, b"", b"", b"", [[b"\x01" * 20, [b"\x01" * 31]]]),
        **NO_PROTECTED,
    },
    "access list with a list for a slot": {
        "datas": _typed(1, b"", b"", b"", [[b"\x01" * 20, [[b"\x01" * 31]]]]),
        **NO_PROTECTED,
    },
    "access list with a third field": {"datas": _typed(1, b"", b"", b"", [[b"\x01" * 20, [], b""]]), **NO_PROTECTED},
    "access list with slots that are a string": {
        "datas": _typed(1, b"", b"", b"", [[b"\x01" * 20, b""]]),
        **NO_PROTECTED,
    },
    "creation of type 4": {
        "creations": b"\x01",
        "recipients": b"",
        "datas": _typed(4, b"", b"", b"", b"", [], []),
        **NO_PROTECTED,
    },
    "amount of 257 bits in type 4": {"datas": _typed(4, b"\x01" * 33, b"", b"", b"", [], []), **NO_PROTECTED},
}
for _index, _wrong in enumerate((b"\x01" * 33, b"\x55" * 19, b"\x01" * 9, b"\x01\x00", b"\x01" * 33, b"\x00")):
    _fields = [*SET_CODE_AUTHORIZATION[:_index], _wrong, *SET_CODE_AUTHORIZATION[_index + 1 :]]
    UNREADABLE[f"field {_index} of an authorization"] = {
        "datas": _typed(4, b"", b"", b"", b"", [], [_fields]),
        **NO_PROTECTED,
    }


@pytest.mark.parametrize("parts", UNREADABLE.values(), ids=UNREADABLE)
def test_whole_but_for_a_transaction(parts: dict[str, bytes]) -> None:
    with pytest.raises(UnreadableTransaction):
        decode_span_batch(_raw(**parts), CHAIN)


def test_legacy_v_follows_from_chain_id_and_bits() -> None:
    protected = decode_span_batch(_raw(parities=b"\x01"), CHAIN).transactions
    unprotected = decode_span_batch(_raw(protected=b"\x00"), CHAIN).transactions

    fields = [b"", b"\x02", b"\x05", b"\x22" * 20, b"\x01", b""]
    word = b"\x01" * 32
    assert protected == (encode_rlp([*fields, (36 + 2 * CHAIN_ID).to_bytes(2, "big"), word, word]),)
    assert unprotected == (encode_rlp([*fields, b"\x1b", word, word]),)


def test_times_and_epochs_stay_within_64_bits_as_op_node_counts_them() -> None:
    span = decode_span_batch(
        _raw(
            relative_timestamp=b"\xff" * 9 + b"\x01",
            last_epoch=b"\x00",
            block_count=b"\x02",
            origin_bits=b"\x02",
            counts=b"\x01\x00",
        ),
        CHAIN,
    )

    blocks = list(span.iterate_blocks())
    assert (span.first_timestamp, span.first_epoch) == (GENESIS_TIME - 1, 2**64 - 1)
    assert [block.epoch_number for block in blocks] == [2**64 - 1, 0]
    assert [block.timestamp for block in blocks] == [GENESIS_TIME - 1, GENESIS_TIME + 1]


def test_ten_million_empty_blocks_are_not_made_before_they_are_asked_for() -> None:
    count = MAX_SPAN_BATCH_ELEMENT_COUNT
    raw = _raw(
        block_count=b"\x80\xad\xe2\x04",
        origin_bits=bytes(count // 8),
        counts=bytes(count),
        **dict.fromkeys(("creations", "parities", "signatures", "recipients", "datas", "nonces", "gas_limits"), b""),
        protected=b"",
    )

    span = decode_span_batch(raw, CHAIN)

    assert span.block_count == count
    assert span.last_timestamp == GENESIS_TIME + 20 + 2 * (count - 1)
    assert next(iter(span.iterate_blocks())).transactions == ()


(GOOD,) = _blocks((7, ONE_OF_EACH[:1]))

UNENCODABLE = {
    "empty transaction": replace(GOOD, transactions=(b"",)),
    "deposit": replace(GOOD, transactions=(b"\x7e\xc0",)),
    "blob transaction": replace(GOOD, transactions=(b"\x03\xc0",)),
    "type 0 with a type byte": replace(GOOD, transactions=(b"\x00" + ONE_OF_EACH[0],)),
    "garbage": replace(GOOD, transactions=(b"\x02garbage",)),
    "cut off": replace(GOOD, transactions=(ONE_OF_EACH[4][:-1],)),
    "of another chain": replace(GOOD, transactions=(make_transaction(type=2, chain_id=CHAIN_ID + 1).raw,)),
    "legacy of another chain": replace(GOOD, transactions=(make_transaction(type=0, chain_id=CHAIN_ID + 1).raw,)),
    "short hash": replace(GOOD, parent_hash=b"\x01"),
    "before genesis": replace(GOOD, timestamp=GENESIS_TIME - 1),
    "negative epoch": replace(GOOD, epoch_number=-1),
}


@pytest.mark.parametrize("block", UNENCODABLE.values(), ids=UNENCODABLE)
def test_what_has_no_place_in_a_span_batch_is_refused_and_changes_nothing(block: SingularBatch) -> None:
    writer = SpanBatchWriter(CHAIN)
    with pytest.raises(UnencodableField):
        writer.add_batch(block)
    writer.add_batch(GOOD)

    assert writer.encode() == encode_span_batch([GOOD], CHAIN)


@pytest.mark.parametrize(
    "following",
    [
        replace(GOOD, timestamp=GOOD.timestamp + 1),
        replace(GOOD, timestamp=GOOD.timestamp + 4),
        replace(GOOD, timestamp=GOOD.timestamp + 2, epoch_number=9),
        replace(GOOD, timestamp=GOOD.timestamp + 2, epoch_number=6),
    ],
)
def test_a_block_that_does_not_follow_is_refused(following: SingularBatch) -> None:
    with pytest.raises(UnencodableField):
        encode_span_batch([GOOD, following], CHAIN)


def test_a_span_batch_without_blocks_is_refused() -> None:
    with pytest.raises(UnencodableField):
        encode_span_batch([], CHAIN)
