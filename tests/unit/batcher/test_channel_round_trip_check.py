"""Law 8: nothing is posted that was not decoded again and compared."""

import zlib
from dataclasses import replace

import pytest

from batcher.codec.channel import ChannelWriter, cut_frames
from batcher.codec.frame import decode_frames, encode_frames_data
from batcher.l2_source import L2BlockData
from batcher.round_trip import ChannelMismatch, Payload, check_round_trip, make_batch
from tests.fakes.l2_source import GENESIS, SPAN, make_l2_block


def _payloads(blocks: list[L2BlockData]) -> tuple[Payload, ...]:
    writer = ChannelWriter()
    for block in blocks:
        writer.add_batch(make_batch(block))
    frames = cut_frames(b"\x01" * 16, writer.close(), 40)
    return tuple(Payload(encode_frames_data([frame])) for frame in frames)


def test_what_decodes_to_the_blocks_passes_and_anything_else_stops() -> None:
    """Law 8: nothing is posted that was not decoded again and compared."""
    first = make_l2_block(GENESIS, (b"\x02one", b"\x02two"))
    blocks = [first, make_l2_block(first.ref)]
    payloads = _payloads(blocks)
    assert len(payloads) > 2

    check_round_trip(b"\x01" * 16, payloads, blocks, SPAN)
    swapped = replace(first, transactions=(b"\x02two", b"\x02one"))
    wrong: list[tuple[tuple[Payload, ...], list[L2BlockData]]] = [
        (payloads, blocks[:1]),
        (payloads, [swapped, blocks[1]]),
        (payloads[:-1], blocks),
        (payloads[1:], blocks),
        ((payloads[1], payloads[0], *payloads[2:]), blocks),
        ((Payload(payloads[0].data[:-1]), *payloads[1:]), blocks),
    ]
    for bad_payloads, expected in wrong:
        with pytest.raises(ChannelMismatch):
            check_round_trip(b"\x01" * 16, bad_payloads, expected, SPAN)


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
            check_round_trip(b"\x01" * 16, (Payload(bytes(flipped)),), blocks, SPAN)
        except ChannelMismatch:
            continue
        unnoticed.append(bytes(flipped))

    assert len(unnoticed) < 8
    for same in unnoticed:
        (read,) = decode_frames(same)
        assert zlib.decompress(read.data) == zlib.decompress(frame.data)
