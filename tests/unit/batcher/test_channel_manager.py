"""The channel manager: closing, order, failure, timeout, reorgs, and the check before anything is posted."""

import itertools
import zlib
from dataclasses import replace

import pytest

from batcher.channel_manager import ChannelLimits, ChannelManager, L2Reorg, NotStarted
from batcher.channel_state import (
    ChannelMismatch,
    TransactionData,
    UnpostableTransaction,
    check_round_trip,
    make_batch,
)
from batcher.codec.batch import SingularBatch, decode_batch
from batcher.codec.channel import ChannelAssembly, ChannelWriter, cut_frames, read_batches
from batcher.codec.frame import decode_frames, encode_frames_data
from batcher.l2_source import L2BlockData, L2BlockRef
from tests.fakes.l2_source import GENESIS, make_l1_id, make_l2_block

LIMITS = ChannelLimits(
    max_frame_data_bytes=1000,
    target_bytes=100_000,
    max_duration_l1_blocks=2,
    channel_timeout_l1_blocks=50,
    sequencing_window_l1_blocks=100,
    safety_margin_l1_blocks=5,
)


def _make_manager(**changes: int) -> ChannelManager:
    ids = itertools.count(1)
    manager = ChannelManager(replace(LIMITS, **changes), lambda: next(ids).to_bytes(16, "big"))
    manager.restart(GENESIS)
    manager.l1_advanced(10)
    return manager


def _incompressible(size: int, seed: int = 0) -> bytes:
    state, out = seed + 1, bytearray(b"\x02")
    while len(out) < size:
        state = state * 6364136223846793005 + 1442695040888963407 & (1 << 64) - 1
        out.append(state >> 56)
    return bytes(out)


def _add(manager: ChannelManager, count: int, size: int = 100, origin: int = 10) -> list[L2BlockData]:
    blocks: list[L2BlockData] = []
    for _ in range(count):
        assert manager.tip is not None
        block = make_l2_block(manager.tip, (_incompressible(size, manager.tip.number),), origin=origin)
        manager.add_block(block)
        blocks.append(block)
    return blocks


def _take_all(manager: ChannelManager) -> list[TransactionData]:
    return list(iter(manager.next_transaction_data, None))


def _read(data: list[TransactionData]) -> list[SingularBatch]:
    """Batches of the channels that these transactions carry, as a verifier reads them."""
    batches: list[SingularBatch] = []
    channel: ChannelAssembly | None = None
    for frame in (frame for piece in data for frame in decode_frames(piece.data)):
        if frame.number == 0:
            channel = ChannelAssembly(frame.channel_id)
        assert channel is not None
        channel.add_frame(frame)
        if channel.is_complete:
            for batch in map(decode_batch, read_batches(channel.data)):
                assert isinstance(batch, SingularBatch)
                batches.append(batch)
    return batches


def test_blocks_come_out_as_batches_in_order() -> None:
    manager = _make_manager()
    blocks = _add(manager, 20, size=300)
    assert manager.next_transaction_data() is None

    manager.l1_advanced(12)
    data = _take_all(manager)

    assert len(data) > 3
    assert _read(data) == [make_batch(block) for block in blocks]
    assert len({piece.request_id for piece in data}) == len(data) == manager.in_flight


def test_channel_stays_open_one_l1_block_before_its_duration() -> None:
    manager = _make_manager()
    _add(manager, 1)
    assert manager.next_transaction_data() is None

    manager.l1_advanced(11)
    assert manager.next_transaction_data() is None
    manager.l1_advanced(12)

    assert manager.next_transaction_data() is not None


def test_channel_closes_when_it_is_large_enough() -> None:
    manager = _make_manager(target_bytes=2000)
    _add(manager, 1, size=1500)
    assert manager.next_transaction_data() is None

    _add(manager, 1, size=1500)

    assert _take_all(manager)


def test_many_large_blocks_fill_several_channels() -> None:
    manager = _make_manager(target_bytes=2000)
    blocks = _add(manager, 9, size=1500)
    manager.l1_advanced(12)
    data = _take_all(manager)
    assert len({piece.channel_id for piece in data}) == 4

    manager.l1_advanced(14)
    data += _take_all(manager)

    assert len({piece.channel_id for piece in data}) == 5
    assert _read(data) == [make_batch(block) for block in blocks]


@pytest.mark.parametrize(("l1_head", "is_due"), [(104, False), (105, True)])
def test_channel_closes_before_the_sequencing_window_does(l1_head: int, is_due: bool) -> None:
    manager = _make_manager(max_duration_l1_blocks=1000)
    _add(manager, 1, origin=10)
    assert manager.next_transaction_data() is None

    manager.l1_advanced(l1_head)

    assert (manager.next_transaction_data() is not None) is is_due


def test_flush_closes_a_young_channel() -> None:
    manager = _make_manager()
    blocks = _add(manager, 3)
    assert manager.next_transaction_data() is None

    manager.flush()

    assert _read(_take_all(manager)) == [make_batch(block) for block in blocks]


def test_block_that_does_not_follow_is_a_reorg_and_changes_nothing() -> None:
    manager = _make_manager()
    _add(manager, 2)
    tip = manager.tip

    with pytest.raises(L2Reorg):
        manager.add_block(make_l2_block(GENESIS, branch="other"))

    assert manager.tip == tip
    assert manager.held_blocks == 2


def test_blocks_before_a_start_are_refused() -> None:
    manager = ChannelManager(LIMITS, lambda: bytes(16))

    with pytest.raises(NotStarted):
        manager.add_block(make_l2_block(GENESIS))


@pytest.mark.parametrize("transaction", [b"", b"\x7edeposit", b"\x03blob", b"\x05", b"\x00", b"\x7f", b"\xbf"])
def test_transaction_that_would_void_its_batch_stops_everything(transaction: bytes) -> None:
    manager = _make_manager()
    manager.add_block(make_l2_block(GENESIS, (b"\x02good", transaction)))

    with pytest.raises(UnpostableTransaction) as caught:
        manager.next_transaction_data()

    assert (caught.value.block_number, caught.value.index) == (1, 1)


@pytest.mark.parametrize("transaction", [b"\x01", b"\x02", b"\x04", b"\xc0", b"\xf8legacy"])
def test_transaction_of_a_type_that_batches_hold_is_posted(transaction: bytes) -> None:
    manager = _make_manager(max_duration_l1_blocks=0)
    manager.add_block(make_l2_block(GENESIS, (transaction,)))

    assert _read(_take_all(manager))[0].transactions == (transaction,)


def test_failed_newest_frame_is_handed_out_again() -> None:
    manager = _make_manager()
    blocks = _add(manager, 10, size=300)
    manager.flush()
    data = _take_all(manager)

    manager.failed(data[-1].request_id)
    again = _take_all(manager)

    assert [piece.data for piece in again] == [data[-1].data]
    assert again[0].request_id != data[-1].request_id
    assert _read(data[:-1] + again) == [make_batch(block) for block in blocks]


def test_failed_older_frame_takes_the_frames_behind_it_along() -> None:
    manager = _make_manager()
    blocks = _add(manager, 10, size=300)
    manager.flush()
    data = _take_all(manager)
    assert len(data) >= 3

    manager.failed(data[0].request_id)
    manager.flush()
    again = _take_all(manager)

    assert again[0].channel_id != data[0].channel_id
    assert _read(again) == [make_batch(block) for block in blocks]
    assert manager.requeued_channels == 1


def test_failed_frame_takes_later_channels_along() -> None:
    manager = _make_manager(target_bytes=500, max_frame_data_bytes=100_000)
    blocks = _add(manager, 3, size=1000)
    manager.flush()
    data = _take_all(manager)
    assert len({piece.channel_id for piece in data}) == 3

    manager.failed(data[1].request_id)
    manager.flush()

    assert _read(_take_all(manager)) == [make_batch(block) for block in blocks[1:]]


def test_outcome_of_work_that_was_given_up_is_ignored() -> None:
    manager = _make_manager()
    _add(manager, 10, size=300)
    manager.flush()
    data = _take_all(manager)
    manager.failed(data[0].request_id)

    manager.failed(data[1].request_id)
    manager.confirmed(data[2].request_id, make_l1_id(13))

    assert manager.in_flight == 0
    assert manager.held_blocks == 10


def test_returned_frame_comes_again_under_the_same_name() -> None:
    manager = _make_manager(max_duration_l1_blocks=0)
    _add(manager, 1)
    data = manager.next_transaction_data()
    assert data is not None

    manager.returned(data.request_id)

    assert manager.in_flight == 0
    assert manager.next_transaction_data() == data


def _post(manager: ChannelManager, *inclusions: int) -> list[TransactionData]:
    """Post one channel of as many frames, and confirm them in these L1 blocks."""
    manager.flush()
    data = _take_all(manager)
    assert len(data) == len(inclusions)
    for piece, number in zip(data, inclusions, strict=True):
        manager.confirmed(piece.request_id, make_l1_id(number))
    return data


@pytest.mark.parametrize(("last", "requeued"), [(62, 0), (63, 1)])
def test_channel_whose_frames_stand_too_far_apart_is_posted_again(last: int, requeued: int) -> None:
    manager = _make_manager()
    _add(manager, 1, size=1800)

    _post(manager, 12, last)

    assert manager.requeued_channels == requeued
    assert manager.held_blocks == 1


def test_channel_whose_frames_stand_in_wrong_order_is_posted_again() -> None:
    manager = _make_manager()
    _add(manager, 1, size=1800)

    _post(manager, 13, 12)

    assert manager.requeued_channels == 1


@pytest.mark.parametrize(("second", "requeued"), [(12, 1), (13, 0)])
def test_channel_that_stands_before_the_one_it_follows_is_posted_again(second: int, requeued: int) -> None:
    manager = _make_manager()
    _add(manager, 1)
    _post(manager, 13)
    _add(manager, 1)

    _post(manager, second)

    assert manager.requeued_channels == requeued


@pytest.mark.parametrize(("l1_head", "requeued"), [(67, 0), (68, 1)])
def test_channel_that_can_no_longer_be_complete_in_time_is_given_up(l1_head: int, requeued: int) -> None:
    manager = _make_manager()
    _add(manager, 1, size=1800)
    manager.flush()
    data = _take_all(manager)
    manager.confirmed(data[0].request_id, make_l1_id(12))

    manager.l1_advanced(l1_head)

    assert manager.requeued_channels == requeued


def _refs(blocks: list[L2BlockData]) -> list[L2BlockRef]:
    return [block.ref for block in blocks]


def test_safe_blocks_are_forgotten_channel_by_channel() -> None:
    manager = _make_manager()
    refs = _refs(_add(manager, 2))
    _post(manager, 12)
    refs += _refs(_add(manager, 2))
    _post(manager, 13)

    assert manager.safe_head_advanced(refs[0], 12)
    assert manager.held_blocks == 4
    assert manager.safe_head_advanced(refs[1], 13)
    assert manager.held_blocks == 2
    assert manager.safe_head_advanced(refs[3], 14)
    assert manager.held_blocks == 0
    assert manager.tip == refs[3]


def test_blocks_that_became_safe_without_us_are_not_posted() -> None:
    manager = _make_manager()
    refs = _refs(_add(manager, 3))
    assert manager.next_transaction_data() is None

    assert manager.safe_head_advanced(refs[2], 12)
    manager.flush()

    assert _take_all(manager) == []


@pytest.mark.parametrize(("derived_l1", "requeued"), [(13, 0), (14, 1)])
def test_channel_that_derivation_read_without_taking_it_is_posted_again(derived_l1: int, requeued: int) -> None:
    manager = _make_manager()
    blocks = _add(manager, 2)
    _post(manager, 13)

    assert manager.safe_head_advanced(GENESIS, derived_l1)
    manager.flush()

    assert manager.requeued_channels == requeued
    assert _read(_take_all(manager)) == ([make_batch(block) for block in blocks] if requeued else [])


def test_channel_that_was_taken_in_part_is_posted_again_for_the_rest() -> None:
    manager = _make_manager()
    blocks = _add(manager, 3)
    _post(manager, 13)

    assert manager.safe_head_advanced(blocks[0].ref, 14)
    manager.flush()

    assert _read(_take_all(manager)) == [make_batch(block) for block in blocks[1:]]


def test_safe_head_on_another_branch_asks_for_a_restart() -> None:
    manager = _make_manager()
    blocks = _add(manager, 2)
    other = replace(blocks[0].ref, hash=b"\x99" * 32)

    assert not manager.safe_head_advanced(other, 12)
    assert manager.held_blocks == 2
    assert manager.safe_head_advanced(blocks[0].ref, 12)


def test_safe_head_above_everything_held_asks_for_a_restart() -> None:
    manager = _make_manager()
    (block,) = _add(manager, 1)

    assert not manager.safe_head_advanced(make_l2_block(block.ref).ref, 12)


def test_safe_head_that_an_l1_reorg_took_below_what_is_held_asks_for_a_restart() -> None:
    manager = _make_manager()
    refs = _refs(_add(manager, 3))
    _post(manager, 12)
    assert manager.safe_head_advanced(refs[2], 13)

    assert not manager.safe_head_advanced(refs[0], 12)
    manager.restart(refs[0])

    assert manager.tip == refs[0]


def test_confirmation_told_again_in_another_block_replaces_the_first() -> None:
    manager = _make_manager()
    _add(manager, 1)
    (data,) = _post(manager, 13)

    manager.confirmed(data.request_id, make_l1_id(20))

    assert manager.safe_head_advanced(GENESIS, 20)
    assert manager.requeued_channels == 0


def test_restart_forgets_everything_in_flight() -> None:
    manager = _make_manager()
    _add(manager, 5)
    manager.flush()
    (data,) = _take_all(manager)

    manager.restart(GENESIS)
    manager.failed(data.request_id)

    assert (manager.held_blocks, manager.in_flight, manager.tip) == (0, 0, GENESIS)
    assert manager.next_transaction_data() is None


def _payloads(blocks: list[L2BlockData]) -> tuple[bytes, ...]:
    writer = ChannelWriter()
    for block in blocks:
        writer.add_batch(make_batch(block))
    frames = cut_frames(b"\x01" * 16, writer.close(), 40)
    return tuple(encode_frames_data([frame]) for frame in frames)


def test_what_decodes_to_the_blocks_passes_and_anything_else_stops() -> None:
    """Law 8: nothing is posted that was not decoded again and compared."""
    first = make_l2_block(GENESIS, (b"\x02one", b"\x02two"))
    blocks = [first, make_l2_block(first.ref)]
    payloads = _payloads(blocks)
    assert len(payloads) > 2

    check_round_trip(b"\x01" * 16, payloads, blocks)
    swapped = replace(first, transactions=(b"\x02two", b"\x02one"))
    wrong: list[tuple[tuple[bytes, ...], list[L2BlockData]]] = [
        (payloads, blocks[:1]),
        (payloads, [swapped, blocks[1]]),
        (payloads[:-1], blocks),
        (payloads[1:], blocks),
        ((payloads[1], payloads[0], *payloads[2:]), blocks),
        ((payloads[0][:-1], *payloads[1:]), blocks),
    ]
    for bad_payloads, expected in wrong:
        with pytest.raises(ChannelMismatch):
            check_round_trip(b"\x01" * 16, bad_payloads, expected)


def test_flipped_bit_of_a_payload_is_noticed_unless_zlib_reads_the_same_from_it() -> None:
    """Law 8, exhaustively for one small channel; some bits of a deflate stream mean nothing."""
    blocks = [make_l2_block(GENESIS)]
    writer = ChannelWriter()
    writer.add_batch(make_batch(blocks[0]))
    (frame,) = cut_frames(b"\x01" * 16, writer.close(), 1000)
    payload = encode_frames_data([frame])

    unnoticed: list[bytes] = []
    for bit in range(len(payload) * 8):
        flipped = bytearray(payload)
        flipped[bit // 8] ^= 1 << bit % 8
        try:
            check_round_trip(b"\x01" * 16, (bytes(flipped),), blocks)
        except ChannelMismatch:
            continue
        unnoticed.append(bytes(flipped))

    assert len(unnoticed) < 8
    for same in unnoticed:
        (read,) = decode_frames(same)
        assert zlib.decompress(read.data) == zlib.decompress(frame.data)
