"""
Nodes of a Merkle-Patricia trie as the updater handles them (Yellow Paper, appendix D), decoded and encoded by hand.

    Edge      a leaf (path, value) or an extension (path, link to a branch); the path in nibbles, a byte each
    Branch    a list of 16 links; its value is always empty, since all keys have one length
    Link      b"" nothing | 32 bytes hash | a node that is not encoded yet, or so short that it stands in its parent

The general RLP library costs ten times as much for these few shapes; it is the reference in the tests.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from contracts.keccak import keccak

HASH_BYTES = 32


@dataclass(frozen=True, slots=True)
class Edge:
    """A leaf or an extension."""

    path: bytes
    is_leaf: bool
    target: "bytes | Node"
    """The value of a leaf, the link of an extension."""


Branch: TypeAlias = list["bytes | Edge | Branch"]
Node: TypeAlias = Edge | Branch
Link: TypeAlias = bytes | Node


def to_nibbles(data: bytes) -> bytes:
    """Two nibbles a byte, high one first."""
    return bytes.fromhex("".join(f"0{digit}" for digit in data.hex()))


def decode_node(data: bytes) -> Node:
    """The node from its encoding, which must be one that `encode_node` made."""
    items, _ = _read_list(data, 0)
    return _to_node(items)


def encode_node(node: Node, keep: Callable[[bytes], bytes]) -> bytes:
    """The encoding; `keep` stores every node below that is not encoded yet and gives its hash."""
    if isinstance(node, Edge):
        target = node.target
        if node.is_leaf:
            assert isinstance(target, bytes)
            payload = _encode_string(_compact(node)) + _encode_string(target)
        else:
            payload = _encode_string(_compact(node)) + _encode_link(target, keep)
    else:
        payload = b"".join([_encode_link(link, keep) for link in node]) + b"\x80"
    return _prefix(len(payload), 0xC0) + payload


def _encode_link(link: Link, keep: Callable[[bytes], bytes]) -> bytes:
    if isinstance(link, bytes):
        return b"\xa0" + link if link else b"\x80"
    encoded = encode_node(link, keep)
    return encoded if len(encoded) < HASH_BYTES else b"\xa0" + keep(encoded)


def hash_and_keep(fresh: dict[bytes, bytes], encoded: bytes) -> bytes:
    """Put an encoded node into `fresh` under its hash, and return that."""
    digest = keccak(encoded)
    fresh[digest] = encoded
    return digest


def _compact(edge: Edge) -> bytes:
    """Hex-prefix encoding: the flag nibble tells leaf from extension and odd from even length."""
    flag = "2" if edge.is_leaf else "0"
    digits = edge.path.hex()[1::2]
    return bytes.fromhex((flag + "0" if len(digits) % 2 == 0 else ("3" if edge.is_leaf else "1")) + digits)


def _prefix(size: int, offset: int) -> bytes:
    if size < 56:
        return bytes([offset + size])
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([offset + 55 + len(length)]) + length


def _encode_string(data: bytes) -> bytes:
    if len(data) == 1 and data[0] < 0x80:
        return data
    return _prefix(len(data), 0x80) + data


_Items: TypeAlias = list["bytes | _Items"]


def _read_list(data: bytes, start: int) -> tuple[_Items, int]:
    position, end = _content(data, start, 0xC0)
    items: _Items = []
    while position < end:
        first = data[position]
        if first == 0xA0:
            items.append(data[position + 1 : position + 33])
            position += 33
        elif first < 0x80:
            items.append(data[position : position + 1])
            position += 1
        elif first < 0xC0:
            begin, stop = _content(data, position, 0x80)
            items.append(data[begin:stop])
            position = stop
        else:
            item, position = _read_list(data, position)
            items.append(item)
    return items, end


def _content(data: bytes, start: int, offset: int) -> tuple[int, int]:
    size = data[start] - offset
    if size < 56:
        return start + 1, start + 1 + size
    begin = start + 1 + size - 55
    return begin, begin + int.from_bytes(data[start + 1 : begin], "big")


def _to_node(items: Sequence["bytes | _Items"]) -> Node:
    if len(items) == 17:
        return [item if isinstance(item, bytes) else _to_node(item) for item in items[:16]]
    compact, target = items
    assert isinstance(compact, bytes)
    digits = compact.hex()
    path = digits[1:] if int(digits[0], 16) & 1 else digits[2:]
    return Edge(
        path=bytes.fromhex("".join(f"0{digit}" for digit in path)),
        is_leaf=compact[0] >= 0x20,
        target=target if isinstance(target, bytes) else _to_node(target),
    )
