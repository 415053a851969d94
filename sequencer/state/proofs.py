"""
Proofs of accounts and slots against a state root, as `eth_getProof` gives them (EIP-1186).

They work for every block whose trie nodes the store has: the head, and all before it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from l1_bridge.rlp_codec import decode_rlp
from sequencer.primitives.account import EMPTY_CODE_HASH, EMPTY_TRIE_ROOT

from .flat import SLOT_BYTES
from .store import Store
from .trie import path_to, read_leaf


@dataclass(frozen=True, slots=True)
class StorageProof:
    """One slot, its value, and the nodes from the storage root down to it (or to where it would be)."""

    slot: int
    value: int
    nodes: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class AccountProof:
    """
    One account, and the encoded nodes from the state root down to it.

    An account that does not exist has zeros, the two empty hashes, and the nodes that show its absence.
    """

    address: bytes
    nonce: int
    balance: int
    storage_root: bytes
    code_hash: bytes
    nodes: tuple[bytes, ...]
    storage: tuple[StorageProof, ...]


def account_proof(store: Store, state_root: bytes, address: bytes, slots: Sequence[int]) -> AccountProof:
    """The proof of `address` and of each of `slots`; raises MissingTrieNode where the store lacks the root's nodes."""
    leaf, nodes = path_to(store, state_root, address)
    nonce, balance, storage_root, code_hash = 0, 0, EMPTY_TRIE_ROOT, EMPTY_CODE_HASH
    if leaf:
        fields = read_leaf(leaf)
        nonce, balance = int.from_bytes(fields[0], "big"), int.from_bytes(fields[1], "big")
        storage_root, code_hash = fields[2], fields[3]
    return AccountProof(
        address=address,
        nonce=nonce,
        balance=balance,
        storage_root=storage_root,
        code_hash=code_hash,
        nodes=nodes,
        storage=tuple(_storage_proof(store, storage_root, slot) for slot in slots),
    )


def _storage_proof(store: Store, storage_root: bytes, slot: int) -> StorageProof:
    leaf, nodes = path_to(store, storage_root, slot.to_bytes(SLOT_BYTES, "big"))
    value = decode_rlp(leaf) if leaf else b""
    assert isinstance(value, bytes)
    return StorageProof(slot=slot, value=int.from_bytes(value, "big"), nodes=nodes)
