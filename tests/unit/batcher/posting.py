"""A channel manager under test: blocks in, transaction data out, read back as a verifier does."""

import itertools
from dataclasses import replace

from batcher.channel_manager import ChannelLimits, ChannelManager
from batcher.channel_policy import ChannelPolicy
from batcher.channel_state import TransactionData
from batcher.codec.batch import SingularBatch, decode_batch
from batcher.codec.channel import ChannelAssembly, read_batches
from batcher.l2_source import L2BlockData
from tests.fakes.l2_source import GENESIS, SPAN, make_l1_id, make_l2_block

POLICY = ChannelPolicy(frame_data_bytes=1000, target_bytes=100_000)

LIMITS = ChannelLimits(
    max_duration_l1_blocks=2,
    channel_timeout_l1_blocks=50,
    sequencing_window_l1_blocks=100,
    safety_margin_l1_blocks=5,
)


def make_manager(policy: ChannelPolicy = POLICY, **changes: int) -> ChannelManager:
    """A manager started at genesis, with L1 at block 10; the limits may be changed."""
    ids = itertools.count(1)
    limits = replace(LIMITS, **changes)
    manager = ChannelManager(limits, lambda: next(ids).to_bytes(16, "big"), choose_policy=lambda: policy, span=SPAN)
    manager.restart(GENESIS)
    manager.l1_advanced(10)
    return manager


def incompressible(size: int, seed: int = 0) -> bytes:
    """A transaction that compression does not shrink."""
    state, out = seed + 1, bytearray(b"\x02")
    while len(out) < size:
        state = state * 6364136223846793005 + 1442695040888963407 & (1 << 64) - 1
        out.append(state >> 56)
    return bytes(out)


def add_blocks(manager: ChannelManager, count: int, size: int = 100, origin: int = 10) -> list[L2BlockData]:
    """Add blocks of one transaction of that size."""
    blocks: list[L2BlockData] = []
    for _ in range(count):
        assert manager.tip is not None
        block = make_l2_block(manager.tip, (incompressible(size, manager.tip.number),), origin=origin)
        manager.add_block(block)
        blocks.append(block)
    return blocks


def take_all(manager: ChannelManager) -> list[TransactionData]:
    """Everything that is handed out now."""
    return list(iter(manager.next_transaction_data, None))


def read_back(data: list[TransactionData]) -> list[SingularBatch]:
    """Batches of the channels that these transactions carry, as a verifier reads them."""
    batches: list[SingularBatch] = []
    channel: ChannelAssembly | None = None
    for frame in (frame for piece in data for frame in piece.payload.read_frames()):
        if frame.number == 0:
            channel = ChannelAssembly(frame.channel_id)
        assert channel is not None
        channel.add_frame(frame)
        if channel.is_complete:
            for batch in map(decode_batch, read_batches(channel.data)):
                assert isinstance(batch, SingularBatch)
                batches.append(batch)
    return batches


def post_channel(manager: ChannelManager, *inclusions: int) -> list[TransactionData]:
    """Post one channel of as many frames, and confirm them in these L1 blocks."""
    manager.flush()
    data = take_all(manager)
    assert len(data) == len(inclusions)
    for piece, number in zip(data, inclusions, strict=True):
        manager.confirmed(piece.request_id, make_l1_id(number))
    return data
