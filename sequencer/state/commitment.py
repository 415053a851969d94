"""From state changes to Merkle roots: what a block's header commits to."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from .changes import ChangeSet


@dataclass(frozen=True, slots=True)
class TrieUpdate:
    """New roots, and what the store must keep for them (opaque to everybody but the trie that made it)."""

    state_root: bytes
    storage_roots: Mapping[bytes, bytes]
    nodes: object


class StateCommitment(Protocol):
    """The Merkle-Patricia trie over one parent state."""

    def compute(self, changes: ChangeSet) -> TrieUpdate:
        """Roots after `changes`; the parent state itself stays as it is."""
        ...

    def storage_root(self, address: bytes) -> bytes:
        """Storage root of an account in the parent state (EMPTY_TRIE_ROOT where there is none)."""
        ...
