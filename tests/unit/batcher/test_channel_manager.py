"""The channel manager: closing, order, failure, and timeout."""

from dataclasses import replace

import pytest

from batcher.channel_manager import ChannelManager, L2Reorg, NotStarted
from batcher.round_trip import UnpostableTransaction, make_batch
from tests.fakes.l2_source import GENESIS, SPAN, make_l1_id, make_l2_block
from tests.unit.batcher.posting import LIMITS, POLICY, add_blocks, make_manager, post_channel, read_back, take_all


def test_blocks_come_out_as_batches_in_order() -> None:
    manager = make_manager()
    blocks = add_blocks(manager, 20, size=300)
    assert manager.next_transaction_data() is None

    manager.l1_advanced(12)
    data = take_all(manager)

    assert len(data) > 3
    assert read_back(data) == [make_batch(block) for block in blocks]
    assert len({piece.request_id for piece in data}) == len(data) == manager.in_flight


def test_channel_stays_open_one_l1_block_before_its_duration() -> None:
    manager = make_manager()
    add_blocks(manager, 1)
    assert manager.next_transaction_data() is None

    manager.l1_advanced(11)
    assert manager.next_transaction_data() is None
    manager.l1_advanced(12)

    assert manager.next_transaction_data() is not None


def test_channel_closes_when_it_is_large_enough() -> None:
    manager = make_manager(replace(POLICY, target_bytes=2000))
    add_blocks(manager, 1, size=1500)
    assert manager.next_transaction_data() is None

    add_blocks(manager, 1, size=1500)

    assert take_all(manager)


def test_many_large_blocks_fill_several_channels() -> None:
    manager = make_manager(replace(POLICY, target_bytes=3500))
    blocks = add_blocks(manager, 9, size=1500)
    manager.l1_advanced(12)
    data = take_all(manager)
    assert len({piece.channel_id for piece in data}) == 4

    manager.l1_advanced(14)
    data += take_all(manager)

    assert len({piece.channel_id for piece in data}) == 5
    assert read_back(data) == [make_batch(block) for block in blocks]


@pytest.mark.parametrize(("l1_head", "is_due"), [(104, False), (105, True)])
def test_channel_closes_before_the_sequencing_window_does(l1_head: int, is_due: bool) -> None:
    manager = make_manager(max_duration_l1_blocks=1000)
    add_blocks(manager, 1, origin=10)
    assert manager.next_transaction_data() is None

    manager.l1_advanced(l1_head)

    assert (manager.next_transaction_data() is not None) is is_due


def test_flush_closes_a_young_channel() -> None:
    manager = make_manager()
    blocks = add_blocks(manager, 3)
    assert manager.next_transaction_data() is None

    manager.flush()

    assert read_back(take_all(manager)) == [make_batch(block) for block in blocks]


def test_block_that_does_not_follow_is_a_reorg_and_changes_nothing() -> None:
    manager = make_manager()
    add_blocks(manager, 2)
    tip = manager.tip

    with pytest.raises(L2Reorg):
        manager.add_block(make_l2_block(GENESIS, branch="other"))

    assert manager.tip == tip
    assert manager.held_blocks == 2


def test_blocks_before_a_start_are_refused() -> None:
    manager = ChannelManager(LIMITS, lambda: bytes(16), choose_policy=lambda: POLICY, span=SPAN)

    with pytest.raises(NotStarted):
        manager.add_block(make_l2_block(GENESIS))


@pytest.mark.parametrize("transaction", [b"", b"\x7edeposit", b"\x03blob", b"\x05", b"\x00", b"\x7f", b"\xbf"])
def test_transaction_that_would_void_its_batch_stops_everything(transaction: bytes) -> None:
    manager = make_manager()
    manager.add_block(make_l2_block(GENESIS, (b"\x02good", transaction)))

    with pytest.raises(UnpostableTransaction) as caught:
        manager.next_transaction_data()

    assert (caught.value.block_number, caught.value.index) == (1, 1)


@pytest.mark.parametrize("transaction", [b"\x01", b"\x02", b"\x04", b"\xc0", b"\xf8legacy"])
def test_transaction_of_a_type_that_batches_hold_is_posted(transaction: bytes) -> None:
    manager = make_manager(max_duration_l1_blocks=0)
    manager.add_block(make_l2_block(GENESIS, (transaction,)))

    assert read_back(take_all(manager))[0].transactions == (transaction,)


def test_failed_newest_frame_is_handed_out_again() -> None:
    manager = make_manager()
    blocks = add_blocks(manager, 10, size=300)
    manager.flush()
    data = take_all(manager)

    manager.failed(data[-1].request_id)
    again = take_all(manager)

    assert [piece.payload for piece in again] == [data[-1].payload]
    assert again[0].request_id != data[-1].request_id
    assert read_back(data[:-1] + again) == [make_batch(block) for block in blocks]


def test_failed_older_frame_takes_the_frames_behind_it_along() -> None:
    manager = make_manager()
    blocks = add_blocks(manager, 10, size=300)
    manager.flush()
    data = take_all(manager)
    assert len(data) >= 3

    manager.failed(data[0].request_id)
    manager.flush()
    again = take_all(manager)

    assert again[0].channel_id != data[0].channel_id
    assert read_back(again) == [make_batch(block) for block in blocks]
    assert manager.requeued_channels == 1


def test_failed_frame_takes_later_channels_along() -> None:
    manager = make_manager(replace(POLICY, target_bytes=500, frame_data_bytes=100_000))
    blocks = add_blocks(manager, 3, size=1000)
    manager.flush()
    data = take_all(manager)
    assert len({piece.channel_id for piece in data}) == 3

    manager.failed(data[1].request_id)
    manager.flush()

    assert read_back(take_all(manager)) == [make_batch(block) for block in blocks[1:]]


def test_outcome_of_work_that_was_given_up_is_ignored() -> None:
    manager = make_manager()
    add_blocks(manager, 10, size=300)
    manager.flush()
    data = take_all(manager)
    manager.failed(data[0].request_id)

    manager.failed(data[1].request_id)
    manager.confirmed(data[2].request_id, make_l1_id(13))

    assert manager.in_flight == 0
    assert manager.held_blocks == 10


def test_returned_frame_comes_again_under_the_same_name() -> None:
    manager = make_manager(max_duration_l1_blocks=0)
    add_blocks(manager, 1)
    data = manager.next_transaction_data()
    assert data is not None

    manager.returned(data.request_id)

    assert manager.in_flight == 0
    assert manager.next_transaction_data() == data


@pytest.mark.parametrize(("last", "requeued"), [(62, 0), (63, 1)])
def test_channel_whose_frames_stand_too_far_apart_is_posted_again(last: int, requeued: int) -> None:
    manager = make_manager()
    add_blocks(manager, 1, size=1800)

    post_channel(manager, 12, last)

    assert manager.requeued_channels == requeued
    assert manager.held_blocks == 1


def test_channel_whose_frames_stand_in_wrong_order_is_posted_again() -> None:
    manager = make_manager()
    add_blocks(manager, 1, size=1800)

    post_channel(manager, 13, 12)

    assert manager.requeued_channels == 1


@pytest.mark.parametrize(("second", "requeued"), [(12, 1), (13, 0)])
def test_channel_that_stands_before_the_one_it_follows_is_posted_again(second: int, requeued: int) -> None:
    manager = make_manager()
    add_blocks(manager, 1)
    post_channel(manager, 13)
    add_blocks(manager, 1)

    post_channel(manager, second)

    assert manager.requeued_channels == requeued


@pytest.mark.parametrize(("l1_head", "requeued"), [(67, 0), (68, 1)])
def test_channel_that_can_no_longer_be_complete_in_time_is_given_up(l1_head: int, requeued: int) -> None:
    manager = make_manager()
    add_blocks(manager, 1, size=1800)
    manager.flush()
    data = take_all(manager)
    manager.confirmed(data[0].request_id, make_l1_id(12))

    manager.l1_advanced(l1_head)

    assert manager.requeued_channels == requeued
