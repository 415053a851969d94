"""Blobs: data of every length reads back, and one wrong bit anywhere makes the blob void."""

import random

import pytest

from batcher.codec.blob import BLOB_BYTES, MAX_BLOB_DATA_BYTES, decode_blob, encode_blob
from batcher.codec.errors import MalformedBlob, UnencodableField

BLS_MODULUS = 52435875175126190479447740508185965837690552500527637822603658699938581184513


def _random(size: int) -> bytes:
    return random.Random(size).randbytes(size)


@pytest.mark.parametrize("size", [0, 1, 27, 28, 29, 122, 123, 124, 127, 128, 1000, 130_043, MAX_BLOB_DATA_BYTES])
def test_data_reads_back(size: int) -> None:
    data = _random(size)

    assert decode_blob(encode_blob(data)) == data


def test_every_field_element_is_below_the_modulus() -> None:
    blob = encode_blob(b"\xff" * MAX_BLOB_DATA_BYTES)

    assert len(blob) == BLOB_BYTES
    assert all(int.from_bytes(blob[at : at + 32], "big") < BLS_MODULUS for at in range(0, BLOB_BYTES, 32))


def test_layout_is_that_of_the_specification() -> None:
    """Written as the specification writes a round: read bytes, write field elements."""
    data = _random(300)
    content = iter((b"\x00" + (300).to_bytes(3, "big") + data).ljust(130_048, b"\x00"))

    def read(count: int) -> bytes:
        return bytes(next(content) for _ in range(count))

    expected = bytearray()
    for _ in range(1024):
        first, x = read(31), read(1)[0]
        second, y = read(31), read(1)[0]
        third, z = read(31), read(1)[0]
        fourth = read(31)
        expected += bytes([x & 0b0011_1111]) + first
        expected += bytes([(y & 0b0000_1111) | ((x & 0b1100_0000) >> 2)]) + second
        expected += bytes([z & 0b0011_1111]) + third
        expected += bytes([((z & 0b1100_0000) >> 2) | ((y & 0b1111_0000) >> 4)]) + fourth

    assert encode_blob(data) == bytes(expected)


def test_more_data_than_fits_is_refused() -> None:
    with pytest.raises(UnencodableField):
        encode_blob(bytes(MAX_BLOB_DATA_BYTES + 1))


def _set(blob: bytes, at: int, value: int) -> bytes:
    return blob[:at] + bytes([value]) + blob[at + 1 :]


BLOB = encode_blob(_random(1000))
FULL = encode_blob(bytes(MAX_BLOB_DATA_BYTES))

MALFORMED = {
    "too short": BLOB[:-1],
    "too long": BLOB + b"\x00",
    "empty": b"",
    "version 1": _set(BLOB, 1, 1),
    "length above the capacity": _set(FULL, 4, FULL[4] + 1),
    "length one less than the data": _set(BLOB, 4, BLOB[4] - 1),
    "bit 255 of the first element": _set(BLOB, 0, BLOB[0] | 0x80),
    "bit 254 of the first element": _set(BLOB, 0, BLOB[0] | 0x40),
    "bit 254 of the last element": _set(BLOB, BLOB_BYTES - 32, 0x40),
    "last byte behind the data": _set(BLOB, BLOB_BYTES - 1, 1),
    "first byte of an element behind the data": _set(BLOB, 32 * 50, 1),
}


@pytest.mark.parametrize("blob", MALFORMED.values(), ids=MALFORMED)
def test_malformed(blob: bytes) -> None:
    with pytest.raises(MalformedBlob):
        decode_blob(blob)


def test_length_of_the_capacity_is_just_valid() -> None:
    assert decode_blob(FULL) == bytes(MAX_BLOB_DATA_BYTES)


def test_any_blob_that_reads_is_written_the_same() -> None:
    rng = random.Random(4)
    read = 0
    for _ in range(200):
        blob = _set(BLOB, rng.randrange(1200), rng.randrange(256))
        try:
            data = decode_blob(blob)
        except MalformedBlob:
            continue
        assert encode_blob(data) == blob
        read += 1

    assert read > 50
