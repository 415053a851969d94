"""
RLP of batches, decoded by position without recursion.

Reading is as strict as op-node's (go-ethereum's `rlp.Stream`): one way only to
write a length, an integer or a single byte. It never builds the nested lists of
its input, so depth costs nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from batcher.codec.errors import MalformedRlp

MAX_HEADER_BYTES = 9
"""A prefix byte and at most eight bytes of length."""

Buffer = bytes | bytearray
"""What can be read from without a copy."""


@dataclass(frozen=True, slots=True)
class Item:
    """Where the payload of an item stands: `data[start:end]`."""

    is_list: bool
    start: int
    end: int


def encode_uint(value: int) -> bytes:
    """The byte string that stands for an unsigned integer: big endian, no leading zero, empty for 0."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def compute_header_bytes(prefix: int) -> int:
    """Bytes that prefix and length of an item take, by its first byte; 0 for a byte that is its own item."""
    if prefix < 0x80:
        return 0
    if prefix < 0xB8:
        return 1
    if prefix < 0xC0:
        return prefix - 0xB6
    if prefix < 0xF8:
        return 1
    return prefix - 0xF6


def compute_string_header_bytes(size_bytes: int) -> int:
    """Bytes that prefix and length of a string of two bytes or more take when it is written."""
    return 1 if size_bytes < 56 else 1 + len(encode_uint(size_bytes))


def decode_header(data: Buffer, position: int, end: int) -> Item:
    """
    Read prefix and length of the item at `position`.

    The payload may reach beyond `end`; the caller knows whether more can come.
    Raises `MalformedRlp` when the header itself does not fit before `end` or is
    not canonical.
    """
    if position >= end:
        raise MalformedRlp("item is missing", position)
    prefix = data[position]
    is_list = prefix >= 0xC0
    header_bytes = compute_header_bytes(prefix)
    start = position + header_bytes
    if start > end:
        raise MalformedRlp("length is cut off", position)
    if header_bytes == 0:
        return Item(False, position, position + 1)
    if header_bytes == 1:
        return Item(is_list, start, start + prefix - (0xC0 if is_list else 0x80))
    size = int.from_bytes(data[position + 1 : start], "big")
    if data[position + 1] == 0 or size < 56:
        raise MalformedRlp("length is not canonical", position)
    return Item(is_list, start, start + size)


def decode_item(data: Buffer, position: int, end: int) -> Item:
    """Read the item at `position` whose payload must end at or before `end`; raises `MalformedRlp`."""
    item = decode_header(data, position, end)
    if item.end > end:
        raise MalformedRlp("payload is cut off", position)
    if not item.is_list:
        require_canonical_byte(data, position, item)
    return item


def require_canonical_byte(data: Buffer, position: int, item: Item) -> None:
    """Raise `MalformedRlp` when a string of one byte below 0x80 carries a prefix that it must not have."""
    if item.end - item.start == 1 and item.start > position and data[item.start] < 0x80:
        raise MalformedRlp("a single byte carries a prefix", position)


def iterate_items(data: Buffer, parent: Item) -> Iterator[Item]:
    """Items of a list, in order; raises `MalformedRlp` at the first that is not one."""
    position = parent.start
    while position < parent.end:
        item = decode_item(data, position, parent.end)
        yield item
        position = item.end


def decode_string(data: Buffer, item: Item) -> bytes:
    """Payload of a string; raises `MalformedRlp` for a list."""
    if item.is_list:
        raise MalformedRlp("a list stands where a string belongs", item.start)
    return bytes(data[item.start : item.end])


def decode_uint64(data: Buffer, item: Item) -> int:
    """Unsigned integer below 2**64; raises `MalformedRlp` for a list, a leading zero, or more than eight bytes."""
    payload = decode_string(data, item)
    if len(payload) > 8:
        raise MalformedRlp("integer has more than 64 bits", item.start)
    if payload[:1] == b"\x00":
        raise MalformedRlp("integer has a leading zero", item.start)
    return int.from_bytes(payload, "big")


def find_items(data: Buffer, start: int, end: int, count: int) -> list[int]:
    """
    Where the items of a list begin, and where the last one ends: `count + 1` positions.

    The list begins at `start` and ends at `end`. Raises `MalformedRlp` when it does not, has more or fewer items, or
    one of them is not canonical; what is inside of lists in it is not looked at.
    """
    outer = decode_item(data, start, end)
    if not outer.is_list or outer.end != end:
        raise MalformedRlp(f"not a list that ends at byte {end}", start)
    position, starts = outer.start, [outer.start]
    while position < end:
        prefix = data[position]
        if prefix < 0x80:
            position += 1
        elif prefix < 0xB8 and prefix != 0x81:
            position += prefix - 0x7F
        else:
            position = decode_item(data, position, end).end
        starts.append(position)
        if len(starts) > count + 1:
            break
    if position > end:
        raise MalformedRlp("payload is cut off", start)
    if len(starts) != count + 1:
        raise MalformedRlp(f"not {count} items", start)
    return starts
