"""
Compression of channels (derivation.md, "Channel Format"; fjord/derivation.md, "Brotli Channel Compression").

    first byte & 0x0F in {8, 15}   zlib (that byte is part of the stream; 15 is never valid)
    first byte = 0x01              brotli, from the second byte on
    anything else                  not a channel

Reading is a stream of small chunks with a bound on their sum. A stream that
turns out to be bad keeps what it gave before: the batches in it count. How
much that is follows op-node's decompressors, which hand out whatever was
decoded before the error.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

import brotli

MAX_RLP_BYTES_PER_CHANNEL = 100_000_000
"""Decompressed bytes of a channel that count, since Fjord; the rest is as if it was not there."""

ZLIB_LEVEL = 9
"""Best compression: bytes on L1 cost more than time here."""

BROTLI_WINDOW_BITS = 22
"""How far back brotli looks: 4 MiB, which all readers have."""

_BROTLI_VERSION = 0x01
_ZLIB_METHODS = (8, 15)
_ZLIB_OUTPUT_BYTES = 1 << 16
_INPUT_BYTES = 1 << 15
"""Fed at once. op-node's brotli reader takes as much: it decides what a corrupt stream still gives."""
_BROTLI_OUTPUT_BYTES = 1 << 12
"""Taken at once. Small, since what a failing call of the library had decoded is lost with it."""


class Compression(Enum):
    """How a channel is written; readers tell by its first byte."""

    ZLIB = "zlib"
    BROTLI_9 = "brotli-9"
    BROTLI_10 = "brotli-10"
    BROTLI_11 = "brotli-11"

    @property
    def brotli_quality(self) -> int | None:
        """Brotli's quality; None for zlib."""
        return None if self is Compression.ZLIB else int(self.value.removeprefix("brotli-"))


class StreamEnd(Enum):
    """Why no more bytes come out of a channel."""

    COMPLETE = "complete"
    OVER_LIMIT = "over_limit"
    """There is more than counts."""
    TRUNCATED = "truncated"
    CORRUPT = "corrupt"
    UNKNOWN_COMPRESSION = "unknown_compression"


@dataclass(frozen=True, slots=True)
class Decompressed:
    """What a channel holds, and why it ends there."""

    data: bytes
    end: StreamEnd


class DecompressionStream:
    """Decompresses a channel chunk by chunk, up to `limit` bytes."""

    def __init__(self, channel_data: bytes, limit: int = MAX_RLP_BYTES_PER_CHANNEL) -> None:
        self._chunks = _decompress(channel_data, limit)
        self._left = limit
        self.end: StreamEnd | None = None
        """Why the stream ended; None while there may be more."""

    def read_chunk(self) -> bytes:
        """The next few bytes; empty at the end."""
        while self.end is None:
            chunk = next(self._chunks)
            if isinstance(chunk, StreamEnd):
                self.end = chunk
                break
            if len(chunk) > self._left:
                self.end = StreamEnd.OVER_LIMIT
                chunk = chunk[: self._left]
            self._left -= len(chunk)
            if chunk:
                return chunk
        return b""


def compress_zlib(data: bytes) -> bytes:
    """A zlib channel (RFC 1950, no dictionary) with this content."""
    return zlib.compress(data, ZLIB_LEVEL)


def compress_brotli(data: bytes, quality: int) -> bytes:
    """A brotli channel (version byte, then RFC 7932) with this content."""
    compressed: bytes = brotli.compress(data, quality=quality, lgwin=BROTLI_WINDOW_BITS)
    return bytes((_BROTLI_VERSION,)) + compressed


def compress_channel(data: bytes, compression: Compression) -> bytes:
    """A channel with this content."""
    quality = compression.brotli_quality
    return compress_zlib(data) if quality is None else compress_brotli(data, quality)


def decompress_channel(data: bytes, limit: int = MAX_RLP_BYTES_PER_CHANNEL) -> Decompressed:
    """Content of a channel as far as it can be read and counts: at most `limit` bytes."""
    stream = DecompressionStream(data, limit)
    content = bytearray()
    while chunk := stream.read_chunk():
        content += chunk
    return Decompressed(bytes(content), stream.end or StreamEnd.COMPLETE)


def _decompress(data: bytes, limit: int) -> Iterator[bytes | StreamEnd]:
    """Chunks of the content, then why there are no more; stops some chunks above `limit` at the latest."""
    if data and data[0] & 0x0F in _ZLIB_METHODS:
        return _decompress_zlib(data)
    if data and data[0] == _BROTLI_VERSION:
        return _decompress_brotli(data[1:], limit)
    return iter((StreamEnd.UNKNOWN_COMPRESSION,))


def _decompress_zlib(data: bytes) -> Iterator[bytes | StreamEnd]:
    # The empty dictionary makes a stream that asks for one with Adler-32 of nothing readable, as it is for op-node.
    stream = zlib.decompressobj(zdict=b"")
    for offset in range(0, len(data), _INPUT_BYTES):
        piece = data[offset : offset + _INPUT_BYTES]
        is_drained = False
        while not is_drained:
            before = stream.copy()
            try:
                output = stream.decompress(piece, _ZLIB_OUTPUT_BYTES)
            except zlib.error:
                yield _salvage_zlib(before, piece)
                yield StreamEnd.CORRUPT
                return
            yield output
            if stream.eof:
                yield StreamEnd.COMPLETE
                return
            piece = stream.unconsumed_tail
            is_drained = not piece and len(output) < _ZLIB_OUTPUT_BYTES
    yield StreamEnd.TRUNCATED


def _salvage_zlib(stream: "zlib._Decompress", piece: bytes) -> bytes:
    """What a piece with an error in it gives before the error; zlib drops the output of a call that fails."""
    output = bytearray()
    for position in range(len(piece)):
        try:
            output += stream.decompress(piece[position : position + 1])
        except zlib.error:
            break
    return bytes(output)


def _decompress_brotli(data: bytes, limit: int) -> Iterator[bytes | StreamEnd]:
    stream = brotli.Decompressor()
    given_bytes = 0
    for offset in range(0, len(data), _INPUT_BYTES):
        try:
            for output in _feed_brotli(stream, data[offset : offset + _INPUT_BYTES]):
                given_bytes += len(output)
                yield output
        except brotli.error:
            yield _read_brotli_before_trailer(data, offset, given_bytes, limit)
            yield StreamEnd.CORRUPT
            return
        if stream.is_finished():
            yield StreamEnd.COMPLETE
            return
    yield StreamEnd.TRUNCATED


def _feed_brotli(stream: brotli.Decompressor, piece: bytes) -> Iterator[bytes]:
    """All output that a piece of input gives, in small steps; raises `brotli.error`."""
    is_drained = False
    while not is_drained:
        output = bytes(stream.process(piece, output_buffer_limit=_BROTLI_OUTPUT_BYTES))
        yield output
        piece = b""
        # The library may hold output back although it has no input left: only a short output tells.
        is_drained = len(output) < _BROTLI_OUTPUT_BYTES and stream.can_accept_more_data()
        is_drained = is_drained or stream.is_finished()


def _read_brotli_before_trailer(data: bytes, offset: int, given_bytes: int, limit: int) -> bytes:
    """
    The rest of a complete stream that has bytes behind it; nothing when it is corrupt instead.

    The library fails on both alike and drops the output of the failing call;
    op-node keeps a complete stream. So the failing piece is fed again byte by byte, to see
    whether the stream ends before the error.
    """
    stream = brotli.Decompressor()
    output_bytes, rest = 0, bytearray()
    pieces = [data[start : start + _INPUT_BYTES] for start in range(0, offset, _INPUT_BYTES)]
    pieces += [data[start : start + 1] for start in range(offset, min(offset + _INPUT_BYTES, len(data)))]
    try:
        for piece in pieces:
            for output in _feed_brotli(stream, piece):
                rest += output[max(given_bytes - output_bytes, 0) :]
                output_bytes += len(output)
                if output_bytes > limit:
                    return b""
            if stream.is_finished():
                return bytes(rest)
    except brotli.error:
        pass
    return b""
