"""
Blobs: transaction data in the 4096 field elements of an EIP-4844 blob (ecotone/derivation.md, "Blob Encoding").

    data in a blob   version 0 | length u24 | transaction data | zeros            130,048 B
    round            31 B | x | 31 B | y | 31 B | z | 31 B                         127 B, 1024 rounds

A field element has 254 usable bits: a first byte of which the top two bits are 0, and 31 bytes taken over as they are.
The three odd bytes of a round are spread over the first bytes of its four elements:

    A = x[5:0]    B = x[7:6] y[3:0]    C = z[5:0]    D = z[7:6] y[7:4]

Commitments and versioned hashes are not made here.
"""

from batcher.codec.errors import MalformedBlob, UnencodableField

BLOB_BYTES = 131_072
"""4096 field elements of 32 bytes."""

MAX_BLOB_DATA_BYTES = 130_044
"""Transaction data that one blob has room for."""

_ROUND_BYTES = 127
_ROUNDS = 1024
_ENCODED_ROUND_BYTES = 128
_TAIL_BYTES = 31
_LENGTH_END = 4
_VERSION = 0

_TOP_BITS = bytes(byte for byte in range(256) if byte & 0xC0)
"""First bytes that no field element of ours has."""


def encode_blob(data: bytes) -> bytes:
    """
    A blob that holds `data`.

    Raises
    ------
    UnencodableField
        More than 130,044 bytes.
    """
    if len(data) > MAX_BLOB_DATA_BYTES:
        raise UnencodableField("blob", f"{len(data)} B, a blob has room for {MAX_BLOB_DATA_BYTES}")
    content = (bytes((_VERSION,)) + len(data).to_bytes(3, "big") + data).ljust(_ROUND_BYTES * _ROUNDS, b"\x00")
    blob = bytearray(BLOB_BYTES)
    for element in range(4):
        for offset in range(_TAIL_BYTES):
            blob[32 * element + 1 + offset :: _ENCODED_ROUND_BYTES] = content[32 * element + offset :: _ROUND_BYTES]
    odd = zip(content[31::_ROUND_BYTES], content[63::_ROUND_BYTES], content[95::_ROUND_BYTES], strict=True)
    firsts = [(x & 0x3F, (x & 0xC0) >> 2 | y & 0x0F, z & 0x3F, (z & 0xC0) >> 2 | y >> 4) for x, y, z in odd]
    for element, column in enumerate(zip(*firsts, strict=True)):
        blob[32 * element :: _ENCODED_ROUND_BYTES] = bytes(column)
    return bytes(blob)


def decode_blob(blob: bytes) -> bytes:
    """
    The data that a blob holds.

    Raises
    ------
    MalformedBlob
        Not of a blob's size, a field element above 254 bits, another version, a length above 130,044, or something
        else than zeros behind the data.
    """
    if len(blob) != BLOB_BYTES:
        raise MalformedBlob(f"{len(blob)} B instead of {BLOB_BYTES}")
    firsts = [blob[32 * element :: _ENCODED_ROUND_BYTES] for element in range(4)]
    if any(len(column.translate(None, _TOP_BITS)) != _ROUNDS for column in firsts):
        raise MalformedBlob("a field element has more than 254 bits")
    content = bytearray(_ROUND_BYTES * _ROUNDS)
    for element in range(4):
        for offset in range(_TAIL_BYTES):
            content[32 * element + offset :: _ROUND_BYTES] = blob[32 * element + 1 + offset :: _ENCODED_ROUND_BYTES]
    a, b, c, d = firsts
    content[31::_ROUND_BYTES] = bytes(p | (q & 0x30) << 2 for p, q in zip(a, b, strict=True))
    content[63::_ROUND_BYTES] = bytes(p & 0x0F | (q & 0x0F) << 4 for p, q in zip(b, d, strict=True))
    content[95::_ROUND_BYTES] = bytes(p | (q & 0x30) << 2 for p, q in zip(c, d, strict=True))
    if content[0] != _VERSION:
        raise MalformedBlob(f"version {content[0]}")
    length = int.from_bytes(content[1:_LENGTH_END], "big")
    if length > MAX_BLOB_DATA_BYTES:
        raise MalformedBlob(f"claims {length} B of data")
    end = _LENGTH_END + length
    if content.count(0, end) != len(content) - end:
        raise MalformedBlob("something follows the data")
    return bytes(content[_LENGTH_END:end])
