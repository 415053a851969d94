"""Batches in blobs: read in their order beside calldata, void when they hold nothing, waited for when they are away."""

import pytest

from batcher.codec.blob import BLOB_BYTES, encode_blob
from batcher.codec.frame import encode_frames_data
from l1_bridge.beacon_client import BlobsMissing, NoBeacon
from l1_bridge.system_config import UPDATE_BATCHER
from sequencer.derivation.driver import DerivationService
from tests.factories import address
from tests.unit.derivation.story import BATCHER, L1_CONFIG, Story
from tests.unit.derivation.test_bad_l1_data import Counted, start


async def test_frames_of_one_channel_stand_in_several_blobs_and_in_calldata(story: Story) -> None:
    await start(story, 3)
    counted = Counted()
    first, second, third, fourth = story.frames_of(1, 3, frames=4)
    story.post_blobs(encode_frames_data([first]), encode_frames_data([second]))
    story.post_data(encode_frames_data([third]))
    story.post_blobs(encode_frames_data([fourth]))
    story.l1.act_mine()

    await story.replica.derive()

    assert story.replica.chain.heads.safe == story.sequencer.chain.heads.unsafe
    assert counted.since("transactions") == {"blobs": 2, "read": 1}
    assert counted.since("blobs") == {"read": 3}


async def test_calldata_of_a_blob_transaction_is_ignored(story: Story) -> None:
    await start(story)
    story.post_blobs(b"\x00", data=encode_frames_data(story.frames_of(1, 2)))
    story.l1.act_mine()
    await story.replica.derive()

    assert story.replica.chain.heads.safe.number == 0


@pytest.mark.parametrize(
    "blob",
    [
        bytes(BLOB_BYTES),
        b"\x80" + bytes(BLOB_BYTES - 1),
        b"\x00\x01" + bytes(BLOB_BYTES - 2),
        encode_blob(b"\x00short")[:-1] + b"\x01",
        encode_blob(b"\x01 another version of data"),
        encode_blob(b"\x00 no frame"),
    ],
    ids=["no data", "element too large", "another encoding", "something behind", "another version", "no frame"],
)
async def test_a_void_blob_takes_nothing_else_along(story: Story, blob: bytes) -> None:
    await start(story)
    frames = story.frames_of(1, 2, frames=2)
    story.post_raw_blobs(encode_blob(encode_frames_data(frames[:1])), blob, encode_blob(encode_frames_data(frames[1:])))
    story.l1.act_mine()
    await story.replica.derive()

    assert story.replica.chain.heads.safe.number == 2


async def test_a_blob_that_is_away_is_waited_for_and_never_passed_by(story: Story) -> None:
    await start(story)
    story.post_blobs(encode_frames_data(story.frames_of(1, 1)))
    story.l1.act_mine()
    story.post(2, 2)
    story.l1.act_mine()
    taken = dict(story.l1.kept_blobs)
    story.l1.kept_blobs.clear()
    for _ in range(3):
        with pytest.raises(BlobsMissing) as caught:
            await story.replica.derive()
    assert caught.value.missing == taken.keys()
    assert caught.value.block == story.l1.header(2)
    assert story.replica.chain.heads.safe.number == 0

    story.l1.kept_blobs.update(taken)
    await story.replica.derive()

    assert story.replica.chain.heads.safe.number == 2


async def test_somebody_elses_blobs_are_not_asked_for(story: Story) -> None:
    await start(story)
    story.l1.queue_blob_transaction(address(5), story.rollup.batch_inbox_address, blobs=[encode_blob(b"\x00")])
    story.l1.queue_blob_transaction(address(BATCHER), address(6), blobs=[encode_blob(b"\x00")])
    story.post(1, 2)
    story.l1.act_mine()

    await story.replica.derive()

    assert story.replica.chain.heads.safe.number == 2
    assert story.l1.reads["blobs"] == 0


async def test_the_batcher_of_the_very_block_decides_whose_blobs_count(story: Story) -> None:
    await start(story)
    story.l1.queue_config_update(story.rollup.l1_system_config_address, UPDATE_BATCHER, address(5).rjust(32, b"\x00"))
    story.post_blobs(encode_frames_data(story.frames_of(1, 1)))
    new_batcher, inbox = address(5), story.rollup.batch_inbox_address
    blob = encode_blob(encode_frames_data(story.frames_of(1, 2)))
    story.l1.queue_blob_transaction(new_batcher, inbox, blobs=[blob])
    story.l1.act_mine()
    counted = Counted()

    await story.replica.derive()

    assert story.replica.chain.heads.safe.number == 2
    assert counted.since("transactions") == {"foreign": 1, "blobs": 1}


async def test_without_a_beacon_node_blobs_are_waited_for(story: Story) -> None:
    await start(story)
    story.post_blobs(encode_frames_data(story.frames_of(1, 2)))
    story.l1.act_mine()
    node = story.replica
    service = DerivationService(
        node.chain, node.thread, story.l1, lambda: node.tracker.heads, story.rollup, L1_CONFIG, blobs=NoBeacon()
    )
    await node.tracker.step()

    async def derive() -> None:
        for _ in range(20):
            await service.step()

    with pytest.raises(BlobsMissing, match="no beacon node is configured"):
        await derive()
