"""
Which tries a store holds, and how a block changes them together with the flat state.

There are two kinds: nodes by hash, which Python keeps, and nodes by path, which the native extension keeps. Both are
derived from the flat state. A tag in `meta` says whose tries the store holds and at which block; where that is not
what this process needs, they are made anew.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from contracts.keccak import keccak
from l1_bridge.types import BlockId
from sequencer.native import is_available
from sequencer.primitives.account import EMPTY_TRIE_ROOT

from . import native_trie
from .changes import ChangeSet, StateChanges
from .commitment import StateCommitment, TrieUpdate
from .flat import ADDRESS_BYTES, decode_account, decode_value
from .leaf import read_leaf
from .native_environment import STORE_FAILURE, NativeWriteTransaction, is_unavailable
from .store import ReadTransaction, Store, StoreDamaged, Table, WriteTransaction
from .trie import HashTrieCommitment, MissingTrieNode, path_to
from .world_state import (
    StateUnavailable,
    apply_changes,
    encode_block_id,
    oldest_state,
    reverse_changes,
    settle,
    unapply,
)

log = structlog.get_logger(__name__)

TAG_KEY = b"trie"
"""In `meta`: kind, a space, and the block (40 bytes) whose tries the store holds."""

HASH_NODES = b"hash-nodes"
PATH_NODES = b"path-nodes"

MOST_PENDING_BLOCKS = 4
"""So many blocks wait to be settled at most: a read of the newest state looks into each of them first."""

REBUILD_BATCH = 50_000
"""Accounts that the Python trie takes at once when tries are made anew."""


@dataclass(frozen=True, slots=True)
class TriePath:
    """The value under one key (empty: none), and the encoded nodes from the root down to its place."""

    value: bytes
    nodes: tuple[bytes, ...]


def commitment_over(store: Store | None, state_root: bytes) -> StateCommitment:
    """The tries of the state with `state_root`, at the head of `store`; no store for the empty state."""
    native = is_available() if store is None else store.native is not None
    if native:
        return native_trie.PathTrieCommitment(None if store is None else store.native, state_root)
    return HashTrieCommitment(store, state_root)


def apply_block(transaction: WriteTransaction, block: BlockId, changes: ChangeSet, update: TrieUpdate) -> ChangeSet:
    """
    Make flat state and tries those of `block`, the head's child; the caller also writes the block's ref.

    Returns the changes with every slot that a deletion removed spelled out as 0, as caches need them.
    """
    raw, nodes = transaction.raw, update.nodes
    if isinstance(raw, NativeWriteTransaction):
        assert isinstance(nodes, native_trie.PathUpdate), "the update was made by another trie"
        complete: ChangeSet = native_trie.apply_native(raw, encode_block_id(block), changes, nodes)
    else:
        assert isinstance(nodes, Mapping), "the update was made by another trie"
        complete = apply_changes(transaction, block, changes)
        transaction.put_all(Table.NODES, nodes.items())
        _put_tag(transaction, block)
    return complete


def settle_if_due(store: Store, before_commit: Callable[[], None] = lambda: None) -> bool:
    """
    Spread blocks that are pending over the tables, in a commit of its own, once there are enough of them.

    Returns whether there were; `before_commit` is called when all is written and nothing committed.
    """
    if store.native is None or store.native.pending_blocks() < MOST_PENDING_BLOCKS:
        return False

    def commit(transaction: WriteTransaction) -> None:
        _settle(transaction)
        before_commit()

    store.write(commit)
    return True


def unapply_blocks(transaction: WriteTransaction, blocks: Sequence[BlockId], target: BlockId) -> None:
    """Make flat state and tries those of `target`; `blocks` are the chain's above it, descending from the head."""
    raw = transaction.raw
    _settle(transaction)
    if isinstance(raw, NativeWriteTransaction):
        native_trie.revert_native(raw, target.number)
    for block, parent in zip(blocks, [*blocks[1:], target], strict=True):
        unapply(transaction, block, parent)
    _put_tag(transaction, target)


def ensure_tries(store: Store, head: BlockId, state_root: bytes) -> None:
    """Make the tries anew from the flat state, unless they are there; raises StoreDamaged when their root is wrong."""
    _settle_at_start(store)
    with store.read() as transaction:
        is_there = transaction.get(Table.META, TAG_KEY) == _tag(store.native is not None, head)
    if is_there and (store.native is None or native_trie.root_of_tries(store.native) == state_root):
        return
    log.info("tries_rebuild_started", block=head.number)
    store.write(_clear)
    root = _rebuild_hash_nodes(store, head) if store.native is None else _rebuild_path_nodes(store)
    if root != state_root:
        raise StoreDamaged(store.path, f"its flat state has root 0x{root.hex()}, not 0x{state_root.hex()}")
    store.write(lambda transaction: _put_tag(transaction, head))
    log.info("tries_rebuild_ended", block=head.number)


def _settle_at_start(store: Store) -> None:
    with store.read() as transaction:
        if transaction.first_from(Table.PENDING, b"\0") is None:
            return
    if store.native is not None:
        native_trie.restore_layers(store.native)
    store.write(_settle)


def _settle(transaction: WriteTransaction) -> None:
    if isinstance(transaction.raw, NativeWriteTransaction):
        native_trie.settle_native(transaction.raw)
    else:
        settle(transaction)


def paths_to(
    store: Store, block: BlockId, state_root: bytes, address: bytes, slots: Sequence[bytes]
) -> tuple[TriePath, list[TriePath]]:
    """
    The paths to an account and to slots of it (32 bytes each), in the state of `block`, which has `state_root`.

    Nodes that stand inside their parent are no entries of their own. Raises StateUnavailable.
    """
    if store.native is not None:
        try:
            mark = encode_block_id(block)
            account, found = native_trie.prove_native(store.native, mark, state_root, address, slots)
        except STORE_FAILURE as failure:
            raise (StateUnavailable(block) if is_unavailable(failure) else failure) from None
        return _native_path(account), [_native_path(path) for path in found]
    try:
        path = TriePath(*path_to(store, state_root, address))
        storage_root = read_leaf(path.value)[2] if path.value else EMPTY_TRIE_ROOT
        return path, [TriePath(*path_to(store, storage_root, slot)) for slot in slots]
    except MissingTrieNode:
        raise StateUnavailable(block) from None


def _native_path(proof: native_trie.NativeProof) -> TriePath:
    value, nodes = proof
    return TriePath(value or b"", tuple(nodes))


def _tag(is_native: bool, block: BlockId) -> bytes:
    return (PATH_NODES if is_native else HASH_NODES) + b" " + encode_block_id(block)


def _put_tag(transaction: WriteTransaction, block: BlockId) -> None:
    transaction.put(Table.META, TAG_KEY, _tag(isinstance(transaction.raw, NativeWriteTransaction), block))


def _clear(transaction: WriteTransaction) -> None:
    transaction.delete(Table.META, TAG_KEY)
    transaction.clear(Table.NODES)
    transaction.clear(Table.PATHS)


def _rebuild_path_nodes(store: Store) -> bytes:
    assert store.native is not None
    rebuild = native_trie.begin_rebuild(store.native)
    while (update := rebuild.step()) is not None:

        def put(transaction: WriteTransaction, update: native_trie.NativeTrieUpdate = update) -> None:
            assert isinstance(transaction.raw, NativeWriteTransaction)
            native_trie.put_tries(transaction.raw, update)

        store.write(put)
        done, accounts = rebuild.progress()
        log.info("tries_rebuilt", accounts=done, of=accounts)
    return native_trie.root_of_tries(store.native)


def _rebuild_hash_nodes(store: Store, head: BlockId) -> bytes:
    """Nodes of the head, and of every older block that the reverse changes reach."""
    with store.read() as transaction:
        addresses = sorted((key for key, _ in transaction.from_key(Table.ACCOUNTS, b"")), key=keccak)
        oldest = oldest_state(transaction)
    root = EMPTY_TRIE_ROOT
    for start in range(0, len(addresses), REBUILD_BATCH):
        with store.read() as transaction:
            changes = _flat_changes(transaction, addresses[start : start + REBUILD_BATCH])
        root = _keep_nodes(store, root, changes)
        log.info("tries_rebuilt", accounts=min(start + REBUILD_BATCH, len(addresses)), of=len(addresses))
    older = root
    for number in range(head.number, oldest, -1):
        with store.read() as transaction:
            back = reverse_changes(transaction, number)
        older = _keep_nodes(store, older, back)
    return root


def _keep_nodes(store: Store, root: bytes, changes: StateChanges) -> bytes:
    update = HashTrieCommitment(store, root).compute(changes)
    nodes = update.nodes
    assert isinstance(nodes, Mapping)
    store.write(lambda transaction: transaction.put_all(Table.NODES, nodes.items()))
    return update.state_root


def _flat_changes(transaction: ReadTransaction, addresses: Sequence[bytes]) -> StateChanges:
    accounts = {address: decode_account(transaction.get(Table.ACCOUNTS, address) or b"") for address in addresses}
    storage = {}
    for address in addresses:
        slots = {
            int.from_bytes(key[ADDRESS_BYTES:], "big"): decode_value(value)
            for key, value in transaction.with_prefix(Table.STORAGE, address)
        }
        if slots:
            storage[address] = slots
    return StateChanges(accounts, storage)
