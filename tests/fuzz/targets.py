"""
What must hold for any bytes at all: a decoder answers, or refuses by an error of its own, and its answer has a bound.

    frames, blob          what reads is written to the same bytes
    batch, span           what reads is written to bytes that read the same
    channel               decompression and RLP end within their limit
"""

from collections.abc import Callable, Iterable, Mapping
from itertools import islice

from batcher.codec.any_batch import decode_any_batch
from batcher.codec.batch import SingularBatch, encode_batch
from batcher.codec.blob import BLOB_BYTES, decode_blob, encode_blob
from batcher.codec.channel import read_batches
from batcher.codec.errors import MalformedData, UnencodableField
from batcher.codec.frame import decode_frames, encode_frames_data
from batcher.codec.span_batch import SpanBatch, SpanBlock, SpanParameters, decode_span_batch, encode_span_batch

PARAMETERS = SpanParameters(1_700_000_000, 2, 901)
CHANNEL_LIMIT = 1_000_000
"""Decompressed bytes of a channel here; the protocol's hundred times as many only take longer."""

MAX_BLOCKS_COMPARED = 64


def check_frames(data: bytes) -> None:
    """Transaction data."""
    try:
        frames = decode_frames(data)
    except MalformedData:
        return
    assert encode_frames_data(frames) == data


def check_blob(data: bytes) -> None:
    """A blob whose first bytes are `data`."""
    blob = data[:BLOB_BYTES].ljust(BLOB_BYTES, b"\x00")
    try:
        content = decode_blob(blob)
    except MalformedData:
        return
    assert encode_blob(content) == blob


def check_channel(data: bytes) -> None:
    """Channel data, down to its batches."""
    reader = read_batches(data, CHANNEL_LIMIT)
    total = 0
    for raw in reader:
        total += len(raw)
        check_any_batch(raw)
    assert reader.end is not None
    assert total <= CHANNEL_LIMIT


def check_any_batch(data: bytes) -> None:
    """A batch of either version."""
    try:
        batch = decode_any_batch(data, PARAMETERS)
    except MalformedData:
        return
    if isinstance(batch, SingularBatch):
        assert data.startswith(encode_batch(batch))
    else:
        _check_span(batch)


def check_batch(data: bytes) -> None:
    """What follows the version byte of a singular batch."""
    check_any_batch(b"\x00" + data)


def check_span(data: bytes) -> None:
    """What follows the version byte of a span batch."""
    check_any_batch(b"\x01" + data)


def make_batches(span: SpanBatch, blocks: Iterable[SpanBlock]) -> list[SingularBatch]:
    """Blocks of a span as what a writer takes; of the hashes only what the span holds is there."""
    return [
        SingularBatch(
            span.parent_check + bytes(12),
            block.epoch_number,
            span.origin_check + bytes(12),
            block.timestamp,
            block.transactions,
        )
        for block in blocks
    ]


def _check_span(span: SpanBatch) -> None:
    """Written again, unless it has no place for what wraps around, it reads the same."""
    assert len(span.transactions) == sum(span.transaction_counts)
    blocks = list(islice(span.iterate_blocks(), MAX_BLOCKS_COMPARED))
    if span.block_count > MAX_BLOCKS_COMPARED:
        return
    batches = make_batches(span, blocks)
    try:
        raw = encode_span_batch(batches, PARAMETERS, first_sequence_number=0 if span.origin_bits[0] else 1)
    except UnencodableField:
        assert blocks[0].timestamp < PARAMETERS.genesis_timestamp or _wraps(span)
        return
    again = decode_span_batch(raw, PARAMETERS)
    assert list(again.iterate_blocks()) == blocks
    assert again.transactions == span.transactions


def _wraps(span: SpanBatch) -> bool:
    """Times or epochs of the span run over 64 bits."""
    return span.last_timestamp < span.first_timestamp or span.last_epoch < span.first_epoch


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    "frames": check_frames,
    "channel": check_channel,
    "batch": check_batch,
    "span": check_span,
    "blob": check_blob,
}
