"""Decompression of channels: both algorithms, broken streams, and bombs."""

import random
import tracemalloc
import zlib

import brotli
import pytest

from batcher.codec.compression import (
    MAX_RLP_BYTES_PER_CHANNEL,
    DecompressionStream,
    StreamEnd,
    compress_zlib,
    decompress_channel,
)

CONTENT = bytes(range(256)) * 40


def _brotli(content: bytes, **options: int) -> bytes:
    return b"\x01" + bytes(brotli.compress(content, **options))


@pytest.mark.parametrize("content", [b"", b"a", CONTENT, bytes(1_000_000)])
def test_zlib_channel_reads_back(content: bytes) -> None:
    decompressed = decompress_channel(compress_zlib(content))

    assert (decompressed.data, decompressed.end) == (content, StreamEnd.COMPLETE)


@pytest.mark.parametrize("lgwin", [10, 16, 22])
@pytest.mark.parametrize("quality", [1, 9])
def test_brotli_channel_reads_back(quality: int, lgwin: int) -> None:
    content = zlib.compress(CONTENT)[:200] * 500 + bytes(200_000) + CONTENT

    decompressed = decompress_channel(_brotli(content, quality=quality, lgwin=lgwin))

    assert (decompressed.data, decompressed.end) == (content, StreamEnd.COMPLETE)


def test_brotli_input_above_one_piece_with_output_held_back_reads_back() -> None:
    content = bytes(random.Random(5).choices(b"abcdef\0", k=100_000))
    channel = _brotli(content, quality=1, lgwin=16)
    assert len(channel) > 1 << 15

    assert decompress_channel(channel).data == content


@pytest.mark.parametrize("first", [0x00, 0x02, 0x10, 0x7E, 0xFF - 0x0F])
def test_unknown_compression_gives_nothing(first: int) -> None:
    assert decompress_channel(bytes([first]) + CONTENT).end is StreamEnd.UNKNOWN_COMPRESSION


def test_empty_channel_gives_nothing() -> None:
    assert decompress_channel(b"").end is StreamEnd.UNKNOWN_COMPRESSION


def test_low_nibble_fifteen_is_taken_for_zlib_and_is_corrupt() -> None:
    decompressed = decompress_channel(b"\x0f" + compress_zlib(CONTENT)[1:])

    assert (decompressed.data, decompressed.end) == (b"", StreamEnd.CORRUPT)


def test_truncated_zlib_keeps_what_came_before() -> None:
    compressor = zlib.compressobj()
    flushed = compressor.compress(CONTENT) + compressor.flush(zlib.Z_SYNC_FLUSH)
    channel = flushed + compressor.compress(bytes(50)) + compressor.flush()

    decompressed = decompress_channel(channel[: len(flushed)])

    assert (decompressed.data, decompressed.end) == (CONTENT, StreamEnd.TRUNCATED)


def test_wrong_checksum_keeps_everything_before_it() -> None:
    channel = compress_zlib(CONTENT)

    decompressed = decompress_channel(channel[:-1] + bytes([channel[-1] ^ 1]))

    assert (decompressed.data, decompressed.end) == (CONTENT, StreamEnd.CORRUPT)


def test_corrupt_block_keeps_the_blocks_before_it() -> None:
    compressor = zlib.compressobj()
    flushed = compressor.compress(CONTENT) + compressor.flush(zlib.Z_SYNC_FLUSH)

    decompressed = decompress_channel(flushed + b"\x07" * 20)

    assert decompressed.data[: len(CONTENT)] == CONTENT
    assert decompressed.end is StreamEnd.CORRUPT


def test_bytes_behind_a_complete_zlib_stream_are_ignored() -> None:
    decompressed = decompress_channel(compress_zlib(CONTENT) + b"junk")

    assert (decompressed.data, decompressed.end) == (CONTENT, StreamEnd.COMPLETE)


def test_bytes_behind_a_complete_brotli_stream_void_nothing() -> None:
    assert decompress_channel(_brotli(CONTENT) + b"junk").data == CONTENT


def test_truncated_brotli_gives_a_prefix() -> None:
    decompressed = decompress_channel(_brotli(CONTENT * 20, quality=1)[:-4])

    assert decompressed.end is StreamEnd.TRUNCATED
    assert (CONTENT * 20).startswith(decompressed.data)


def test_stream_that_asks_for_the_empty_dictionary_is_read_as_by_op_node() -> None:
    raw = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = raw.compress(b"hello") + raw.flush()
    checksum = zlib.adler32(b"hello").to_bytes(4, "big")

    assert decompress_channel(b"\x78\x20" + b"\x00\x00\x00\x01" + body + checksum).data == b"hello"
    assert decompress_channel(b"\x78\x20" + b"\x00\x00\x00\x02" + body + checksum).data == b""
    assert decompress_channel(b"\x78\x21" + b"\x00\x00\x00\x01" + body + checksum).data == b""


@pytest.mark.parametrize(
    ("size", "end"), [(999, StreamEnd.COMPLETE), (1000, StreamEnd.COMPLETE), (1001, StreamEnd.OVER_LIMIT)]
)
@pytest.mark.parametrize("algorithm", ["zlib", "brotli"])
def test_reading_stops_at_the_limit(algorithm: str, size: int, end: StreamEnd) -> None:
    content = bytes(size)
    channel = compress_zlib(content) if algorithm == "zlib" else _brotli(content)

    decompressed = decompress_channel(channel, limit=1000)

    assert (decompressed.data, decompressed.end) == (bytes(min(size, 1000)), end)


@pytest.mark.parametrize("algorithm", ["zlib", "brotli"])
def test_bomb_is_read_no_further_than_the_limit(algorithm: str) -> None:
    bomb = bytes(64_000_000)
    channel = compress_zlib(bomb) if algorithm == "zlib" else _brotli(bomb, quality=1)
    del bomb
    assert len(channel) < 100_000

    tracemalloc.start()
    decompressed = decompress_channel(channel, limit=1_000_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert (len(decompressed.data), decompressed.end) == (1_000_000, StreamEnd.OVER_LIMIT)
    assert peak < 8_000_000


def test_bomb_costs_only_what_is_asked_for() -> None:
    stream = DecompressionStream(compress_zlib(bytes(64_000_000)))

    chunk = stream.read_chunk()

    assert 0 < len(chunk) <= 1 << 16
    assert stream.end is None
    assert MAX_RLP_BYTES_PER_CHANNEL == 100_000_000
