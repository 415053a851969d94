"""
Channel reader: complete channels into batches, one at a time (derivation.md, "Channel Reader").

Decompression goes only as far as batches are asked for. A decompression or RLP error ends the channel and keeps the
batches before it. A batch that can not be decoded ends it too: it is invalid, and an invalid batch takes the rest of
its channel along (holocene/derivation.md, "Fast Channel Invalidation"); op-node's reader does the same. A span batch
that is whole, but for a transaction in it that can not be put together, is dropped alone: there too we do as op-node.
"""

import asyncio
from enum import Enum
from typing import TypeAlias

from batcher.codec.any_batch import decode_any_batch
from batcher.codec.batch import SingularBatch
from batcher.codec.channel import BatchReader, read_batches
from batcher.codec.errors import MalformedBatch, UnreadableTransaction
from batcher.codec.span_batch import SpanBatch, SpanParameters

from . import metrics
from .channel_assembly import ChannelStage

INLINE_CHANNEL_BYTES = 32_768
"""Larger channels are decompressed on a worker thread: a few ms of the event loop are the most that one may take."""


class Starved(Enum):
    """Why a stage gives nothing now."""

    AGAIN = "again"
    """Something was read and thrown away; there may be more behind it."""
    DRAINED = "drained"
    """All data of the L1 blocks so far is read."""


Batch: TypeAlias = SingularBatch | SpanBatch


class ChannelReader:
    """Batches of the current channel, then of the next."""

    def __init__(self, channels: ChannelStage, parameters: SpanParameters) -> None:
        self._channels = channels
        self._parameters = parameters
        self._reader: BatchReader | None = None
        self._is_large = False
        self._running: asyncio.Future[Batch | Starved] | None = None

    async def next_batch(self, origin_number: int) -> Batch | Starved:
        """The next batch from the data of L1 blocks up to `origin_number`."""
        if self._running is None and self._reader is None:
            data = self._channels.next_channel(origin_number)
            if data is None:
                return Starved.DRAINED
            self._reader, self._is_large = read_batches(data), len(data) > INLINE_CHANNEL_BYTES
        if not self._is_large and self._running is None:
            return self._read()
        if self._running is None:
            self._running = asyncio.get_running_loop().run_in_executor(None, self._read)
        # Shielded: a caller that is cancelled leaves the thread at its work, and the next one picks the result up.
        result = await asyncio.shield(self._running)
        self._running = None
        return result

    def flush(self) -> None:
        """Drop what is left of the channel: one of its batches, or a block made of one, was invalid."""
        if self._reader is not None:
            metrics.CHANNELS.labels("invalid_batch").inc()
        self._reader = None
        self._channels.flush()

    def _read(self) -> Batch | Starved:
        reader = self._reader
        if reader is None:
            return Starved.AGAIN
        raw = next(reader, None)
        if raw is None:
            self._end("complete" if reader.end is None else reader.end.value)
            return Starved.AGAIN
        try:
            return decode_any_batch(raw, self._parameters)
        except UnreadableTransaction:
            metrics.BATCHES.labels("malformed").inc()
            return Starved.AGAIN
        except MalformedBatch:
            metrics.BATCHES.labels("malformed").inc()
            self._end("bad_batch")
            return Starved.AGAIN

    def _end(self, end: str) -> None:
        metrics.CHANNELS.labels(end).inc()
        self._reader = None
