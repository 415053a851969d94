"""
A closed channel on its way to L1, transaction by transaction.

Pure: numbers of L1 blocks are the only time there is.
"""

from dataclasses import dataclass, field

from batcher.l2_source import L2BlockData
from batcher.round_trip import Payload
from l1_bridge.sending import RequestId
from l1_bridge.types import BlockId


@dataclass(frozen=True, slots=True)
class TransactionData:
    """One transaction to the batch inbox."""

    request_id: bytes
    """Names this attempt to post this part of a channel: channel id, number of the part, attempt."""
    channel_id: bytes
    payload: Payload
    is_last: bool
    """Nothing of the channel comes behind it."""


@dataclass(slots=True)
class PostedChannel:
    """A closed channel, and how far it has got on L1."""

    channel_id: bytes
    blocks: tuple[L2BlockData, ...]
    payloads: tuple[Payload, ...]
    """One a transaction."""
    data_bytes: int
    """Compressed size of the channel."""
    handed_out: int = 0
    """Payloads handed out so far; the next one has this number."""
    attempts: int = 0
    """Payloads that failed and were handed out again."""
    requests: dict[RequestId, int] = field(default_factory=dict)
    """Request id to number of the payload, of all that was handed out and did not fail."""
    inclusions: dict[int, BlockId] = field(default_factory=dict)
    """Number of a payload to the L1 block that holds it."""

    @property
    def last_block_number(self) -> int:
        """Number of the newest L2 block in the channel."""
        return self.blocks[-1].ref.number

    @property
    def is_confirmed(self) -> bool:
        """Every payload stands on L1."""
        return len(self.inclusions) == len(self.payloads)

    @property
    def in_flight(self) -> int:
        """Payloads handed out of which the outcome is not known."""
        return len(self.requests) - len(self.inclusions)

    @property
    def first_inclusion(self) -> int:
        """Oldest L1 block with a frame of this channel; only with one confirmed at least."""
        return min(block.number for block in self.inclusions.values())

    @property
    def last_inclusion(self) -> int:
        """Newest L1 block with a frame of this channel; only with one confirmed at least."""
        return max(block.number for block in self.inclusions.values())

    def is_in_order(self) -> bool:
        """No payload stands in an older L1 block than the one before it."""
        numbers = [self.inclusions[number].number for number in sorted(self.inclusions)]
        return numbers == sorted(numbers)

    def next_data(self) -> TransactionData | None:
        """Hand out the next payload; None when all are."""
        if self.handed_out == len(self.payloads):
            return None
        number = self.handed_out
        request_id = self.channel_id + number.to_bytes(2, "big") + self.attempts.to_bytes(4, "big")
        self.handed_out += 1
        self.requests[request_id] = number
        return TransactionData(
            request_id, self.channel_id, self.payloads[number], self.handed_out == len(self.payloads)
        )

    def take_back(self, request_id: RequestId) -> None:
        """Make the newest payload handed out the next one again."""
        self.handed_out = self.requests.pop(request_id)
        self.inclusions.pop(self.handed_out, None)
