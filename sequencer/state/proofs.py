"""
Proofs of accounts and slots against a state root, as `eth_getProof` gives them (EIP-1186).

They work for every block whose tries the store can give: with nodes by hash all of them, with nodes by path those that
the reverse changes reach.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from l1_bridge.rlp_codec import decode_rlp
from l1_bridge.types import BlockId
from sequencer.primitives.account import EMPTY_CODE_HASH, EMPTY_TRIE_ROOT

from .flat import SLOT_BYTES
from .leaf import read_leaf
from .store import Store
from .tries import TriePath, paths_to


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


def account_proof(
    store: Store, block: BlockId, state_root: bytes, address: bytes, slots: Sequence[int]
) -> AccountProof:
    """
    The proof of `address` and of each of `slots` in the state of `block`, which has `state_root`.

    Raises StateUnavailable where the store can not give the tries of that block.
    """
    path, slot_paths = paths_to(store, block, state_root, address, [slot.to_bytes(SLOT_BYTES, "big") for slot in slots])
    nonce, balance, storage_root, code_hash = 0, 0, EMPTY_TRIE_ROOT, EMPTY_CODE_HASH
    if path.value:
        fields = read_leaf(path.value)
        nonce, balance = int.from_bytes(fields[0], "big"), int.from_bytes(fields[1], "big")
        storage_root, code_hash = fields[2], fields[3]
    return AccountProof(
        address=address,
        nonce=nonce,
        balance=balance,
        storage_root=storage_root,
        code_hash=code_hash,
        nodes=path.nodes,
        storage=tuple(map(_storage_proof, slots, slot_paths)),
    )


def _storage_proof(slot: int, path: TriePath) -> StorageProof:
    value = decode_rlp(path.value) if path.value else b""
    assert isinstance(value, bytes)
    return StorageProof(slot=slot, value=int.from_bytes(value, "big"), nodes=path.nodes)
