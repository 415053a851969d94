"""
Channels: batches compressed together and cut into frames (derivation.md, "Channel Format").

    write   batches -> RLP strings -> zlib or brotli -> frames   ChannelWriter
    read    frames  -> channel data                              ChannelAssembly (Holocene: strictly in order)
            channel data -> RLP strings, each a raw batch        BatchReader

Timeouts, and which channel is the staging one, are the reader's business, not
the format's.
"""

import zlib
from collections.abc import Iterator
from enum import Enum

from batcher.codec.batch import SingularBatch, encode_batch
from batcher.codec.compression import (
    MAX_RLP_BYTES_PER_CHANNEL,
    ZLIB_LEVEL,
    Compression,
    DecompressionStream,
    StreamEnd,
    compress_channel,
)
from batcher.codec.errors import ChannelOverflow, MalformedRlp, UnencodableField
from batcher.codec.frame import CHANNEL_ID_BYTES, MAX_FRAME_DATA_BYTES, MAX_FRAME_NUMBER, Frame
from batcher.codec.rlp_items import (
    MAX_HEADER_BYTES,
    compute_string_header_bytes,
    decode_header,
    require_canonical_byte,
)
from batcher.codec.span_batch import SpanBatchWriter, SpanParameters
from l1_bridge.rlp_codec import encode_rlp

FRAME_BOOKKEEPING_BYTES = 200
"""What a frame counts for beside its data, when the size of a channel is bounded."""

_COMPACT_ABOVE_BYTES = 1 << 16
"""Bytes already read that a reader keeps before it moves the rest to the front."""


class FrameVerdict(Enum):
    """What became of a frame that was offered to a channel."""

    ADDED = "added"
    OTHER_CHANNEL = "other_channel"
    OUT_OF_ORDER = "out_of_order"
    CHANNEL_COMPLETE = "channel_complete"
    """The last frame is there already."""


class ChannelAssembly:
    """Collects the frames of one channel, in order."""

    def __init__(self, channel_id: bytes) -> None:
        self.channel_id = channel_id
        self.is_complete = False
        """The last frame is there."""
        self.size_bytes = 0
        """Compressed bytes so far, with 200 B a frame; above `MAX_RLP_BYTES_PER_CHANNEL` the channel is dropped."""
        self._pieces: list[bytes] = []

    def add_frame(self, frame: Frame) -> FrameVerdict:
        """Take the frame if it is the next one; else leave everything as it is."""
        if frame.channel_id != self.channel_id:
            return FrameVerdict.OTHER_CHANNEL
        if self.is_complete:
            return FrameVerdict.CHANNEL_COMPLETE
        if frame.number != len(self._pieces):
            return FrameVerdict.OUT_OF_ORDER
        self._pieces.append(frame.data)
        self.size_bytes += len(frame.data) + FRAME_BOOKKEEPING_BYTES
        self.is_complete = frame.is_last
        return FrameVerdict.ADDED

    @property
    def is_oversized(self) -> bool:
        """The channel is larger than any channel that counts."""
        return self.size_bytes > MAX_RLP_BYTES_PER_CHANNEL

    @property
    def data(self) -> bytes:
        """Channel data so far."""
        return b"".join(self._pieces)


class ChannelEnd(Enum):
    """Why no more batches come out of a channel; but for COMPLETE, what is left of it is lost."""

    COMPLETE = "complete"
    OVER_LIMIT = "over_limit"
    BAD_COMPRESSION = "bad_compression"
    BAD_RLP = "bad_rlp"


class BatchReader(Iterator[bytes]):
    """
    The raw batches of a channel, in order: the payloads of its RLP strings.

    Decompresses as far as it is asked for batches, so a reader that stops early
    costs nothing more. Never raises for what the channel holds: `end` tells
    why the batches end.
    """

    def __init__(self, channel_data: bytes, limit: int = MAX_RLP_BYTES_PER_CHANNEL) -> None:
        self._stream = DecompressionStream(channel_data, limit)
        self._left = limit
        """Bytes that may still be read; it bounds what an item may claim."""
        self._buffer = bytearray()
        self._position = 0
        self.end: ChannelEnd | None = None
        """None while there may be more batches."""

    def __next__(self) -> bytes:
        if self.end is None:
            batch = self._read_string()
            if batch is not None:
                return batch
        raise StopIteration

    def _read_string(self) -> bytes | None:
        """Payload of the next string; None, with `end` set, when there is none."""
        if not self._fill(1):
            self.end = self._compute_end(ChannelEnd.COMPLETE)
            return None
        self._fill(MAX_HEADER_BYTES)
        try:
            item = decode_header(self._buffer, self._position, len(self._buffer))
        except MalformedRlp:
            self.end = self._compute_end(ChannelEnd.BAD_RLP)
            return None
        item_bytes = item.end - self._position
        if item.is_list:
            self.end = ChannelEnd.BAD_RLP
        elif item_bytes > self._left:
            self.end = ChannelEnd.OVER_LIMIT
        elif not self._fill(item_bytes):
            self.end = self._compute_end(ChannelEnd.BAD_RLP)
        if self.end is not None:
            return None
        try:
            require_canonical_byte(self._buffer, self._position, item)
        except MalformedRlp:
            self.end = ChannelEnd.BAD_RLP
            return None
        return self._take(item.start, item.end)

    def _take(self, start: int, end: int) -> bytes:
        payload = bytes(self._buffer[start:end])
        self._left -= end - self._position
        self._position = end
        if self._position > _COMPACT_ABOVE_BYTES:
            del self._buffer[: self._position]
            self._position = 0
        return payload

    def _fill(self, size_bytes: int) -> bool:
        """Have that many unread bytes in the buffer; False when the channel has fewer left."""
        while len(self._buffer) - self._position < size_bytes:
            chunk = self._stream.read_chunk()
            if not chunk:
                return False
            self._buffer += chunk
        return True

    def _compute_end(self, otherwise: ChannelEnd) -> ChannelEnd:
        """The end of the decompressed bytes, when that is why they do not suffice."""
        if self._stream.end is StreamEnd.OVER_LIMIT:
            return ChannelEnd.OVER_LIMIT
        if self._stream.end in (StreamEnd.CORRUPT, StreamEnd.TRUNCATED, StreamEnd.UNKNOWN_COMPRESSION):
            return ChannelEnd.BAD_COMPRESSION
        return otherwise


def read_batches(channel_data: bytes, limit: int = MAX_RLP_BYTES_PER_CHANNEL) -> BatchReader:
    """Iterate over the raw batches of a channel; see `BatchReader`."""
    return BatchReader(channel_data, limit)


class ChannelWriter:
    """
    Batches in, one channel out.

    Singular batches in zlib are compressed as they come. All else is compressed as a whole, since a span batch changes
    with each block, and brotli can not be asked what it would give: there `compressed_bytes` costs a compression.
    """

    def __init__(
        self,
        limit: int = MAX_RLP_BYTES_PER_CHANNEL,
        compression: Compression = Compression.ZLIB,
        span: SpanParameters | None = None,
    ) -> None:
        """With `span`, all blocks go into one span batch; else each is a singular batch."""
        self._limit = limit
        self._compression = compression
        self._span = None if span is None else SpanBatchWriter(span)
        is_streamed = span is None and compression is Compression.ZLIB
        self._stream = zlib.compressobj(ZLIB_LEVEL) if is_streamed else None
        self._output = bytearray()
        """Of the stream so far; without one, the content so far that is no span batch."""
        self._compressed: bytes | None = None
        """The whole channel, until something is added."""
        self._rlp_bytes = 0

    @property
    def rlp_bytes(self) -> int:
        """Bytes that a reader will have to decompress."""
        if self._span is None:
            return self._rlp_bytes
        size = self._span.size_bytes
        return size + compute_string_header_bytes(size) if size else 0

    def add_batch(self, batch: SingularBatch, sequence_number: int = 0) -> None:
        """
        Append a block.

        Parameters
        ----------
        sequence_number :
            Of the block in its epoch; span batches need it for their first block.

        Raises
        ------
        ChannelOverflow
            The channel would grow above what readers decompress; it is left as it was.
        UnencodableField
            The block has no place in a batch; the channel is left as it was.
        """
        if self._span is not None:
            # A field's own column never takes more than 4 bytes above what the transaction took.
            most_bytes = sum(len(raw) + 4 for raw in batch.transactions) + MAX_HEADER_BYTES + 4
            self._require_room(most_bytes)
            self._span.add_batch(batch, sequence_number)
        else:
            item = encode_rlp(encode_batch(batch))
            self._require_room(len(item))
            self._output += item if self._stream is None else self._stream.compress(item)
            self._rlp_bytes += len(item)
        self._compressed = None

    def has_room_for(self, item_bytes: int) -> bool:
        """That many more bytes of RLP fit."""
        return self.rlp_bytes + item_bytes <= self._limit

    @property
    def compressed_bytes(self) -> int:
        """Size of the channel if it were closed now."""
        if self._compressed is None and self._stream is not None:
            return len(self._output) + len(self._stream.copy().flush())
        return len(self.close())

    def content(self) -> bytes:
        """What a reader will decompress; of a writer that is not streaming."""
        return bytes(self._output) if self._span is None else encode_rlp(self._span.encode())

    def close(self) -> bytes:
        """Channel data; to a streamed channel nothing can be added any more."""
        if self._compressed is None and self._stream is not None:
            self._compressed = bytes(self._output + self._stream.flush())
        elif self._compressed is None:
            self._compressed = compress_channel(self.content(), self._compression)
        return self._compressed

    def _require_room(self, item_bytes: int) -> None:
        if not self.has_room_for(item_bytes):
            raise ChannelOverflow(self.rlp_bytes + item_bytes, self._limit)


def cut_frames(channel_id: bytes, channel_data: bytes, max_frame_data_bytes: int) -> tuple[Frame, ...]:
    """
    Frames of a complete channel, the last one marked.

    Raises
    ------
    UnencodableField
        A bad id or frame size, or a channel that needs more frames than there are numbers.
    """
    if len(channel_id) != CHANNEL_ID_BYTES:
        raise UnencodableField("channel_id", f"{len(channel_id)} B instead of {CHANNEL_ID_BYTES}")
    if not 0 < max_frame_data_bytes <= MAX_FRAME_DATA_BYTES:
        raise UnencodableField("data", f"frames of {max_frame_data_bytes} B, they have 1 to {MAX_FRAME_DATA_BYTES}")
    starts = range(0, max(len(channel_data), 1), max_frame_data_bytes)
    if len(starts) > MAX_FRAME_NUMBER + 1:
        raise UnencodableField("number", f"{len(starts)} frames, numbers are 16 bits")
    return tuple(
        Frame(channel_id, number, channel_data[start : start + max_frame_data_bytes], number == len(starts) - 1)
        for number, start in enumerate(starts)
    )
