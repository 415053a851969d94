"""
Root of the trie that lists a block's transactions or receipts: key rlp(index), value the encoding.

The whole list is known at once, so the root is built bottom up from sorted keys without a database
(Yellow Paper, appendix D); both chains use it, L1 to verify what a node answers, L2 to build headers.
"""

from collections.abc import Sequence

from contracts.keccak import keccak

from .rlp_codec import RlpItem, encode_integer, encode_rlp

EMPTY_ROOT = keccak(b"\x80")
"""Root of a trie without entries."""


def ordered_trie_root(values: Sequence[bytes]) -> bytes:
    """The root over `values` in their order."""
    if not values:
        return EMPTY_ROOT
    pairs = sorted((_nibbles(encode_rlp(encode_integer(index))), value) for index, value in enumerate(values))
    return keccak(encode_rlp(_build(pairs, 0)))


def _nibbles(key: bytes) -> bytes:
    return bytes(nibble for byte in key for nibble in (byte >> 4, byte & 15))


def _build(pairs: Sequence[tuple[bytes, bytes]], depth: int) -> list[RlpItem]:
    """The node over `pairs`, which are sorted and share their first `depth` nibbles."""
    first, last = pairs[0][0], pairs[-1][0]
    if len(pairs) == 1:
        return [_compact(first[depth:], is_leaf=True), pairs[0][1]]
    shared = depth
    while first[shared] == last[shared]:
        shared += 1
    if shared > depth:
        return [_compact(first[depth:shared], is_leaf=False), _reference(_build(pairs, shared))]
    branch: list[RlpItem] = [b""] * 17
    start = 0
    while start < len(pairs):
        nibble, end = pairs[start][0][depth], start + 1
        while end < len(pairs) and pairs[end][0][depth] == nibble:
            end += 1
        branch[nibble] = _reference(_build(pairs[start:end], depth + 1))
        start = end
    return branch


def _reference(node: list[RlpItem]) -> RlpItem:
    encoded = encode_rlp(node)
    return node if len(encoded) < 32 else keccak(encoded)


def _compact(nibbles: bytes, is_leaf: bool) -> bytes:
    """Hex-prefix encoding: the flag nibble tells leaf from extension and odd from even length."""
    flag = 2 if is_leaf else 0
    padded = bytes([flag + 1]) + nibbles if len(nibbles) % 2 else bytes([flag, 0]) + nibbles
    return bytes(padded[i] << 4 | padded[i + 1] for i in range(0, len(padded), 2))
