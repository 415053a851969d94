"""
Proofs that a Merkle-Patricia trie holds a value under a key, or holds none.

A proof is the list of nodes on the path from the root. Every node but the first
is named by its parent: by hash, or inside it when shorter than 32 bytes. Nothing
is believed that the root does not commit to, and every node must be used.
Spec: Yellow Paper, appendix D.
"""

from collections.abc import Iterator, Sequence

from contracts.keccak import keccak
from l1_bridge.errors import BraidError
from l1_bridge.ordered_trie import EMPTY_ROOT
from l1_bridge.rlp_codec import MalformedRlp, RlpItem, decode_rlp

HASH_BYTES = 32

BRANCH_ITEMS = 17
PATH_ITEMS = 2


class InvalidProof(BraidError):
    """The proof does not prove what it is said to prove."""


def verify_merkle_proof(root: bytes, key: bytes, nodes: Sequence[bytes]) -> bytes | None:
    """
    The value that the trie with that root holds under `key`; None when the proof shows that there is none.

    Parameters
    ----------
    key :
        As in the trie: for state and storage tries the keccak of address or slot.

    Raises
    ------
    InvalidProof
        A node is not the one that its parent names, is malformed, is missing, or is not needed.
    """
    if not nodes:
        if root == EMPTY_ROOT:
            return None
        raise InvalidProof("no nodes, though the trie is not empty")
    remaining = iter(nodes)
    value = _walk(root, [nibble for byte in key for nibble in (byte >> 4, byte & 15)], remaining)
    if next(remaining, None) is not None:
        raise InvalidProof("nodes that are not on the path")
    return value


def _walk(root: bytes, path: list[int], remaining: Iterator[bytes]) -> bytes | None:
    reference: RlpItem = root
    while True:
        node = _resolve(reference, remaining)
        if node is None:
            return None
        if len(node) == BRANCH_ITEMS:
            if not path:
                return _value(node[16])
            reference, path = node[path[0]], path[1:]
            continue
        if len(node) != PATH_ITEMS:
            raise InvalidProof(f"a node of {len(node)} items")
        nibbles, is_leaf = _compact_path(node[0])
        if is_leaf:
            return _value(node[1]) if nibbles == path else None
        if not nibbles:
            raise InvalidProof("an extension without a path")
        if path[: len(nibbles)] != nibbles:
            return None
        reference, path = node[1], path[len(nibbles) :]


def _resolve(reference: RlpItem, remaining: Iterator[bytes]) -> Sequence[RlpItem] | None:
    """The node that `reference` names; None for the empty one."""
    if not isinstance(reference, bytes):
        return reference
    if not reference:
        return None
    if len(reference) != HASH_BYTES:
        raise InvalidProof(f"a reference of {len(reference)} bytes")
    encoded = next(remaining, None)
    if encoded is None:
        raise InvalidProof("a node is missing")
    if keccak(encoded) != reference:
        raise InvalidProof("a node is not the one that its parent names")
    try:
        node = decode_rlp(encoded)
    except MalformedRlp as error:
        raise InvalidProof("a node is not RLP") from error
    if isinstance(node, bytes):
        if node == b"":
            return None
        raise InvalidProof("a node is not a list")
    return node


def _value(item: RlpItem) -> bytes | None:
    if not isinstance(item, bytes):
        raise InvalidProof("a value is not a byte string")
    return item or None


def _compact_path(item: RlpItem) -> tuple[list[int], bool]:
    """Hex-prefix decoding: the nibbles, and whether the node is a leaf."""
    if not isinstance(item, bytes) or not item:
        raise InvalidProof("a node without a path")
    flag, low = item[0] >> 4, item[0] & 15
    if flag > 3 or (flag % 2 == 0 and low != 0):
        raise InvalidProof(f"a path with the prefix {item[0]:#x}")
    nibbles = [nibble for byte in item[1:] for nibble in (byte >> 4, byte & 15)]
    return ([low, *nibbles] if flag % 2 else nibbles), flag >= 2
