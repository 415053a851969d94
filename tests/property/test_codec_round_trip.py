"""What the codec writes, it reads, and it never raises anything else than its own errors for what it did not write."""

import zlib

import brotli
from hypothesis import given, settings
from hypothesis import strategies as st

from batcher.codec.batch import SingularBatch, decode_batch, encode_batch
from batcher.codec.channel import ChannelAssembly, ChannelEnd, ChannelWriter, cut_frames, read_batches
from batcher.codec.compression import StreamEnd, decompress_channel
from batcher.codec.errors import MalformedData
from batcher.codec.frame import Frame, decode_frames, encode_frames_data

HASHES = st.binary(min_size=32, max_size=32)
UINT64 = st.integers(0, 2**64 - 1)
BATCHES = st.builds(
    SingularBatch, HASHES, UINT64, HASHES, UINT64, st.lists(st.binary(max_size=300), max_size=8).map(tuple)
)
IDS = st.binary(min_size=16, max_size=16)
FRAMES = st.builds(Frame, IDS, st.integers(0, 65535), st.binary(max_size=200), st.booleans())
EXAMPLES = settings(max_examples=100, deadline=None)


@EXAMPLES
@given(BATCHES)
def test_any_batch_reads_back(batch: SingularBatch) -> None:
    assert decode_batch(encode_batch(batch)) == batch


@EXAMPLES
@given(st.lists(FRAMES, min_size=1, max_size=8))
def test_any_frames_read_back(frames: list[Frame]) -> None:
    assert decode_frames(encode_frames_data(frames)) == tuple(frames)


@EXAMPLES
@given(st.lists(BATCHES, max_size=6), IDS, st.integers(1, 500))
def test_any_channel_reads_back_through_frames(batches: list[SingularBatch], channel_id: bytes, size: int) -> None:
    writer = ChannelWriter()
    for batch in batches:
        writer.add_batch(batch)
    channel = ChannelAssembly(channel_id)
    for frame in cut_frames(channel_id, writer.close(), size):
        (read,) = decode_frames(encode_frames_data([frame]))
        channel.add_frame(read)

    reader = read_batches(channel.data)

    assert channel.is_complete
    assert [decode_batch(raw) for raw in reader] == batches
    assert reader.end is ChannelEnd.COMPLETE


@EXAMPLES
@given(st.binary(max_size=600))
def test_garbage_is_no_batch_or_reads_to_one_that_is_written_the_same(data: bytes) -> None:
    try:
        batch = decode_batch(b"\x00" + data)
    except MalformedData:
        return
    assert isinstance(batch, SingularBatch)
    assert (b"\x00" + data).startswith(encode_batch(batch))


@EXAMPLES
@given(BATCHES, st.data())
def test_changed_batch_is_malformed_or_reads_to_one_that_is_written_the_same(
    batch: SingularBatch, data: st.DataObject
) -> None:
    raw = bytearray(encode_batch(batch))
    position = data.draw(st.integers(1, len(raw) - 1))
    raw[position] = data.draw(st.integers(0, 255))
    try:
        changed = decode_batch(bytes(raw))
    except MalformedData:
        return
    assert isinstance(changed, SingularBatch)
    assert bytes(raw).startswith(encode_batch(changed))


@EXAMPLES
@given(st.binary(max_size=600))
def test_garbage_is_no_frames_or_reads_to_some_that_are_written_the_same(data: bytes) -> None:
    try:
        frames = decode_frames(b"\x00" + data)
    except MalformedData:
        return
    assert encode_frames_data(frames) == b"\x00" + data


@EXAMPLES
@given(st.binary(max_size=600), st.sampled_from([b"", b"\x78\x9c", b"\x01", b"\x78\xda\xed"]))
def test_garbage_channel_ends_and_raises_nothing(data: bytes, prefix: bytes) -> None:
    reader = read_batches(prefix + data, limit=10_000)

    assert sum(map(len, reader)) <= 10_000
    assert reader.end is not None


@EXAMPLES
@given(st.binary(max_size=2000), st.integers(0, 2100), st.sampled_from(["zlib", "brotli"]))
def test_limit_gives_the_first_bytes(content: bytes, limit: int, algorithm: str) -> None:
    channel = zlib.compress(content) if algorithm == "zlib" else b"\x01" + brotli.compress(content)

    decompressed = decompress_channel(channel, limit)

    assert decompressed.data == content[:limit]
    assert decompressed.end is (StreamEnd.COMPLETE if len(content) <= limit else StreamEnd.OVER_LIMIT)


@EXAMPLES
@given(st.binary(max_size=400), st.data(), st.sampled_from(["zlib", "brotli"]))
def test_truncated_channel_gives_a_prefix(content: bytes, data: st.DataObject, algorithm: str) -> None:
    repeated = content * 50
    channel = zlib.compress(repeated) if algorithm == "zlib" else b"\x01" + brotli.compress(repeated)
    length = data.draw(st.integers(1, len(channel) - 1))

    decompressed = decompress_channel(channel[:length])

    assert repeated.startswith(decompressed.data)
    assert decompressed.end is not StreamEnd.COMPLETE
