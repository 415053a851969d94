"""Frames and transaction data, byte by byte."""

import pytest

from batcher.codec.errors import MalformedFrames, UnencodableField
from batcher.codec.frame import Frame, decode_frames, encode_frame, encode_frames_data

ID = bytes(range(16))
FRAME = Frame(ID, 3, b"abc", is_last=True)
ENCODED = ID + b"\x00\x03" + b"\x00\x00\x00\x03" + b"abc" + b"\x01"
LARGEST = 1_000_000


def test_frame_layout_is_id_number_length_data_is_last() -> None:
    assert encode_frame(FRAME) == ENCODED
    assert len(ENCODED) == 23 + 3


def test_transaction_data_holds_several_frames_of_several_channels() -> None:
    frames = (FRAME, Frame(b"\xff" * 16, 0, b"", is_last=False), Frame(ID, 65535, b"z", is_last=False))

    assert decode_frames(encode_frames_data(frames)) == frames


def test_frame_with_largest_data_is_read() -> None:
    frame = Frame(ID, 0, bytes(LARGEST), is_last=True)

    assert decode_frames(encode_frames_data([frame])) == (frame,)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"\x00", "no frame"),
        (b"\x01" + ENCODED, "version"),
        (ENCODED, "cut off"),
        (b"\x00" + ENCODED[:-1], "cut off"),
        (b"\x00" + ENCODED[:21], "header"),
        (b"\x00" + ENCODED + b"\x00", "header"),
        (b"\x00" + ENCODED[:-1] + b"\x02", "is_last"),
        (b"\x00" + ENCODED[:18] + b"\xff\xff\xff\xff" + ENCODED[22:], "claims"),
        (b"\x00" + ENCODED[:18] + (LARGEST + 1).to_bytes(4, "big") + bytes(LARGEST + 1) + b"\x01", "claims"),
    ],
)
def test_malformed_transaction_data_is_rejected(data: bytes, reason: str) -> None:
    with pytest.raises(MalformedFrames, match=reason):
        decode_frames(data)


def test_one_bad_frame_voids_the_good_one_before_it() -> None:
    good = encode_frames_data([FRAME])
    assert decode_frames(good) == (FRAME,)

    with pytest.raises(MalformedFrames) as caught:
        decode_frames(good + ENCODED[:-1] + b"\x07")

    assert caught.value.frame_index == 1


@pytest.mark.parametrize(
    "frame",
    [
        Frame(ID[:15], 0, b"", is_last=True),
        Frame(ID, 65536, b"", is_last=True),
        Frame(ID, -1, b"", is_last=True),
        Frame(ID, 0, bytes(LARGEST + 1), is_last=True),
    ],
)
def test_frame_without_room_on_the_wire_is_not_written(frame: Frame) -> None:
    with pytest.raises(UnencodableField):
        encode_frame(frame)


def test_transaction_data_without_frames_is_not_written() -> None:
    with pytest.raises(UnencodableField):
        encode_frames_data([])
