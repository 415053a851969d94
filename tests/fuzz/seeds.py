"""Good data to begin with, for each target: what our own writers make."""

import zlib
from collections.abc import Mapping, Sequence

from batcher.codec.batch import SingularBatch, encode_batch
from batcher.codec.blob import encode_blob
from batcher.codec.channel import ChannelWriter, cut_frames
from batcher.codec.compression import Compression
from batcher.codec.frame import encode_frames_data
from batcher.codec.span_batch import encode_span_batch
from sequencer.primitives.transaction import AccessListEntry
from tests.factories import make_authorization, make_transaction
from tests.fuzz.targets import PARAMETERS

TRANSACTIONS = (
    make_transaction(type=0).raw,
    make_transaction(type=0, chain_id=None, to=None, data=b"\x60").raw,
    make_transaction(type=1, access_list=[AccessListEntry(b"\x33" * 20, (1, 2))]).raw,
    make_transaction(type=2, data=bytes(range(64)), value=2**200).raw,
    make_transaction(type=4, authorizations=[make_authorization()]).raw,
)


def _blocks() -> list[SingularBatch]:
    return [
        SingularBatch(
            bytes(range(32)), 7 + index // 2, bytes([index]) * 32, 1_700_000_010 + 2 * index, TRANSACTIONS[:index]
        )
        for index in range(6)
    ]


def _channels() -> list[bytes]:
    channels: list[bytes] = []
    for compression in (Compression.ZLIB, Compression.BROTLI_10):
        for span in (None, PARAMETERS):
            writer = ChannelWriter(compression=compression, span=span)
            for block in _blocks():
                writer.add_batch(block)
            channels.append(writer.close())
    return [*channels, zlib.compress(b"\x80" * 1000)]


def make_seeds() -> Mapping[str, Sequence[bytes]]:
    """By target."""
    channels = _channels()
    frames = [encode_frames_data(cut_frames(bytes(16), channel, 200)) for channel in channels]
    return {
        "frames": frames,
        "channel": channels,
        "batch": [encode_batch(block)[1:] for block in _blocks()],
        "span": [encode_span_batch(_blocks()[first:], PARAMETERS)[1:] for first in range(6)],
        "blob": [encode_blob(data)[: len(data) * 33 // 31 + 40] for data in frames],
    }
