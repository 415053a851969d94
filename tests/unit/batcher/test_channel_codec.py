"""Channels: batches in and out, frames in order, and what ends a channel early."""

import pytest
import rlp

from batcher.codec.batch import SingularBatch, decode_batch, encode_batch
from batcher.codec.channel import (
    ChannelAssembly,
    ChannelEnd,
    ChannelWriter,
    FrameVerdict,
    cut_frames,
    read_batches,
)
from batcher.codec.compression import Compression, compress_zlib
from batcher.codec.errors import ChannelOverflow, UnencodableField
from batcher.codec.frame import Frame
from batcher.codec.span_batch import SpanParameters, decode_span_batch
from tests.factories import CHAIN_ID, make_transaction

ID = b"\xaa" * 16


def _batch(number: int, payload: bytes = b"\x02tx") -> SingularBatch:
    return SingularBatch(bytes([number]) * 32, number, b"\xee" * 32, 1000 + number, (payload,))


def _string(payload: bytes) -> bytes:
    return bytes(rlp.encode(payload))


def _read(content: bytes, limit: int = 1_000_000) -> tuple[list[bytes], ChannelEnd | None]:
    reader = read_batches(compress_zlib(content), limit)
    return list(reader), reader.end


def test_written_batches_read_back_in_order() -> None:
    batches = [_batch(number) for number in range(50)]
    writer = ChannelWriter()
    for batch in batches:
        writer.add_batch(batch)

    reader = read_batches(writer.close())

    assert [decode_batch(raw) for raw in reader] == batches
    assert reader.end is ChannelEnd.COMPLETE


SPAN = SpanParameters(1000, 1, CHAIN_ID)


@pytest.mark.parametrize("compression", Compression)
def test_singular_batches_read_back_in_every_compression(compression: Compression) -> None:
    batches = [_batch(number) for number in range(50)]
    writer = ChannelWriter(compression=compression)
    for batch in batches:
        writer.add_batch(batch)
    expected = writer.compressed_bytes

    data = writer.close()

    assert len(data) == expected
    assert (data[0] == 1) is (compression is not Compression.ZLIB)
    assert [decode_batch(raw) for raw in read_batches(data)] == batches


@pytest.mark.parametrize("compression", Compression)
def test_all_blocks_go_into_one_span_batch_when_the_caller_says_so(compression: Compression) -> None:
    batches = [_batch(number, make_transaction(nonce=number).raw) for number in range(20)]
    writer = ChannelWriter(compression=compression, span=SPAN)
    for batch in batches:
        writer.add_batch(batch)
        assert writer.compressed_bytes > 0

    (raw,) = read_batches(writer.close())

    assert writer.rlp_bytes == len(_string(raw))
    span = decode_span_batch(raw, SPAN)
    assert [block.transactions for block in span.iterate_blocks()] == [batch.transactions for batch in batches]


def test_span_writer_refuses_what_no_reader_would_decompress() -> None:
    batch = _batch(1, make_transaction().raw)
    writer = ChannelWriter(limit=300, span=SPAN)
    writer.add_batch(batch)
    before = writer.close()

    with pytest.raises(ChannelOverflow):
        writer.add_batch(_batch(2, make_transaction(data=bytes(300)).raw))

    assert writer.close() == before


def test_writer_knows_the_size_it_would_have_when_closed() -> None:
    writer = ChannelWriter()
    writer.add_batch(_batch(1, b"\x02" + bytes(range(256))))
    expected = writer.compressed_bytes

    writer.add_batch(_batch(2, b"\x02" + bytes(range(256))))

    assert writer.compressed_bytes > expected
    assert writer.compressed_bytes == len(writer.close()) == writer.compressed_bytes


def test_writer_refuses_what_no_reader_would_decompress() -> None:
    size = len(_string(encode_batch(_batch(1))))
    writer = ChannelWriter(limit=2 * size)
    writer.add_batch(_batch(1))
    writer.add_batch(_batch(2))

    with pytest.raises(ChannelOverflow):
        writer.add_batch(_batch(3))

    assert [decode_batch(raw) for raw in read_batches(writer.close(), 2 * size)] == [_batch(1), _batch(2)]


@pytest.mark.parametrize("size", [0, 1, 55, 56, 255, 256, 70_000])
def test_strings_of_all_length_forms_are_read(size: int) -> None:
    payload = b"\xff" * size

    assert _read(_string(payload) + _string(b"next")) == ([payload, b"next"], ChannelEnd.COMPLETE)


def test_single_byte_strings_are_read() -> None:
    assert _read(b"\x00\x7f\x81\x80") == ([b"\x00", b"\x7f", b"\x80"], ChannelEnd.COMPLETE)


@pytest.mark.parametrize(
    "bad",
    [
        b"\xc0",
        b"\xc3abc",
        b"\xf8\x38" + bytes(56),
        b"\x81\x7f",
        b"\xb8\x02ab",
        b"\xb9\x00\x38" + bytes(56),
        b"\x85abcd",
        b"\xb8",
        b"\xb9\xff",
    ],
)
def test_bad_rlp_ends_the_channel_and_keeps_the_batches_before(bad: bytes) -> None:
    assert _read(_string(b"first") + bad) == ([b"first"], ChannelEnd.BAD_RLP)


def test_string_that_claims_more_than_counts_ends_the_channel_at_once() -> None:
    claim = b"\xbf" + (2**63).to_bytes(8, "big")

    assert _read(_string(b"first") + claim + bytes(5000)) == ([b"first"], ChannelEnd.OVER_LIMIT)


def test_batch_that_ends_at_the_limit_counts_and_one_byte_more_does_not() -> None:
    content = _string(b"first") + _string(b"second") + _string(b"third")
    limit = len(_string(b"first") + _string(b"second"))

    assert _read(content, limit) == ([b"first", b"second"], ChannelEnd.OVER_LIMIT)
    assert _read(content, limit - 1) == ([b"first"], ChannelEnd.OVER_LIMIT)


def test_corrupt_compression_keeps_the_batches_before() -> None:
    channel = compress_zlib(_string(b"first"))
    reader = read_batches(channel[:-1] + bytes([channel[-1] ^ 1]))

    assert list(reader) == [b"first"]
    assert reader.end is ChannelEnd.BAD_COMPRESSION


@pytest.mark.parametrize("data", [b"", b"\x00", b"\x02" * 100, b"\x78", b"\x01"])
def test_channel_that_is_none_holds_no_batches(data: bytes) -> None:
    reader = read_batches(data)

    assert list(reader) == []
    assert reader.end is ChannelEnd.BAD_COMPRESSION


def test_reader_stays_at_its_end() -> None:
    reader = read_batches(compress_zlib(_string(b"first") + b"\xc0" + _string(b"second")))

    assert list(reader) == [b"first"]
    assert list(reader) == []


def test_frames_in_order_complete_a_channel() -> None:
    data = bytes(range(100))
    frames = cut_frames(ID, data, 30)
    channel = ChannelAssembly(ID)

    assert [channel.add_frame(frame) for frame in frames] == [FrameVerdict.ADDED] * 4
    assert channel.is_complete
    assert channel.data == data
    assert channel.size_bytes == 100 + 4 * 200


@pytest.mark.parametrize(
    ("frame", "verdict"),
    [
        (Frame(b"\xbb" * 16, 1, b"x", is_last=False), FrameVerdict.OTHER_CHANNEL),
        (Frame(ID, 0, b"x", is_last=False), FrameVerdict.OUT_OF_ORDER),
        (Frame(ID, 2, b"x", is_last=True), FrameVerdict.OUT_OF_ORDER),
        (Frame(ID, 1, b"x", is_last=False), FrameVerdict.ADDED),
    ],
)
def test_only_the_next_frame_is_taken(frame: Frame, verdict: FrameVerdict) -> None:
    channel = ChannelAssembly(ID)
    channel.add_frame(Frame(ID, 0, b"a", is_last=False))

    assert channel.add_frame(frame) is verdict
    assert channel.data == (b"ax" if verdict is FrameVerdict.ADDED else b"a")


def test_complete_channel_takes_no_more_frames() -> None:
    channel = ChannelAssembly(ID)
    channel.add_frame(Frame(ID, 0, b"a", is_last=True))

    assert channel.add_frame(Frame(ID, 1, b"b", is_last=False)) is FrameVerdict.CHANNEL_COMPLETE
    assert channel.data == b"a"


def test_channel_is_oversized_above_the_limit_with_its_bookkeeping() -> None:
    channel = ChannelAssembly(ID)
    piece = bytes(1_000_000)
    for number in range(99):
        channel.add_frame(Frame(ID, number, piece, is_last=False))
    channel.add_frame(Frame(ID, 99, bytes(1_000_000 - 100 * 200), is_last=False))
    assert channel.size_bytes == 100_000_000
    assert not channel.is_oversized

    channel.add_frame(Frame(ID, 100, b"", is_last=True))

    assert channel.is_oversized


def test_empty_channel_is_one_frame() -> None:
    assert cut_frames(ID, b"", 10) == (Frame(ID, 0, b"", is_last=True),)


def test_channel_of_more_frames_than_numbers_is_not_cut() -> None:
    assert cut_frames(ID, bytes(65_536), 1)[-1].number == 65_535

    with pytest.raises(UnencodableField):
        cut_frames(ID, bytes(65_537), 1)


@pytest.mark.parametrize("size", [0, 1_000_001])
def test_frame_size_that_no_frame_has_is_refused(size: int) -> None:
    with pytest.raises(UnencodableField):
        cut_frames(ID, b"data", size)
