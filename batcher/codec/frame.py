"""
Frames: pieces of a channel as transaction data carries them (derivation.md, "Frame Format").

    transaction data = version byte 0x00 | frame | frame ...
    frame            = channel id 16 B | number u16 | data length u32 | data | is_last u8

Which frames belong together, and in which order, is not decided here.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass

from batcher.codec.errors import MalformedFrames, UnencodableField

DATA_VERSION = 0
"""Version byte of transaction data that carries frames."""

CHANNEL_ID_BYTES = 16
"""Ids are opaque; writers choose them at random."""

MAX_FRAME_DATA_BYTES = 1_000_000
"""A frame that claims more is malformed, whatever follows."""

MAX_FRAME_NUMBER = 0xFFFF
"""Frame numbers are u16."""

FRAME_OVERHEAD_BYTES = 23
"""Of a frame, all but its data."""

_HEADER = struct.Struct(">16sHI")


@dataclass(frozen=True, slots=True)
class Frame:
    """One piece of a channel."""

    channel_id: bytes
    number: int
    """Position within the channel, from 0."""
    data: bytes
    is_last: bool


def encode_frame(frame: Frame) -> bytes:
    """
    Bytes of one frame.

    Raises
    ------
    UnencodableField
        A channel id that has not 16 bytes, a number above 65,535, or more than 1,000,000 B of data.
    """
    if len(frame.channel_id) != CHANNEL_ID_BYTES:
        raise UnencodableField("channel_id", f"{len(frame.channel_id)} B instead of {CHANNEL_ID_BYTES}")
    if not 0 <= frame.number <= MAX_FRAME_NUMBER:
        raise UnencodableField("number", f"{frame.number} is not within 16 bits")
    if len(frame.data) > MAX_FRAME_DATA_BYTES:
        raise UnencodableField("data", f"{len(frame.data)} B, a frame has room for {MAX_FRAME_DATA_BYTES}")
    header = _HEADER.pack(frame.channel_id, frame.number, len(frame.data))
    return header + frame.data + (b"\x01" if frame.is_last else b"\x00")


def encode_frames_data(frames: Iterable[Frame]) -> bytes:
    """Transaction data that carries these frames; raises `UnencodableField`, for no frames at all too."""
    encoded = b"".join(encode_frame(frame) for frame in frames)
    if not encoded:
        raise UnencodableField("frames", "transaction data holds one frame at least")
    return bytes([DATA_VERSION]) + encoded


def decode_frames(data: bytes) -> tuple[Frame, ...]:
    """
    All frames of a batcher transaction's data.

    Raises
    ------
    MalformedFrames
        Empty data, another version, no frame, or one frame that is cut off, too long or has an `is_last` that is
        neither 0 nor 1. One bad frame voids all.
    """
    if not data:
        raise MalformedFrames("transaction data is empty", 0)
    if data[0] != DATA_VERSION:
        raise MalformedFrames(f"version byte {data[0]}", 0)
    if len(data) == 1:
        raise MalformedFrames("transaction data holds no frame", 0)
    frames: list[Frame] = []
    position = 1
    while position < len(data):
        frame, position = _decode_frame(data, position, len(frames))
        frames.append(frame)
    return tuple(frames)


def _decode_frame(data: bytes, position: int, index: int) -> tuple[Frame, int]:
    data_start = position + _HEADER.size
    if data_start > len(data):
        raise MalformedFrames("header is cut off", index)
    channel_id, number, length = _HEADER.unpack_from(data, position)
    if length > MAX_FRAME_DATA_BYTES:
        raise MalformedFrames(f"claims {length} B of data", index)
    data_end = data_start + length
    if data_end >= len(data):
        raise MalformedFrames("data is cut off", index)
    is_last = data[data_end]
    if is_last > 1:
        raise MalformedFrames(f"is_last is {is_last}", index)
    return Frame(channel_id, number, data[data_start:data_end], is_last == 1), data_end + 1
