"""
One channel on its way to L1: open while blocks are added, then posted frame by frame.

A channel leaves the open state only after its data was decoded again and
compared with the blocks that went in (law 8). Pure: numbers of L1 blocks are
the only time there is.
"""

from dataclasses import dataclass, field

from batcher.codec.batch import SingularBatch, decode_batch
from batcher.codec.channel import ChannelAssembly, ChannelEnd, ChannelWriter, FrameVerdict, cut_frames, read_batches
from batcher.codec.errors import ChannelOverflow, MalformedData
from batcher.codec.frame import Frame, decode_frames, encode_frames_data
from batcher.l2_source import L2BlockData
from l1_bridge.errors import CriticalError
from l1_bridge.tx_manager import RequestId
from l1_bridge.types import BlockId

_LEGACY_FIRST_BYTE = 0xC0
_POSTABLE_TYPES = frozenset({1, 2, 4})


class UnpostableTransaction(CriticalError):
    """A block of our own holds a transaction that would make its batch invalid."""

    def __init__(self, block_number: int, index: int) -> None:
        super().__init__(f"L2 block {block_number}: user transaction {index} may not stand in a batch")
        self.block_number = block_number
        self.index = index


class ChannelMismatch(CriticalError):
    """A channel that was about to be posted does not decode to the blocks that went in."""

    def __init__(self, channel_id: bytes, first_block: int, reason: str) -> None:
        super().__init__(f"channel 0x{channel_id.hex()} from L2 block {first_block}: {reason}")
        self.channel_id = channel_id
        self.first_block = first_block
        self.reason = reason


@dataclass(frozen=True, slots=True)
class TransactionData:
    """Data of one transaction to the batch inbox."""

    request_id: bytes
    """Names this attempt to post this frame: channel id, frame number, attempt."""
    channel_id: bytes
    frame_number: int
    data: bytes


def make_batch(block: L2BlockData) -> SingularBatch:
    """The batch of a block; raises `UnpostableTransaction`."""
    for index, transaction in enumerate(block.transactions):
        first = transaction[0] if transaction else 0
        if first < _LEGACY_FIRST_BYTE and first not in _POSTABLE_TYPES:
            raise UnpostableTransaction(block.ref.number, index)
    origin = block.ref.l1_origin
    return SingularBatch(block.ref.parent_hash, origin.number, origin.hash, block.ref.timestamp, block.transactions)


class OpenChannel:
    """A channel that still takes blocks."""

    def __init__(self, channel_id: bytes, opened_at_l1: int) -> None:
        self.channel_id = channel_id
        self.opened_at_l1 = opened_at_l1
        """L1 head when the channel was opened."""
        self.blocks: list[L2BlockData] = []
        self._writer = ChannelWriter()

    def add_block(self, block: L2BlockData) -> bool:
        """Append the block; False, with nothing changed, when a channel with other blocks in it has no more room."""
        try:
            self._writer.add_batch(make_batch(block))
        except ChannelOverflow:
            if not self.blocks:
                raise
            return False
        self.blocks.append(block)
        return True

    @property
    def compressed_bytes(self) -> int:
        """Size if it were closed now."""
        return self._writer.compressed_bytes

    def close(self, max_frame_data_bytes: int) -> "PostedChannel":
        """Cut into frames, once everything decoded to what went in; raises `ChannelMismatch`."""
        frames = cut_frames(self.channel_id, self._writer.close(), max_frame_data_bytes)
        payloads = tuple(encode_frames_data((frame,)) for frame in frames)
        check_round_trip(self.channel_id, payloads, self.blocks)
        return PostedChannel(self.channel_id, tuple(self.blocks), payloads)


def check_round_trip(channel_id: bytes, payloads: tuple[bytes, ...], blocks: list[L2BlockData]) -> None:
    """Decode transaction data as a verifier would and compare; raises `ChannelMismatch`."""
    first_block = blocks[0].ref.number if blocks else -1
    try:
        assembly = _assemble(channel_id, payloads)
        reader = read_batches(assembly.data)
        decoded = [decode_batch(raw) for raw in reader]
    except MalformedData as error:
        raise ChannelMismatch(channel_id, first_block, str(error)) from error
    if not assembly.is_complete or assembly.is_oversized:
        raise ChannelMismatch(channel_id, first_block, "frames are no complete channel")
    if reader.end is not ChannelEnd.COMPLETE:
        raise ChannelMismatch(channel_id, first_block, f"reading ends by {reader.end}")
    if decoded != [make_batch(block) for block in blocks]:
        raise ChannelMismatch(channel_id, first_block, "decoded batches differ from the blocks")


def _assemble(channel_id: bytes, payloads: tuple[bytes, ...]) -> ChannelAssembly:
    assembly = ChannelAssembly(channel_id)
    frames: list[Frame] = [frame for payload in payloads for frame in decode_frames(payload)]
    for frame in frames:
        if assembly.add_frame(frame) is not FrameVerdict.ADDED:
            raise ChannelMismatch(channel_id, -1, f"frame {frame.number} does not follow")
    return assembly


@dataclass(slots=True)
class PostedChannel:
    """A closed channel, and how far it has got on L1."""

    channel_id: bytes
    blocks: tuple[L2BlockData, ...]
    payloads: tuple[bytes, ...]
    """Transaction data, one frame each."""
    handed_out: int = 0
    """Frames handed out so far; the next one has this number."""
    attempts: int = 0
    """Frames that failed and were handed out again."""
    requests: dict[RequestId, int] = field(default_factory=dict)
    """Request id to frame number, of all that was handed out and did not fail."""
    inclusions: dict[int, BlockId] = field(default_factory=dict)
    """Frame number to the L1 block that holds it."""

    @property
    def last_block_number(self) -> int:
        """Number of the newest L2 block in the channel."""
        return self.blocks[-1].ref.number

    @property
    def is_confirmed(self) -> bool:
        """Every frame stands on L1."""
        return len(self.inclusions) == len(self.payloads)

    @property
    def in_flight(self) -> int:
        """Frames handed out of which the outcome is not known."""
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
        """No frame stands in an older L1 block than the frame before it."""
        numbers = [self.inclusions[number].number for number in sorted(self.inclusions)]
        return numbers == sorted(numbers)

    def next_data(self) -> TransactionData | None:
        """Hand out the next frame; None when all are."""
        if self.handed_out == len(self.payloads):
            return None
        number = self.handed_out
        request_id = self.channel_id + number.to_bytes(2, "big") + self.attempts.to_bytes(4, "big")
        self.handed_out += 1
        self.requests[request_id] = number
        return TransactionData(request_id, self.channel_id, number, self.payloads[number])

    def take_back(self, request_id: RequestId) -> None:
        """Make the newest frame handed out the next one again."""
        self.handed_out = self.requests.pop(request_id)
        self.inclusions.pop(self.handed_out, None)
