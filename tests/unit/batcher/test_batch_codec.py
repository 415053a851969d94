"""Singular batches: what is written, and how strictly it is read."""

import pytest
import rlp

from batcher.codec.batch import SingularBatch, decode_batch, encode_batch
from batcher.codec.errors import MalformedBatch, UnencodableField, UnknownBatchVersion

PARENT = b"\x11" * 32
EPOCH = b"\x22" * 32
BATCH = SingularBatch(PARENT, 7, EPOCH, 1_700_000_000, (b"\x02" + bytes(60), b"\x05", b"\xf8" + bytes(200)))


def _fields(**changes: object) -> list[object]:
    fields: dict[str, object] = {
        "parent_hash": PARENT,
        "epoch_number": b"\x07",
        "epoch_hash": EPOCH,
        "timestamp": b"\x65\x53\xf1\x00",
        "transactions": list(BATCH.transactions),
    }
    return list((fields | changes).values())


def _encode(fields: object) -> bytes:
    return b"\x00" + bytes(rlp.encode(fields))


def test_singular_batch_is_version_byte_and_list_of_five() -> None:
    assert encode_batch(BATCH) == _encode(_fields())


def test_batch_reads_back() -> None:
    assert decode_batch(encode_batch(BATCH)) == BATCH


@pytest.mark.parametrize(("epoch", "timestamp"), [(0, 0), (127, 128), (2**64 - 1, 2**64 - 1)])
def test_integers_of_all_sizes_read_back(epoch: int, timestamp: int) -> None:
    batch = SingularBatch(PARENT, epoch, EPOCH, timestamp, ())

    assert decode_batch(encode_batch(batch)) == batch


def test_bytes_behind_a_complete_batch_are_ignored_as_op_node_does() -> None:
    assert decode_batch(encode_batch(BATCH) + b"junk") == BATCH


@pytest.mark.parametrize("version", [1, 2, 3, 0x80, 0xFF])
def test_unknown_version_is_rejected(version: int) -> None:
    with pytest.raises(UnknownBatchVersion) as caught:
        decode_batch(bytes([version]) + encode_batch(BATCH)[1:])

    assert caught.value.version == version


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00",
        b"\x00\x80",
        b"\x00\xc0",
        _encode(_fields())[:-1],
        _encode(_fields()[:4]),
        _encode([*_fields(), b""]),
        _encode(_fields(parent_hash=PARENT[:31])),
        _encode(_fields(parent_hash=PARENT + b"\x00")),
        _encode(_fields(parent_hash=[PARENT])),
        _encode(_fields(epoch_hash=b"")),
        _encode(_fields(epoch_number=b"\x00\x07")),
        _encode(_fields(epoch_number=b"\x00")),
        _encode(_fields(epoch_number=b"\x01" + bytes(8))),
        _encode(_fields(epoch_number=[])),
        _encode(_fields(timestamp=b"\x00")),
        _encode(_fields(transactions=b"")),
        _encode(_fields(transactions=[[b"\x02"]])),
    ],
)
def test_malformed_batch_is_rejected(data: bytes) -> None:
    with pytest.raises(MalformedBatch):
        decode_batch(data)


@pytest.mark.parametrize(
    ("canonical", "other"),
    [
        (b"\x07" + b"\xa0" + EPOCH, b"\x81\x07" + b"\xa0" + EPOCH),
        (b"\xa0" + EPOCH, b"\xb8\x20" + EPOCH),
        (b"\xa0" + EPOCH, b"\xb9\x00\x20" + EPOCH),
        (b"\xc0", b"\xf8\x00"),
    ],
)
def test_length_that_is_not_canonical_is_rejected(canonical: bytes, other: bytes) -> None:
    content = rlp.encode(_fields(transactions=[]))[2:]
    assert canonical in content

    def wrap(payload: bytes) -> bytes:
        return b"\x00\xf8" + bytes([len(payload)]) + payload

    assert isinstance(decode_batch(wrap(content)), SingularBatch)
    with pytest.raises(MalformedBatch):
        decode_batch(wrap(content.replace(canonical, other, 1)))


def test_deep_nesting_costs_no_recursion() -> None:
    with pytest.raises(MalformedBatch):
        decode_batch(b"\x00" + b"\xc1" * 100_000)
    with pytest.raises(MalformedBatch):
        decode_batch(_encode(_fields(transactions=[]))[:-1] + b"\xff" * 100_000)


@pytest.mark.parametrize(
    "batch",
    [
        SingularBatch(PARENT[:31], 0, EPOCH, 0, ()),
        SingularBatch(PARENT, 0, EPOCH + b"\x00", 0, ()),
        SingularBatch(PARENT, 2**64, EPOCH, 0, ()),
        SingularBatch(PARENT, 0, EPOCH, -1, ()),
    ],
)
def test_batch_without_room_on_the_wire_is_not_written(batch: SingularBatch) -> None:
    with pytest.raises(UnencodableField):
        encode_batch(batch)


@pytest.mark.parametrize(
    ("tail", "kept_tail"),
    [
        ((b"\x02", b"\x02long" * 20), ()),
        ((b"\x02", b"", b"\x7e", b"\x02"), (b"",)),
        ((b"\x7edeposit", b""), (b"\x7edeposit",)),
    ],
)
def test_batch_above_any_gas_limit_keeps_what_decides_about_it(
    monkeypatch: pytest.MonkeyPatch, tail: tuple[bytes, ...], kept_tail: tuple[bytes, ...]
) -> None:
    head = (b"\x01", b"\x02ab", b"\xf8" + bytes(80))
    raw = encode_batch(SingularBatch(PARENT, 7, EPOCH, 9, head + tail))
    whole = decode_batch(raw)
    assert isinstance(whole, SingularBatch)
    assert whole.transactions == head + tail

    monkeypatch.setattr("batcher.codec.batch.MAX_TRANSACTIONS_KEPT", 3)
    batch = decode_batch(raw)

    assert isinstance(batch, SingularBatch)
    assert batch.transactions == head + kept_tail
    with pytest.raises(MalformedBatch):
        decode_batch(_encode(_fields(transactions=[*head, *tail, [b"list"]])))


@pytest.mark.parametrize("bad", [b"\x81\x02", b"\x83ab", b"\xb8", b"\xb8\x03abc", b"\xc0"])
def test_bad_item_among_the_transactions_is_rejected(bad: bytes) -> None:
    def wrap(items: bytes) -> bytes:
        fields = b"\xa0" + PARENT + b"\x07\xa0" + EPOCH + b"\x09" + bytes([0xC0 + len(items)]) + items
        return b"\x00\xf8" + bytes([len(fields)]) + fields

    assert isinstance(decode_batch(wrap(b"\x02\x82ab")), SingularBatch)
    with pytest.raises(MalformedBatch):
        decode_batch(wrap(b"\x02" + bad))
