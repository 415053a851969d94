"""A channel that takes blocks: it keeps to its target, in every way of writing it, and reads back."""

from dataclasses import replace

import pytest

from batcher.channel_policy import MAX_BLOB_FRAME_DATA_BYTES, BatchType, ChannelPolicy, DataType
from batcher.codec.compression import Compression
from batcher.l2_source import L2BlockData
from batcher.open_channel import OpenChannel
from batcher.round_trip import ChannelMismatch, Payload, check_round_trip
from tests.factories import CHAIN_ID, make_transaction, private_key
from tests.fakes.l2_source import GENESIS, SPAN, make_l2_block

CHAIN = replace(SPAN, chain_id=CHAIN_ID)
CHANNEL_ID = b"\x07" * 16

WRITINGS = [
    pytest.param(batch_type, compression, id=f"{batch_type}-{compression.value}")
    for batch_type in BatchType
    for compression in Compression
]


def _blocks(count: int, transactions: int = 4) -> list[L2BlockData]:
    """Blocks of transfers to recipients that look random."""
    blocks: list[L2BlockData] = []
    parent = GENESIS
    for number in range(count):
        raws = tuple(
            make_transaction(
                nonce=number, key=private_key(index), to=bytes([number, index, 7 * number % 256]) * 6 + b"\0\0"
            ).raw
            for index in range(transactions)
        )
        block = make_l2_block(parent, raws, origin=number // 3)
        is_first = number % 3 == 0
        blocks.append(replace(block, ref=replace(block.ref, sequence_number=0 if is_first else number % 3)))
        parent = block.ref
    return blocks


def _open(policy: ChannelPolicy) -> OpenChannel:
    return OpenChannel(CHANNEL_ID, 0, policy=policy, span=CHAIN)


@pytest.mark.parametrize(("batch_type", "compression"), WRITINGS)
def test_a_channel_takes_as_much_as_its_target_allows(batch_type: BatchType, compression: Compression) -> None:
    blocks = _blocks(24)
    channel = _open(ChannelPolicy(DataType.CALLDATA, batch_type, compression, 1_000, target_bytes=4_000))
    left: list[L2BlockData] = []
    for block in blocks:
        left = channel.add_block(block)
        if channel.is_full:
            break
    posted = channel.close()

    assert left
    assert [*posted.blocks, *left] == blocks[: len(posted.blocks) + len(left)]
    assert 3_000 < posted.data_bytes <= 4_000
    assert len(posted.payloads) == 4


@pytest.mark.parametrize(("batch_type", "compression"), WRITINGS)
def test_a_block_above_the_target_has_a_channel_of_its_own(batch_type: BatchType, compression: Compression) -> None:
    first, second = _blocks(2, transactions=8)
    channel = _open(ChannelPolicy(DataType.CALLDATA, batch_type, compression, 100, target_bytes=300))

    assert channel.add_block(first) == []
    assert channel.is_full
    assert channel.add_block(second) == [second]
    assert channel.close().blocks == (first,)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_frames_share_transactions(count: int) -> None:
    channel = _open(ChannelPolicy(frame_data_bytes=200, frames_per_transaction=count))
    for block in _blocks(3):
        channel.add_block(block)
    posted = channel.close()
    frames = [len(list(payload.read_frames())) for payload in posted.payloads]

    assert set(frames[:-1]) == {count}
    assert 0 < frames[-1] <= count


def test_blobs_share_transactions_and_hold_a_frame_each() -> None:
    policy = ChannelPolicy(DataType.BLOBS, BatchType.SPAN, Compression.BROTLI_9, 500, frames_per_transaction=2)
    channel = _open(policy)
    for block in _blocks(4):
        channel.add_block(block)
    posted = channel.close()

    assert [len(payload.blobs) for payload in posted.payloads[:-1]] == [2] * (len(posted.payloads) - 1)
    assert all(payload.data == b"" for payload in posted.payloads)
    assert posted.payloads[0].size_bytes == 2 * 131_072


def test_a_full_frame_fits_a_blob() -> None:
    channel = _open(replace(ChannelPolicy(DataType.BLOBS), frame_data_bytes=MAX_BLOB_FRAME_DATA_BYTES))
    block = make_l2_block(GENESIS, (b"\x02" + bytes(range(256)) * 10,))
    channel.add_block(block)

    assert len(channel.close().payloads) == 1


@pytest.mark.parametrize("data_type", DataType)
def test_a_span_channel_that_says_something_else_is_never_posted(data_type: DataType) -> None:
    """Law 8, for each thing that a span batch says of a block."""
    blocks = _blocks(4)
    channel = _open(ChannelPolicy(data_type, BatchType.SPAN, Compression.BROTLI_9, 1_000))
    for block in blocks:
        channel.add_block(block)
    payloads = channel.close().payloads
    first, last = blocks[0], blocks[-1]
    wrong = [
        blocks[:-1],
        blocks[1:],
        [*blocks, make_l2_block(last.ref)],
        [replace(first, ref=replace(first.ref, parent_hash=b"\x09" * 32)), *blocks[1:]],
        [replace(first, ref=replace(first.ref, sequence_number=1)), *blocks[1:]],
        [*blocks[:-1], replace(last, transactions=last.transactions[::-1])],
        [*blocks[:-1], replace(last, transactions=last.transactions[:-1])],
        [*blocks[:-1], replace(last, ref=replace(last.ref, timestamp=last.ref.timestamp + 1))],
        [*blocks[:-1], replace(last, ref=replace(last.ref, l1_origin=replace(last.ref.l1_origin, hash=bytes(32))))],
    ]
    check_round_trip(CHANNEL_ID, payloads, blocks, CHAIN)

    for expected in wrong:
        with pytest.raises(ChannelMismatch):
            check_round_trip(CHANNEL_ID, payloads, expected, CHAIN)


def test_a_damaged_blob_is_never_posted() -> None:
    """Law 8: what does not read back is noticed, as a verifier would."""
    channel = _open(ChannelPolicy(DataType.BLOBS))
    block = _blocks(1)[0]
    channel.add_block(block)
    (payload,) = channel.close().payloads
    damaged = bytearray(payload.blobs[0])
    damaged[0] = 0x40

    with pytest.raises(ChannelMismatch):
        check_round_trip(CHANNEL_ID, (Payload(b"", (bytes(damaged),)),), [block], CHAIN)
