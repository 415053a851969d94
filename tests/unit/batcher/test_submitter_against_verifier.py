"""
Whatever L1 does to the batcher's transactions, the safe head reaches the unsafe head once L1 is well again.

L1 is a list of blocks with transaction data; the verifier reads it by the
Holocene rules: strict frame order, one staging channel, timeout, batches that
must follow the safe head.
"""

import itertools
import random

import pytest
from prometheus_client import CollectorRegistry

from batcher.channel_manager import ChannelManager
from batcher.codec.batch import SingularBatch, decode_batch
from batcher.codec.channel import ChannelAssembly, read_batches
from batcher.codec.frame import decode_frames
from batcher.config import BatcherSettings
from batcher.metrics import BatcherMetrics
from batcher.round_trip import make_batch
from batcher.submitter import BatchSubmitter
from tests.fakes.l2_source import GENESIS, SPAN, FakeL2Source, make_l1_id
from tests.fakes.transaction_sender import FakeMarket, FakeTransactionSender

CHANNEL_TIMEOUT = 10
INBOX = b"\xff" * 20


class Verifier:
    """Reads L1 blocks from the first one and says how far the chain of the source is safe."""

    def __init__(self, source: FakeL2Source) -> None:
        self._source = source

    def derive(self, l1_blocks: list[list[bytes]]) -> int:
        """Number of the safe head."""
        safe, channel, opened_at = 0, ChannelAssembly(b""), 0
        for number, payloads in enumerate(l1_blocks):
            for frame in (frame for payload in payloads for frame in decode_frames(payload)):
                if frame.number == 0:
                    channel, opened_at = ChannelAssembly(frame.channel_id), number
                if number > opened_at + CHANNEL_TIMEOUT:
                    channel = ChannelAssembly(b"")
                channel.add_frame(frame)
                if channel.is_complete:
                    safe = self._read(channel.data, safe)
                    channel = ChannelAssembly(b"")
        return safe

    def _read(self, data: bytes, safe: int) -> int:
        for raw in read_batches(data):
            batch = decode_batch(raw)
            assert isinstance(batch, SingularBatch)
            if batch.timestamp <= GENESIS.timestamp + safe:
                continue
            if safe == len(self._source.blocks) or batch != make_batch(self._source.blocks[safe]):
                break
            safe += 1
        return safe


class World:
    """A submitter, a chain, and an L1 that loses, delays and reorgs."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.source, self.sender = FakeL2Source(), FakeTransactionSender()
        self.l1: list[list[bytes]] = [[]]
        self.settled = 0
        """Submissions that stand on L1 or were failed."""
        self.ids = itertools.count(1)
        self.submitter = self.make_submitter()

    def make_submitter(self) -> BatchSubmitter:
        """A process that just started."""
        settings = BatcherSettings(max_frame_data_bytes=400, target_frames=3, max_in_flight=8)
        chooser = settings.make_chooser(max_blobs=9)
        limits = settings.make_limits(200, CHANNEL_TIMEOUT)
        manager = ChannelManager(
            limits, lambda: next(self.ids).to_bytes(16, "big"), choose_policy=chooser.choose, span=SPAN
        )
        metrics = BatcherMetrics(CollectorRegistry())
        return BatchSubmitter(
            self.source,
            self.sender,
            manager,
            chooser=chooser,
            market=FakeMarket(),
            inbox_address=INBOX,
            settings=settings,
            metrics=metrics,
        )

    def mine(self, failure_percent: int, most: int) -> None:
        """One L1 block with the next few transactions, some of which fail instead."""
        block: list[bytes] = []
        while self.settled < len(self.sender.submissions) and len(block) < most:
            if self.random.randrange(100) < failure_percent:
                self.sender.fail(self.settled)
            else:
                self.sender.confirm(self.settled, make_l1_id(len(self.l1)))
                block.append(self.sender.submissions[self.settled].data)
            self.settled += 1
        self.l1.append(block)

    def derive(self) -> None:
        """Let the node read L1."""
        self.source.head_l1 = self.source.current_l1 = len(self.l1) - 1
        self.source.safe = Verifier(self.source).derive(self.l1)

    async def misbehave(self) -> None:
        """One thing that happens."""
        action = self.random.choice(["grow", "grow", "step", "step", "mine", "mine", "stall", "l1", "l2", "restart"])
        if action == "grow":
            transactions = tuple(b"\x02" + self.random.randbytes(200) for _ in range(self.random.randrange(4)))
            self.source.extend(self.random.randrange(1, 4), transactions)
        elif action == "step":
            await self.submitter.step()
        elif action == "mine":
            self.mine(failure_percent=15, most=self.random.randrange(4))
        elif action == "stall":
            for _ in range(self.random.randrange(CHANNEL_TIMEOUT)):
                self.mine(failure_percent=0, most=0)
        elif action == "l1":
            del self.l1[max(1, len(self.l1) - self.random.randrange(1, 4)) :]
        elif action == "l2" and len(self.source.blocks) > self.source.safe:
            lowest = max(self.source.safe, len(self.source.blocks) - 3)
            self.source.reorg(self.random.randrange(lowest, len(self.source.blocks)), count=1)
        elif action == "restart" and self.random.randrange(4) == 0:
            self.submitter = self.make_submitter()
        self.derive()

    async def lose_what_was_confirmed(self) -> None:
        """A reorg takes out a block with frames that were reported as confirmed, before the node read it."""
        self.source.extend(2)
        for _ in range(3):
            await self.submitter.step()
            self.mine(failure_percent=0, most=0)
            self.derive()
        await self.submitter.step()
        self.mine(failure_percent=0, most=20)
        self.l1[-1] = []
        self.derive()


@pytest.mark.parametrize("seed", range(25))
async def test_everything_becomes_safe_once_l1_is_well_again(seed: int) -> None:
    world = World(seed)
    for _ in range(150):
        await world.misbehave()
    await world.lose_what_was_confirmed()

    for _ in range(80):
        await world.submitter.step()
        world.mine(failure_percent=0, most=20)
        world.derive()

    assert len(world.source.blocks) > 10
    assert world.source.safe == len(world.source.blocks), f"seed {seed}"


async def test_well_behaved_l1_takes_every_block_once() -> None:
    world = World(0)
    for _ in range(60):
        world.source.extend(1, (b"\x02" + world.random.randbytes(100),))
        await world.submitter.step()
        world.mine(failure_percent=0, most=20)
        world.derive()
    for _ in range(3):
        await world.submitter.step()
        world.mine(failure_percent=0, most=20)
        world.derive()

    posted = [frame for submission in world.sender.submissions for frame in decode_frames(submission.data)]
    assert world.source.safe == 60
    assert len({(frame.channel_id, frame.number) for frame in posted}) == len(posted)
    assert sum(len(frame.data) for frame in posted) < 60 * 300
