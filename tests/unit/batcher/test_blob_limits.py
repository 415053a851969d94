"""More blobs than L1 takes, by its schedule or by its pool: cut down, and nothing is stuck behind them."""

import itertools
from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry

from batcher.channel_manager import MAX_ATTEMPTS, ChannelManager
from batcher.channel_policy import ChannelPolicy, DataChoice, DataType, PolicyChooser
from batcher.codec.blob import decode_blob
from batcher.codec.channel import ChannelAssembly
from batcher.codec.frame import decode_frames
from batcher.config import BatcherSettings
from batcher.metrics import BatcherMetrics
from batcher.submitter import BatchSubmitter
from l1_bridge.l1_chain_config import BlobParameters, L1ChainConfig, prague_l1_chain
from l1_bridge.market import L1Market
from l1_bridge.sending import TxManagerSettings
from l1_bridge.signer import LocalSigner
from l1_bridge.tx_manager import TransactionManager
from tests.fakes.l2_source import SPAN, FakeL2Source
from tests.unit.batcher.posting import add_blocks, incompressible, make_manager
from tests.unit.l1_bridge.fake_pool import FakePool, PooledTransaction

BLOBS = ChannelPolicy(DataType.BLOBS, frame_data_bytes=200, target_bytes=100_000, frames_per_transaction=9)
INBOX = b"\xff" * 20
FORK_TIME = 60
"""Five L1 blocks from the start."""


def _chain(max_before: int, max_after: int) -> L1ChainConfig:
    chain = prague_l1_chain(900)
    schedule = {"cancun": BlobParameters(1, max_before, 3338477), "prague": BlobParameters(1, max_after, 5007716)}
    return replace(chain, fork_times={"cancun": 0, "prague": FORK_TIME}, blob_schedule=schedule)


class World:
    """The submitter over a real transaction manager, a pool in memory, and L1's schedule."""

    def __init__(self, chain: L1ChainConfig) -> None:
        self.pool, self.source = FakePool(), FakeL2Source()
        ids = itertools.count(1)
        chooser = PolicyChooser(ChannelPolicy(), BLOBS, DataChoice.BLOBS, max_blobs=chain.most_blobs())
        settings = BatcherSettings(max_channel_duration_l1_blocks=0, blobs_per_transaction=9)
        sender = TransactionManager(self.pool, LocalSigner(b"\x42" * 32), TxManagerSettings(900), l1_chain=chain)
        self.submitter = BatchSubmitter(
            self.source,
            sender,
            ChannelManager(
                settings.make_limits(100, 50),
                lambda: next(ids).to_bytes(16, "big"),
                choose_policy=chooser.choose,
                span=SPAN,
            ),
            chooser=chooser,
            market=L1Market(self.pool, chain),
            inbox_address=INBOX,
            settings=settings,
            metrics=BatcherMetrics(CollectorRegistry()),
        )

    async def rounds(self, count: int, *, include: bool = True) -> None:
        """A step and an L1 block each; nothing becomes safe."""
        for _ in range(count):
            await self.submitter.step()
            self.pool.mine(include=include)

    def mined(self) -> list[int]:
        """Blobs of each transaction to the inbox that stands on L1."""
        return [len(item.blobs) for item in self._posted()]

    def has_whole_channel(self) -> bool:
        """Whether a channel stands on L1 from its first frame to its last."""
        channels: dict[bytes, ChannelAssembly] = {}
        for item in self._posted():
            for blob in item.blobs:
                for frame in decode_frames(decode_blob(blob)):
                    channels.setdefault(frame.channel_id, ChannelAssembly(frame.channel_id)).add_frame(frame)
        return any(channel.is_complete for channel in channels.values())

    def _posted(self) -> list[PooledTransaction]:
        """Those that fill a nonce go elsewhere."""
        return [item for block in self.pool.blocks for item in block.transactions if item.to == INBOX]


async def test_a_fork_that_lowers_the_limit_leaves_nothing_stuck() -> None:
    """What was written before it, is in the pool, or waits there, is written anew."""
    world = World(_chain(max_before=3, max_after=2))
    world.source.extend(1, (incompressible(500),))
    await world.rounds(2, include=False)
    assert {len(item.blobs) for item in world.pool.pool.values()} == {3}

    world.pool.pool.clear()
    world.pool.max_blobs = 2
    await world.rounds(30)

    assert world.has_whole_channel()
    assert max(world.mined()) == 2


async def test_a_fork_to_come_counts_for_nothing_now() -> None:
    world = World(_chain(max_before=2, max_after=9))
    world.source.extend(1, (incompressible(500),))
    await world.rounds(4)

    assert world.has_whole_channel()
    assert max(world.mined()) == 2


async def test_a_pool_that_takes_fewer_than_the_schedule_leaves_nothing_stuck() -> None:
    """As with a chain config that is out of date."""
    world = World(_chain(max_before=4, max_after=4))
    world.pool.max_blobs = 2
    world.source.extend(1, (incompressible(500),))
    await world.rounds(30)

    assert world.has_whole_channel()
    assert max(world.mined()) == 2
    assert world.submitter.chooser.blobs_per_transaction == 2


@pytest.mark.parametrize(("failures", "is_the_same"), [(MAX_ATTEMPTS - 1, True), (MAX_ATTEMPTS, False)])
def test_a_channel_that_fails_too_often_is_written_anew(failures: int, is_the_same: bool) -> None:
    manager = make_manager()
    add_blocks(manager, 1)
    manager.flush()
    first = manager.next_transaction_data()
    data = first
    for _ in range(failures):
        assert data is not None
        manager.failed(data.request_id)
        manager.flush()
        data = manager.next_transaction_data()

    assert first is not None
    assert data is not None
    assert (data.channel_id == first.channel_id) is is_the_same
    assert manager.requeued_channels == (0 if is_the_same else 1)
