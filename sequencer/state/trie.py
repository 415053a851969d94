"""
The Merkle-Patricia tries over the flat state (Yellow Paper, 4.1 and appendix D): one of accounts, one a contract.

Keys are hashed (secure tries). Nodes are named by their hash, so those of every block live side by side: proofs of
any block whose root is known need nothing else, and nothing is removed when a block is unwound. The price is that the
table of nodes only grows. This is what serves without the native extension. Updates are `trie_update`'s; proofs are
read with the `trie` library, whose only door this is, so one checks the other.
"""

from collections.abc import Iterator, Mapping, Sequence

from trie.exceptions import MissingTrieNode
from trie.hexary import HexaryTrie

from contracts.keccak import keccak
from l1_bridge.rlp_codec import RlpItem, encode_rlp
from sequencer.primitives.account import EMPTY_TRIE_ROOT, Account

from .changes import ChangeSet
from .commitment import TrieUpdate
from .flat import SLOT_BYTES, encode_value
from .leaf import encode_leaf, read_leaf
from .store import Store, Table
from .trie_update import TrieUpdater

__all__ = ["HashTrieCommitment", "MissingTrieNode", "NodeTable", "path_to"]


class NodeTable(Mapping[bytes, bytes]):
    """The store's trie nodes by hash (none without a store)."""

    def __init__(self, store: Store | None) -> None:
        self._store = store

    def __getitem__(self, key: bytes) -> bytes:
        node = None
        if self._store is not None:
            with self._store.read() as transaction:
                node = transaction.get(Table.NODES, key)
        if node is None:
            raise KeyError(key)
        return node

    def __iter__(self) -> Iterator[bytes]:
        if self._store is None:
            return
        with self._store.read() as transaction:
            yield from (key for key, _ in transaction.from_key(Table.NODES, b""))

    def __len__(self) -> int:
        if self._store is None:
            return 0
        with self._store.read() as transaction:
            return transaction.count(Table.NODES)


class HashTrieCommitment:
    """A StateCommitment: the tries below one state root."""

    def __init__(self, store: Store | None, state_root: bytes) -> None:
        """`store` may be None for the empty state alone."""
        self._nodes = NodeTable(store)
        self._state_root = state_root

    def storage_root(self, address: bytes) -> bytes:
        """Storage root of an account in the parent state (EMPTY_TRIE_ROOT where there is none)."""
        return _storage_root_of(TrieUpdater(self._nodes).get(self._state_root, keccak(address)))

    def compute(self, changes: ChangeSet) -> TrieUpdate:
        """Roots after `changes`, and the nodes that they need beyond those of the parent state."""
        tries = TrieUpdater(self._nodes)
        storage_roots: dict[bytes, bytes] = {}
        leaves: dict[bytes, bytes] = {}
        for address in {**changes.accounts, **changes.storage, **dict.fromkeys(changes.wiped)}:
            path = keccak(address)
            old = tries.get(self._state_root, path)
            is_deleted = address in changes.accounts and changes.accounts[address] is None
            slots = changes.storage.get(address, {})
            root = EMPTY_TRIE_ROOT if is_deleted or address in changes.wiped else _storage_root_of(old)
            if slots and not is_deleted:
                root = tries.update(root, {_slot_path(slot): _slot_leaf(value) for slot, value in slots.items()})
            storage_roots[address] = root
            leaves[path] = b"" if is_deleted else _leaf(changes.accounts.get(address), old, root)
        state_root = tries.update(self._state_root, leaves)
        return TrieUpdate(state_root=state_root, storage_roots=storage_roots, nodes=tries.fresh)


def _slot_path(slot: int) -> bytes:
    return keccak(slot.to_bytes(SLOT_BYTES, "big"))


def _slot_leaf(value: int) -> bytes:
    return encode_rlp(encode_value(value)) if value else b""


def _leaf(account: Account | None, old: bytes, storage_root: bytes) -> bytes:
    if account is not None:
        return encode_leaf(account, storage_root)
    if not old:  # storage of an account that does not exist: nothing to commit to
        return b""
    fields = read_leaf(old)
    return encode_rlp([fields[0], fields[1], storage_root, fields[3]])


def _storage_root_of(leaf: bytes) -> bytes:
    if not leaf:
        return EMPTY_TRIE_ROOT
    return read_leaf(leaf)[2]


def path_to(store: Store, root: bytes, key: bytes) -> tuple[bytes, tuple[bytes, ...]]:
    """
    The value at `keccak(key)` below `root` (empty: none), and the encoded nodes from the root down to its place.

    Nodes that stand inside their parent are no entries of their own. Raises MissingTrieNode where the store lacks one.
    """
    if root == EMPTY_TRIE_ROOT:
        return b"", ()
    trie = HexaryTrie(NodeTable(store), root)
    path = keccak(key)
    found: Sequence[RlpItem] = trie.get_proof(path)  # type: ignore[no-untyped-call]  # the library has no types here
    encoded = [encode_rlp(node) for node in found if node]
    return trie.get(path), tuple(node for index, node in enumerate(encoded) if index == 0 or len(node) >= 32)
