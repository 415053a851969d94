"""The submitter, step by step, between a fake node and a fake sender."""

import itertools

import pytest
from prometheus_client import CollectorRegistry

from batcher.channel_manager import ChannelManager
from batcher.codec.batch import SingularBatch, decode_batch
from batcher.codec.channel import ChannelAssembly, read_batches
from batcher.codec.frame import decode_frames
from batcher.config import BatcherSettings
from batcher.l2_source import L2Unavailable
from batcher.metrics import BatcherMetrics
from batcher.round_trip import UnpostableTransaction, make_batch
from batcher.submitter import BatchSubmitter
from l1_bridge.errors import TemporaryError
from l1_bridge.sending import Pending
from l1_bridge.types import BlockId
from tests.fakes.l2_source import SPAN, FakeL2Source, make_l1_id
from tests.fakes.transaction_sender import FakeMarket, FakeTransactionSender

INBOX = b"\xff" * 20


class World:
    """A submitter and what is around it."""

    def __init__(self, **settings: object) -> None:
        self.source = FakeL2Source()
        self.sender = FakeTransactionSender()
        self.market = FakeMarket()
        self.registry = CollectorRegistry()
        self.ids = itertools.count(1)
        self.settings = BatcherSettings.model_validate({"max_channel_duration_l1_blocks": 0, **settings})
        self.submitter = self.make_submitter(self.registry)

    def make_submitter(self, registry: CollectorRegistry) -> BatchSubmitter:
        """A process that just started."""
        chooser = self.settings.make_chooser(max_blobs=9)
        manager = ChannelManager(
            self.settings.make_limits(100, 50),
            lambda: next(self.ids).to_bytes(16, "big"),
            choose_policy=chooser.choose,
            span=SPAN,
        )
        return BatchSubmitter(
            self.source,
            self.sender,
            manager,
            chooser=chooser,
            market=self.market,
            inbox_address=INBOX,
            settings=self.settings,
            metrics=BatcherMetrics(registry),
        )

    def posted(self, start: int = 0) -> list[SingularBatch]:
        """Batches in the submissions from that index on."""
        batches: list[SingularBatch] = []
        for submission in self.sender.submissions[start:]:
            (frame,) = decode_frames(submission.data)
            channel = ChannelAssembly(frame.channel_id)
            channel.add_frame(frame)
            assert channel.is_complete
            for raw in read_batches(channel.data):
                batch = decode_batch(raw)
                assert isinstance(batch, SingularBatch)
                batches.append(batch)
        return batches

    def expected(self, start: int, end: int) -> list[SingularBatch]:
        """Batches of the L2 blocks with these numbers, both included."""
        return [make_batch(block) for block in self.source.blocks[start - 1 : end]]

    def metric(self, name: str, **labels: str) -> float | None:
        """Value of a metric."""
        return self.registry.get_sample_value(name, labels)


async def test_blocks_above_the_safe_head_are_posted_to_the_inbox() -> None:
    world = World()
    world.source.extend(5)
    world.source.safe = 2

    await world.submitter.step()

    assert world.posted() == world.expected(3, 5)
    assert {submission.to for submission in world.sender.submissions} == {INBOX}
    assert world.metric("braid_batcher_submitted_transactions_total") == 1


async def test_nothing_is_posted_when_everything_is_safe() -> None:
    world = World()
    world.source.extend(5)
    world.source.safe = 5

    wake = await world.submitter.step()

    assert world.sender.submissions == []
    assert wake.after_seconds > 0


async def test_every_block_is_read_and_posted_once() -> None:
    world = World()
    for _ in range(4):
        world.source.extend(2)
        await world.submitter.step()
    await world.submitter.step()

    assert world.posted() == world.expected(1, 8)
    assert world.source.requests == 8


async def test_long_backlog_is_read_over_several_steps_without_a_pause() -> None:
    world = World(max_blocks_a_step=10)
    world.source.extend(25)

    wakes = [(await world.submitter.step()).after_seconds for _ in range(3)]

    assert wakes[:2] == [0, 0]
    assert wakes[2] > 0
    assert world.posted() == world.expected(1, 25)


async def test_no_more_blocks_are_held_than_allowed() -> None:
    world = World(max_held_blocks=10, max_blocks_a_step=10)
    world.source.extend(25)
    await world.submitter.step()
    await world.submitter.step()
    assert world.source.requests == 10

    world.sender.confirm(0, make_l1_id(2))
    world.source.safe, world.source.current_l1 = 10, 3
    await world.submitter.step()

    assert world.source.requests == 20


async def test_no_more_transactions_are_in_flight_than_allowed() -> None:
    world = World(max_in_flight=2)
    for _ in range(4):
        world.source.extend()
        await world.submitter.step()
    assert len(world.sender.submissions) == 2

    world.sender.confirm(0, make_l1_id(2))
    world.sender.confirm(1, make_l1_id(2))
    await world.submitter.step()

    assert world.posted() == world.expected(1, 4)


async def test_l2_reorg_below_the_tip_starts_again_at_the_safe_head() -> None:
    world = World()
    world.source.extend(5)
    world.source.safe = 1
    await world.submitter.step()

    world.source.reorg(to_number=3, count=4)
    await world.submitter.step()
    await world.submitter.step()

    assert world.posted(1) == world.expected(2, 7)
    assert world.metric("braid_batcher_restarts_total", reason="l2_reorg") == 1


@pytest.mark.parametrize("count", [1, 2])
async def test_l2_reorg_to_a_chain_that_is_not_longer_is_noticed(count: int) -> None:
    world = World()
    world.source.extend(5)
    await world.submitter.step()

    world.source.reorg(to_number=3, count=count)
    await world.submitter.step()

    assert world.posted(1) == world.expected(1, 3 + count)


async def test_extension_of_the_chain_is_no_reorg() -> None:
    world = World()
    world.source.extend(5)
    await world.submitter.step()

    world.source.extend(1)
    await world.submitter.step()

    assert world.posted(1) == world.expected(6, 6)
    assert world.metric("braid_batcher_restarts_total", reason="l2_reorg") == 0


async def test_l1_reorg_that_takes_the_safe_head_back_posts_again() -> None:
    world = World()
    world.source.extend(5)
    await world.submitter.step()
    world.sender.confirm(0, make_l1_id(5))
    world.source.safe, world.source.head_l1, world.source.current_l1 = 5, 6, 6
    await world.submitter.step()

    world.source.safe, world.source.current_l1 = 2, 5
    await world.submitter.step()

    assert world.posted(1) == world.expected(3, 5)
    assert world.metric("braid_batcher_restarts_total", reason="safe_head") == 1


async def test_batch_that_l1_holds_but_derivation_did_not_take_is_posted_again() -> None:
    world = World()
    world.source.extend(3)
    await world.submitter.step()
    world.sender.confirm(0, make_l1_id(5))
    world.source.head_l1, world.source.current_l1 = 6, 5
    await world.submitter.step()
    assert len(world.sender.submissions) == 1

    world.source.current_l1 = 6
    await world.submitter.step()

    assert world.posted(1) == world.expected(1, 3)
    assert world.metric("braid_batcher_requeued_channels") == 1


async def test_failed_transaction_is_sent_again() -> None:
    world = World()
    world.source.extend(3)
    await world.submitter.step()

    world.sender.fail(0)
    await world.submitter.step()

    assert world.posted(1) == world.expected(1, 3)
    assert world.metric("braid_batcher_failed_transactions_total") == 1


async def test_new_process_begins_at_the_safe_head() -> None:
    world = World()
    world.source.extend(5)
    await world.submitter.step()
    world.source.safe = 3

    await world.make_submitter(CollectorRegistry()).step()

    assert world.posted(1) == world.expected(4, 5)


@pytest.mark.parametrize("block", [None, 12, 13])
async def test_new_process_waits_until_what_the_old_one_handed_over_is_derived(block: int | None) -> None:
    world = World()
    world.source.extend(5)
    world.source.head_l1 = world.source.current_l1 = 12
    at = None if block is None else BlockId(block, bytes(32))
    world.sender.owed = [Pending(b"old", INBOX, b"", (), at)]
    for _ in range(2):
        await world.submitter.step()
    assert world.sender.submissions == []
    assert world.metric("braid_batcher_held_blocks") == 0

    world.sender.owed = [Pending(b"old", INBOX, b"", (), BlockId(13, bytes(32)))]
    world.source.head_l1 = world.source.current_l1 = 14
    world.source.safe = 2
    await world.submitter.step()

    assert world.posted() == world.expected(3, 5)


async def test_near_the_end_of_the_window_nothing_is_waited_for() -> None:
    world = World()
    world.source.extend(5)
    world.sender.owed = [Pending(b"old", INBOX, b"", (), None)]
    origin = world.source.blocks[0].ref.l1_origin.number
    world.source.head_l1 = world.source.current_l1 = origin + 100 - 10 - 2
    await world.submitter.step()
    assert world.sender.submissions == []

    world.source.head_l1 = world.source.current_l1 = origin + 100 - 10
    await world.submitter.step()

    assert world.posted() == world.expected(1, 5)


async def test_reset_begins_at_the_safe_head() -> None:
    world = World()
    world.source.extend(3)
    await world.submitter.step()

    await world.submitter.reset()
    await world.submitter.step()

    assert world.posted(1) == world.expected(1, 3)


async def test_node_that_is_away_is_temporary_and_loses_nothing() -> None:
    world = World()
    world.source.extend(3)
    world.source.is_away = True
    with pytest.raises(L2Unavailable):
        await world.submitter.step()

    world.source.is_away = False
    await world.submitter.step()

    assert world.posted() == world.expected(1, 3)


async def test_sender_without_room_is_temporary_and_loses_nothing() -> None:
    world = World()
    world.source.extend(3)
    world.sender.is_full = True
    with pytest.raises(TemporaryError):
        await world.submitter.step()

    world.sender.is_full = False
    await world.submitter.step()

    assert world.posted() == world.expected(1, 3)


async def test_block_that_no_verifier_would_take_stops_the_batcher() -> None:
    world = World()
    world.source.extend(1, (b"\x03blob",))

    with pytest.raises(UnpostableTransaction):
        await world.submitter.step()

    assert world.sender.submissions == []


async def test_flush_posts_what_is_not_due_yet() -> None:
    world = World(max_channel_duration_l1_blocks=50)
    world.source.extend(3)
    await world.submitter.step()
    assert world.sender.submissions == []

    await world.submitter.flush()

    assert world.posted() == world.expected(1, 3)


async def test_block_is_posted_before_its_sequencing_window_ends() -> None:
    world = World(max_channel_duration_l1_blocks=1000)
    world.source.extend(1)
    await world.submitter.step()
    origin = world.source.blocks[0].ref.l1_origin.number

    world.source.head_l1 = origin + 100 - 10 - 1
    await world.submitter.step()
    assert world.sender.submissions == []
    world.source.head_l1 += 1
    await world.submitter.step()

    assert world.posted() == world.expected(1, 1)
