"""The value of an account's leaf in the state trie (Yellow Paper, 4.1): nonce, balance, storage root, code hash."""

from l1_bridge.rlp_codec import decode_rlp, encode_integer, encode_rlp
from sequencer.primitives.account import Account


def encode_leaf(account: Account, storage_root: bytes) -> bytes:
    """The leaf's value."""
    return encode_rlp([encode_integer(account.nonce), encode_integer(account.balance), storage_root, account.code_hash])


def read_leaf(leaf: bytes) -> list[bytes]:
    """Nonce, balance, storage root and code hash, as bytes."""
    return [item for item in decode_rlp(leaf) if isinstance(item, bytes)]
