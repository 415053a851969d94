"""
A channel that still takes blocks, up to the size that its policy asks for.

It leaves this state only after its data was decoded again and compared with the blocks that went in (law 8).
"""

from collections.abc import Sequence

from batcher.channel_policy import BatchType, ChannelPolicy, DataType
from batcher.channel_state import PostedChannel
from batcher.codec.blob import encode_blob
from batcher.codec.channel import ChannelWriter, cut_frames
from batcher.codec.errors import ChannelOverflow
from batcher.codec.frame import Frame, encode_frames_data
from batcher.codec.span_batch import SpanParameters
from batcher.l2_source import L2BlockData
from batcher.round_trip import Payload, check_round_trip, make_batch
from batcher.shadow_compressor import ShadowCompressor


class OpenChannel:
    """See the module."""

    def __init__(self, channel_id: bytes, opened_at_l1: int, *, policy: ChannelPolicy, span: SpanParameters) -> None:
        self.channel_id = channel_id
        self.opened_at_l1 = opened_at_l1
        """L1 head when the channel was opened."""
        self.blocks: list[L2BlockData] = []
        self.is_full = False
        """It has the size that it should have: no block fits any more."""
        self._policy = policy
        self._span = span
        self._writer = self._make_writer()
        self._shadow = ShadowCompressor()

    def add_block(self, block: L2BlockData) -> list[L2BlockData]:
        """
        Append the block.

        Returns the newest blocks that have to go to another channel instead, this one among them; mostly none. A
        channel keeps its first block, whatever its size.
        """
        try:
            self._writer.add_batch(make_batch(block), block.ref.sequence_number)
        except ChannelOverflow:
            if not self.blocks:
                raise
            self.is_full = True
            return [block]
        self.blocks.append(block)
        self._shadow.add(block.transactions)
        if not self._shadow.may_reach(self._policy.target_bytes, self._writer.rlp_bytes):
            return []
        return self._drop_excess()

    def close(self) -> PostedChannel:
        """Cut into frames, once everything decoded to what went in; raises `ChannelMismatch`."""
        frames = cut_frames(self.channel_id, self._writer.close(), self._policy.frame_data_bytes)
        payloads = make_payloads(frames, self._policy)
        check_round_trip(self.channel_id, payloads, self.blocks, self._span)
        data_bytes = sum(len(frame.data) for frame in frames)
        return PostedChannel(self.channel_id, tuple(self.blocks), payloads, data_bytes)

    def _drop_excess(self) -> list[L2BlockData]:
        dropped: list[L2BlockData] = []
        size, target = self._writer.compressed_bytes, self._policy.target_bytes
        self._shadow.correct(self._writer.rlp_bytes, size)
        while size > target and len(self.blocks) > 1:
            dropped.insert(0, self.blocks.pop())
            self._writer = self._make_writer()
            for block in self.blocks:
                self._writer.add_batch(make_batch(block), block.ref.sequence_number)
            size = self._writer.compressed_bytes
        self.is_full = bool(dropped) or size >= target
        return dropped

    def _make_writer(self) -> ChannelWriter:
        is_span = self._policy.batch_type is BatchType.SPAN
        return ChannelWriter(compression=self._policy.compression, span=self._span if is_span else None)


def make_payloads(frames: Sequence[Frame], policy: ChannelPolicy) -> tuple[Payload, ...]:
    """The transactions that carry these frames."""
    count = policy.frames_per_transaction
    groups = [frames[start : start + count] for start in range(0, len(frames), count)]
    if policy.data_type is DataType.CALLDATA:
        return tuple(Payload(encode_frames_data(group)) for group in groups)
    return tuple(Payload(b"", tuple(encode_blob(encode_frames_data((frame,))) for frame in group)) for group in groups)
