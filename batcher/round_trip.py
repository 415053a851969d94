"""
Transaction data read again as a verifier would, and compared with the blocks that went in (law 8).

    payload -> blobs or calldata -> frames -> channel -> batches == blocks

What is compared is all that a batch says: singular batches whole, span batches block by block with both checks.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from batcher.codec.any_batch import decode_any_batch
from batcher.codec.batch import SingularBatch
from batcher.codec.blob import decode_blob
from batcher.codec.channel import ChannelAssembly, ChannelEnd, FrameVerdict, read_batches
from batcher.codec.errors import MalformedData
from batcher.codec.frame import Frame, decode_frames
from batcher.codec.span_batch import CHECK_BYTES, SpanBatch, SpanBlock, SpanParameters
from batcher.l2_source import L2BlockData
from l1_bridge.errors import CriticalError

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
class Payload:
    """What one transaction to the batch inbox carries: calldata, or blobs."""

    data: bytes
    """Empty beside blobs: readers ignore it there."""
    blobs: tuple[bytes, ...] = ()

    @property
    def size_bytes(self) -> int:
        """Bytes that L1 carries."""
        return len(self.data) + sum(map(len, self.blobs))

    def read_frames(self) -> Iterator[Frame]:
        """All frames, in order; raises `MalformedData`."""
        for data in [decode_blob(blob) for blob in self.blobs] if self.blobs else [self.data]:
            yield from decode_frames(data)


def make_batch(block: L2BlockData) -> SingularBatch:
    """The batch of a block; raises `UnpostableTransaction`."""
    for index, transaction in enumerate(block.transactions):
        first = transaction[0] if transaction else 0
        if first < _LEGACY_FIRST_BYTE and first not in _POSTABLE_TYPES:
            raise UnpostableTransaction(block.ref.number, index)
    origin = block.ref.l1_origin
    return SingularBatch(block.ref.parent_hash, origin.number, origin.hash, block.ref.timestamp, block.transactions)


def check_round_trip(
    channel_id: bytes, payloads: Sequence[Payload], blocks: Sequence[L2BlockData], span: SpanParameters
) -> None:
    """Decode transaction data as a verifier would and compare; raises `ChannelMismatch`."""
    first_block = blocks[0].ref.number if blocks else -1
    try:
        assembly = _assemble(channel_id, payloads)
        reader = read_batches(assembly.data)
        decoded = [decode_any_batch(raw, span) for raw in reader]
    except MalformedData as error:
        raise ChannelMismatch(channel_id, first_block, str(error)) from error
    if not assembly.is_complete or assembly.is_oversized:
        raise ChannelMismatch(channel_id, first_block, "frames are no complete channel")
    if reader.end is not ChannelEnd.COMPLETE:
        raise ChannelMismatch(channel_id, first_block, f"reading ends by {reader.end}")
    if not _are_batches_of(decoded, blocks):
        raise ChannelMismatch(channel_id, first_block, "decoded batches differ from the blocks")


def _assemble(channel_id: bytes, payloads: Iterable[Payload]) -> ChannelAssembly:
    assembly = ChannelAssembly(channel_id)
    frames = [frame for payload in payloads for frame in payload.read_frames()]
    for frame in frames:
        if assembly.add_frame(frame) is not FrameVerdict.ADDED:
            raise ChannelMismatch(channel_id, -1, f"frame {frame.number} does not follow")
    return assembly


def _are_batches_of(batches: Iterable[SingularBatch | SpanBatch], blocks: Sequence[L2BlockData]) -> bool:
    position = 0
    for batch in batches:
        count = 1 if isinstance(batch, SingularBatch) else batch.block_count
        covered = blocks[position : position + count]
        position += count
        if len(covered) < count:
            return False
        is_same = batch == make_batch(covered[0]) if isinstance(batch, SingularBatch) else _is_span_of(batch, covered)
        if not is_same:
            return False
    return position == len(blocks)


def _is_span_of(batch: SpanBatch, blocks: Sequence[L2BlockData]) -> bool:
    first, last = blocks[0].ref, blocks[-1].ref
    return (
        batch.parent_check == first.parent_hash[:CHECK_BYTES]
        and batch.origin_check == last.l1_origin.hash[:CHECK_BYTES]
        and batch.origin_bits[0] == (first.sequence_number == 0)
        and list(batch.iterate_blocks())
        == [SpanBlock(block.ref.l1_origin.number, block.ref.timestamp, block.transactions) for block in blocks]
    )
