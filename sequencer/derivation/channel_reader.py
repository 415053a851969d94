"""
Channel reader: complete channels into batches, one at a time (derivation.md, "Channel Reader").

Decompression goes little further than batches are asked for, and never runs on the event loop. A decompression or RLP
error ends the channel and keeps the batches before it. A batch that can not be decoded ends it too: it is invalid, and
an invalid batch takes the rest of its channel along (holocene/derivation.md, "Fast Channel Invalidation"); op-node's
reader does the same. A span batch that is whole, but for a transaction in it that can not be put together, is dropped
alone: there too we do as op-node.
"""

import asyncio
from collections.abc import Sequence
from enum import Enum

from batcher.codec.span_batch import SpanParameters
from sequencer.primitives.recovery import Decoding

from . import metrics
from .channel_assembly import ChannelStage
from .channels_ahead import ChannelsAhead
from .open_channel import Batch, Ended, OpenChannel, Skipped


class Starved(Enum):
    """Why a stage gives nothing now."""

    AGAIN = "again"
    """Something was read and thrown away; there may be more behind it."""
    DRAINED = "drained"
    """All data of the L1 blocks so far is read."""


class ChannelReader:
    """Batches of the current channel, then of the next."""

    def __init__(self, channels: ChannelStage, ahead: ChannelsAhead, parameters: SpanParameters) -> None:
        self._channels = channels
        self._ahead = ahead
        self._parameters = parameters
        self._next_data: bytes | None = None
        """Of a channel that is about to be opened."""
        self._open: OpenChannel | None = None
        self._decoding: asyncio.Future[None] | None = None

    async def next_batch(self, origin_number: int) -> Batch | Starved:
        """The next batch from the data of L1 blocks up to `origin_number`."""
        if self._open is None and not await self._open_next(origin_number):
            return Starved.DRAINED
        while self._open is not None and not self._open.is_at_hand:
            await self._decode(self._open)
        return self._take()

    def recovered(self, raws: Sequence[bytes]) -> list[Decoding] | None:
        """What transactions of the current channel were decoded to before its turn; None when they were not."""
        return None if self._open is None else self._open.recovered(raws)

    def flush(self) -> None:
        """Drop what is left of the channel: one of its batches, or a block made of one, was invalid."""
        if self._open is not None:
            metrics.CHANNELS.labels("invalid_batch").inc()
        self._open = None
        self._channels.flush()

    async def _open_next(self, origin_number: int) -> bool:
        """Open the next complete channel; a caller that is cancelled leaves it to the next one."""
        if self._next_data is None:
            self._next_data = self._channels.next_channel(origin_number)
        if self._next_data is None:
            return False
        data = self._next_data
        self._open = await self._ahead.take(data) or OpenChannel(data, self._parameters)
        self._next_data = None
        return True

    async def _decode(self, channel: OpenChannel) -> None:
        """Shielded: a caller that is cancelled leaves the thread at its work, and the next one waits for the same."""
        if self._decoding is None:
            self._decoding = asyncio.get_running_loop().run_in_executor(None, channel.decode)
        try:
            await asyncio.shield(self._decoding)
        finally:
            if self._decoding.done():
                self._decoding = None

    def _take(self) -> Batch | Starved:
        if self._open is None:
            return Starved.AGAIN
        reading = self._open.take()
        if isinstance(reading, Ended):
            if reading.has_bad_batch:
                metrics.BATCHES.labels("malformed").inc()
            metrics.CHANNELS.labels(reading.end).inc()
            self._open = None
            return Starved.AGAIN
        if isinstance(reading, Skipped):
            metrics.BATCHES.labels("malformed").inc()
            return Starved.AGAIN
        return reading
