"""
Open channel: the batches of one channel, decoded one after the other, some of them before they are asked for.

Decoding takes any time that the channel's author likes, so it runs on a worker thread, a bounded piece at once. What
comes out follows from the channel's bytes alone; when it counts, is for the channel reader.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from batcher.codec.any_batch import decode_any_batch
from batcher.codec.batch import SingularBatch
from batcher.codec.channel import ChannelEnd, read_batches
from batcher.codec.compression import MAX_RLP_BYTES_PER_CHANNEL
from batcher.codec.errors import MalformedBatch, UnreadableTransaction
from batcher.codec.span_batch import SpanBatch, SpanParameters
from sequencer.primitives.recovery import Decoding, decode_transactions

PIECE_BATCHES = 64
PIECE_BYTES = 1 << 18
"""Decoded at once, unless one batch alone is larger: what a thread is asked for is worth the asking."""

AHEAD_BYTES = 8_000_000
"""Decompressed bytes of a channel that is decoded before its turn; a larger one waits for it."""

AHEAD_BATCHES = 4_096
AHEAD_TRANSACTIONS = 16_384
"""Of one channel, whose senders are recovered before its turn: a third of a second on two cores."""

Batch: TypeAlias = SingularBatch | SpanBatch


class Skipped(Enum):
    """What stands in the place of a batch that is dropped alone."""

    UNREADABLE_TRANSACTION = "unreadable_transaction"


@dataclass(frozen=True, slots=True)
class Ended:
    """Nothing more comes out of the channel."""

    end: str
    """As metrics count it."""
    has_bad_batch: bool = False
    """A batch that can not be decoded is why."""


Reading: TypeAlias = Batch | Skipped | Ended


class OpenChannel:
    """See the module. One thread at a time."""

    def __init__(self, data: bytes, parameters: SpanParameters, limit: int = MAX_RLP_BYTES_PER_CHANNEL) -> None:
        self._reader = read_batches(data, limit)
        self._parameters = parameters
        self._readings: deque[Reading] = deque()
        self._recovered: dict[bytes, Decoding] = {}
        self.is_over = False
        """Everything is decoded, up to the end."""

    @property
    def is_at_hand(self) -> bool:
        """`take` has something to give."""
        return bool(self._readings)

    def take(self) -> Reading:
        """The next batch, or what is in its place; `Ended` is the last."""
        return self._readings.popleft()

    def decode(self) -> None:
        """Decode a piece; for a worker thread."""
        size = 0
        for _ in range(PIECE_BATCHES):
            if self.is_over or size > PIECE_BYTES:
                return
            size += self._decode_one()

    def recovered(self, raws: Sequence[bytes]) -> list[Decoding] | None:
        """What came of these transactions of the channel; None when one of them was not decoded before its turn."""
        found = [self._recovered.get(raw) for raw in raws]
        decodings = [decoding for decoding in found if decoding is not None]
        return decodings if len(decodings) == len(raws) else None

    def recover(self) -> None:
        """Find the senders of what is at hand, unless it is too much; for a worker thread."""
        raws = [raw for batch in self._readings if isinstance(batch, Batch) for raw in batch.transactions]
        if len(raws) <= AHEAD_TRANSACTIONS:
            self._recovered = dict(zip(raws, decode_transactions(raws), strict=True))

    @property
    def is_over_limit(self) -> bool:
        """The limit is why it ended."""
        return self._reader.end is ChannelEnd.OVER_LIMIT

    def _decode_one(self) -> int:
        """Number of bytes that the batch had."""
        raw = next(self._reader, None)
        if raw is None:
            end = self._reader.end
            self._end(Ended("complete" if end is None else end.value))
            return 0
        try:
            self._readings.append(decode_any_batch(raw, self._parameters))
        except UnreadableTransaction:
            self._readings.append(Skipped.UNREADABLE_TRANSACTION)
        except MalformedBatch:
            self._end(Ended("bad_batch", has_bad_batch=True))
        return len(raw)

    def _end(self, ended: Ended) -> None:
        self._readings.append(ended)
        self.is_over = True


def decode_ahead(data: bytes, parameters: SpanParameters) -> OpenChannel | None:
    """A channel with everything in it decoded, and senders recovered; None when it is not small enough for that."""
    channel = OpenChannel(data, parameters, AHEAD_BYTES)
    for _ in range(AHEAD_BATCHES // PIECE_BATCHES):
        if channel.is_over:
            break
        channel.decode()
    if not channel.is_over or channel.is_over_limit:
        return None
    channel.recover()
    return channel
