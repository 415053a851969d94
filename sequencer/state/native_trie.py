"""
The tries of the native extension: nodes by path, those of the head alone; older ones through the reverse changes.

Python values go in and come out; the updates themselves, and what they write, stay in the extension.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeGuard

from sequencer.native import extension

from .changes import ChangeSet
from .commitment import TrieUpdate
from .native_environment import NativeStore, NativeWriteTransaction

DIRECT_KEYS = 1024
"""
A block that changes at most so many keys goes straight to the flat tables: a page a key and table, 20 ms on a disk
that writes 200 MB/s. A larger one is committed as one run first, and settled when nobody waits for it.
"""


class NativeChanges(ChangeSet, Protocol):
    """Changes that the extension holds."""

    def encoded(self) -> dict[bytes, bytes]:
        """Every flat key with its new value, as caches hold them."""
        ...


class NativeTrieUpdate(Protocol):
    """An update that the extension holds."""

    @property
    def state_root(self) -> bytes:
        """The new root."""
        ...

    @property
    def storage_roots(self) -> Mapping[bytes, bytes]:
        """New storage roots by address, of accounts whose storage changed."""
        ...


class PathUpdate:
    """What `TrieUpdate.nodes` is here: the update, and the changes that it was made from, as the extension has them."""

    def __init__(self, update: NativeTrieUpdate, source: ChangeSet, changes: NativeChanges) -> None:
        self.update = update
        self._source = source
        self._changes = changes

    def native_of(self, changes: ChangeSet) -> NativeChanges:
        """`changes` for the extension, converted anew only when they are others."""
        return self._changes if changes is self._source else to_native(changes)


def is_native(changes: ChangeSet) -> TypeGuard[NativeChanges]:
    """Whether the extension holds these changes."""
    return extension is not None and isinstance(changes, extension.NativeChanges)


def to_native(changes: ChangeSet) -> NativeChanges:
    """The same changes in the extension."""
    assert extension is not None
    if is_native(changes):
        return changes
    made: NativeChanges = extension.NativeChanges.from_python(changes)
    return made


class PathTrieCommitment:
    """A StateCommitment: the tries of the store's head, which has `state_root`."""

    def __init__(self, store: NativeStore | None, state_root: bytes) -> None:
        """`store` may be None for the empty state alone."""
        self._store = store
        self._state_root = state_root

    def storage_root(self, address: bytes) -> bytes:
        """Storage root of an account in the parent state (EMPTY_TRIE_ROOT where there is none)."""
        assert extension is not None
        root: bytes = extension.storage_root(self._store, self._state_root, address)
        return root

    def compute(self, changes: ChangeSet) -> TrieUpdate:
        """Roots after `changes`, on all threads; the head's tries stay as they are."""
        assert extension is not None
        native = to_native(changes)
        update = extension.compute_tries(self._store, self._state_root, native)
        return TrieUpdate(update.state_root, update.storage_roots, PathUpdate(update, changes, native))


def apply_native(raw: NativeWriteTransaction, mark: bytes, changes: ChangeSet, update: PathUpdate) -> NativeChanges:
    """Flat state, reverse changes and tries of one block in one call; removed slots stand in the answer as 0."""
    assert extension is not None
    native = update.native_of(changes)
    complete: NativeChanges = extension.apply_block(raw.store, raw.native, mark, native, update.update, DIRECT_KEYS)
    return complete


def settle_native(raw: NativeWriteTransaction) -> bool:
    """Spread the pending blocks over the tables; returns whether those of the tries stand at the head now."""
    assert extension is not None
    is_whole: bool = extension.settle(raw.store, raw.native)
    return is_whole


def restore_layers(store: NativeStore) -> None:
    """Make the tries of pending blocks again, after a start."""
    assert extension is not None
    extension.restore_layers(store)


def revert_native(raw: NativeWriteTransaction, number: int) -> None:
    """Make the tries those of the older block `number`; all blocks are settled."""
    put_tries(raw, tries_back_to(raw.store, number))


def tries_back_to(store: NativeStore, number: int) -> NativeTrieUpdate:
    """What leads from the head's tries back to those of the older block `number`."""
    assert extension is not None
    update: NativeTrieUpdate = extension.tries_back_to(store, number)
    return update


class NativeRebuild(Protocol):
    """A rebuilding of the tries, batch by batch."""

    def step(self) -> NativeTrieUpdate | None:
        """The next batch, to be written before the one after it is asked for; None at the end."""
        ...

    def progress(self) -> tuple[int, int]:
        """Accounts that are done, and all."""
        ...


def begin_rebuild(store: NativeStore) -> NativeRebuild:
    """Begin to make the tries anew from the flat state."""
    assert extension is not None
    rebuild: NativeRebuild = extension.NativeRebuild(store)
    return rebuild


def put_tries(raw: NativeWriteTransaction, update: NativeTrieUpdate) -> None:
    """Write an update of the tries alone."""
    assert extension is not None
    extension.put_tries(raw.native, update)


def root_of_tries(store: NativeStore) -> bytes:
    """Root of the tries that the store holds."""
    assert extension is not None
    root: bytes = extension.root_of_tries(store)
    return root


NativeProof = tuple[bytes | None, list[bytes]]
"""A value (None: there is none), and the nodes that show it."""


def prove_native(
    store: NativeStore, mark: bytes, state_root: bytes, address: bytes, slots: Sequence[bytes]
) -> tuple[NativeProof, list[NativeProof]]:
    """Proofs of an account, and of slots, in the state of the block `mark`, which has `state_root`."""
    assert extension is not None
    found: tuple[NativeProof, list[NativeProof]] = extension.prove(store, mark, state_root, address, slots)
    return found
