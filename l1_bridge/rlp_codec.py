"""
RLP, the serialization of both chains (Yellow Paper, appendix B).

Decoding is strict (no trailing bytes, no long form where a short one fits) and bounded: the `rlp` library's decoder
follows any nesting by recursion and copies at each level, so that a few kilobytes of brackets from a stranger cost
seconds. Its encoder asks each item for its type in many ways, which costs ten times as much as the encoding.
"""

from collections.abc import Sequence
from typing import TypeAlias

RlpItem: TypeAlias = "bytes | Sequence[RlpItem]"

MAX_DEPTH = 16
"""Lists within lists; a block with an access list inside needs 7."""

_SHORT_STRING, _LONG_STRING, _SHORT_LIST, _LONG_LIST = 0x80, 0xB8, 0xC0, 0xF8
_SHORT_LIMIT = 56
"""Payloads of this many bytes and more have the long form."""

_TABLE_LIMIT = 1_024
"""Payloads below this have their prefix in a table: almost all that blocks consist of."""


class MalformedRlp(ValueError):
    """Bytes are not the canonical RLP of one item."""


def encode_integer(value: int) -> bytes:
    """An integer as RLP wants it: big-endian without leading zeros, nothing for 0."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def _long_prefix(base: int, size: int) -> bytes:
    encoded = encode_integer(size)
    return bytes((base + len(encoded) - 1,)) + encoded


def _make_prefixes(short_base: int, long_base: int) -> list[bytes]:
    short = [bytes((short_base + size,)) for size in range(_SHORT_LIMIT)]
    return short + [_long_prefix(long_base, size) for size in range(_SHORT_LIMIT, _TABLE_LIMIT)]


_STRING_PREFIXES = _make_prefixes(_SHORT_STRING, _LONG_STRING)
_LIST_PREFIXES = _make_prefixes(_SHORT_LIST, _LONG_LIST)


def encode_rlp(item: RlpItem) -> bytes:
    """The RLP encoding of a byte string or a (nested) list of them."""
    if isinstance(item, bytes):
        size = len(item)
        if size < _TABLE_LIMIT:
            return item if size == 1 and item[0] < _SHORT_STRING else _STRING_PREFIXES[size] + item
        return _long_prefix(_LONG_STRING, size) + item
    # Most items of a long list are strings of a few hundred bytes: those cost no call each.
    encoded = [
        _STRING_PREFIXES[len(inner)] + inner
        if type(inner) is bytes and 1 < len(inner) < _TABLE_LIMIT
        else encode_rlp(inner)
        for inner in item
    ]
    return wrap_rlp_list(b"".join(encoded))


def wrap_rlp_list(payload: bytes) -> bytes:
    """A list whose items are encoded already, one after another."""
    size = len(payload)
    return (_LIST_PREFIXES[size] if size < _TABLE_LIMIT else _long_prefix(_LONG_LIST, size)) + payload


def decode_rlp(data: bytes) -> RlpItem:
    """Decode one item that fills `data`; raise MalformedRlp otherwise, or when lists nest deeper than MAX_DEPTH."""
    item, end = _decode_item(data, 0, len(data), 0)
    if end != len(data):
        raise MalformedRlp(f"{len(data) - end} bytes follow the item")
    return item


def _decode_item(data: bytes, start: int, limit: int, depth: int) -> tuple[RlpItem, int]:
    """The item that begins at `start` and ends before `limit`, and where it ends."""
    if start >= limit:
        raise MalformedRlp("an item is missing")
    prefix = data[start]
    if prefix < _SHORT_STRING:
        return data[start : start + 1], start + 1
    if prefix < _SHORT_LIST:
        begin, end = _payload(data, start, limit, _SHORT_STRING, _LONG_STRING)
        if end - begin == 1 and data[begin] < _SHORT_STRING:
            raise MalformedRlp("a single byte below 0x80 has a length")
        return data[begin:end], end
    if depth == MAX_DEPTH:
        raise MalformedRlp(f"lists nest deeper than {MAX_DEPTH}")
    position, end = _payload(data, start, limit, _SHORT_LIST, _LONG_LIST)
    items: list[RlpItem] = []
    while position < end:
        item, position = _decode_item(data, position, end, depth + 1)
        items.append(item)
    return items, end


def _payload(data: bytes, start: int, limit: int, short_base: int, long_base: int) -> tuple[int, int]:
    """Where the payload of the string or list at `start` begins and ends."""
    prefix = data[start]
    if prefix < long_base:
        begin, length = start + 1, prefix - short_base
    else:
        begin = start + 2 + prefix - long_base
        size = data[start + 1 : min(begin, limit)]
        length = int.from_bytes(size, "big")
        if begin > limit or size[:1] == b"\0" or length < _SHORT_LIMIT:
            raise MalformedRlp("a length is cut off or not in its shortest form")
    if begin + length > limit:
        raise MalformedRlp(f"a payload of {length} bytes is cut off")
    return begin, begin + length
