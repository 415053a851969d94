"""
Unsigned base-128 varints of span batches: seven bits a byte, the lowest first, the top bit set when more follow.

Reading is as lenient as op-node's (Go's `binary.ReadUvarint`): zero groups may follow, more than 64 bits may not.
"""

from collections.abc import Sequence

from batcher.codec.errors import MalformedBatch

MAX_VARINT_BYTES = 10
"""Of 64 bits; the tenth byte holds the topmost bit alone."""


def encode_varint(value: int) -> bytes:
    """The shortest varint of an unsigned integer."""
    if value < 0x80:
        return bytes((value,))
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def read_varint(data: bytes, position: int) -> tuple[int, int]:
    """The integer at `position`, and where it ends; raises `MalformedBatch` when it is cut off or above 64 bits."""
    value, shift = 0, 0
    for index in range(position, min(position + MAX_VARINT_BYTES, len(data))):
        byte = data[index]
        if byte < 0x80:
            if shift == 63 and byte > 1:
                break
            return value | byte << shift, index + 1
        value |= (byte & 0x7F) << shift
        shift += 7
    else:
        if len(data) - position < MAX_VARINT_BYTES:
            raise MalformedBatch("a varint is cut off")
    raise MalformedBatch("a varint has more than 64 bits")


def read_varints(data: bytes, position: int, count: int, max_sum: int | None = None) -> tuple[Sequence[int], int]:
    """
    That many integers in a row, and where they end.

    Raises `MalformedBatch` when one is cut off or above 64 bits, or as soon as their sum exceeds `max_sum`. The result
    is bytes when each integer takes a single one: that is the common case, and costs next to nothing.
    """
    single = data[position : position + count]
    if len(single) == count and single.isascii():
        if max_sum is not None and sum(single) > max_sum:
            raise MalformedBatch(f"a sum above {max_sum}")
        return single, position + count
    values: list[int] = []
    total = 0
    for _ in range(count):
        value, position = read_varint(data, position)
        total += value
        if max_sum is not None and total > max_sum:
            raise MalformedBatch(f"a sum above {max_sum}")
        values.append(value)
    return values, position
