"""An account as the flat state holds it (Yellow Paper, section 4.1; the storage root lives in the trie alone)."""

from dataclasses import dataclass

from contracts.keccak import keccak
from l1_bridge.ordered_trie import EMPTY_ROOT

EMPTY_CODE_HASH = keccak(b"")
"""Code hash of every account without code."""

EMPTY_TRIE_ROOT = EMPTY_ROOT
"""Root of a trie without entries."""


@dataclass(frozen=True, slots=True)
class Account:
    """Nonce, balance in wei, and code hash of one address; storage is kept apart, by slot."""

    nonce: int = 0
    balance: int = 0
    code_hash: bytes = EMPTY_CODE_HASH

    @property
    def is_empty(self) -> bool:
        """No nonce, no balance, no code (EIP-161): such an account does not exist once touched."""
        return self.nonce == 0 and self.balance == 0 and self.code_hash == EMPTY_CODE_HASH
