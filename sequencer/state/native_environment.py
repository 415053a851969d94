"""
The store's environment through the native extension, which then owns LMDB in every process.

Lock formats differ between builds of LMDB: a live environment of the `lmdb` package is refused, one that nobody has
open is not.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from sequencer.native import extension

from .store_errors import StoreDamaged, StoreOfAnotherLibrary

FIRST_PAGE = 8
"""Entries that the first look of a scan takes: most scans need one or few."""

NEXT_PAGE = 512


class NativeState(Protocol):
    """The flat state at one block, as the extension reads it."""

    def encoded(self, key: bytes) -> bytes:
        """Encoded value by key: `a` | address, `s` | address | slot, `c` | code hash."""
        ...

    def encoded_many(self, keys: list[bytes]) -> list[bytes]:
        """The same for many keys, in one look."""
        ...

    def check(self) -> None:
        """Raise where the state can not be read."""
        ...


class NativeRead(Protocol):
    """The extension's look at the store."""

    def get(self, table: bytes, key: bytes) -> bytes | None:
        """The value under `key`."""
        ...

    def page(self, table: bytes, key: bytes, after: bool, limit: int) -> list[tuple[bytes, bytes]]:
        """Up to `limit` entries from `key` on, without the one at `key` when `after` is set."""
        ...

    def count(self, table: bytes) -> int:
        """Number of entries."""
        ...

    def end(self) -> None:
        """No read after this."""
        ...


class NativeWrite(NativeRead, Protocol):
    """The extension's write transaction; `end` forgets it."""

    def put(self, table: bytes, key: bytes, value: bytes) -> None:
        """Set the value under `key`."""
        ...

    def delete(self, table: bytes, key: bytes) -> None:
        """Remove the entry under `key`, if there is one."""
        ...

    def clear(self, table: bytes) -> None:
        """Remove every entry."""
        ...

    def commit(self) -> None:
        """Make all of it durable."""
        ...


class NativeStore(Protocol):
    """The extension's environment."""

    def begin_read(self) -> NativeRead:
        """A consistent look."""
        ...

    def begin_write(self) -> NativeWrite:
        """The one write transaction."""
        ...

    def grow(self) -> None:
        """Double the map."""
        ...

    def check_readers(self) -> int:
        """Give back the slots of readers that were killed."""
        ...

    def pending_blocks(self) -> int:
        """How many blocks are committed, but not settled."""
        ...

    def close(self) -> None:
        """Give the environment back."""
        ...

    def state_at(self, mark: bytes) -> NativeState:
        """The state at the block with that number and hash."""
        ...


class _Transaction:
    """A RawRead over the extension's transaction."""

    def __init__(self, transaction: NativeRead) -> None:
        self.get = transaction.get
        self.count = transaction.count
        self.end = transaction.end
        self._page = transaction.page

    def scan(self, table: bytes, key: bytes) -> Iterator[tuple[bytes, bytes]]:
        limit = FIRST_PAGE
        entries = self._page(table, key, False, limit)
        while entries:
            yield from entries
            if len(entries) < limit:
                return
            limit = NEXT_PAGE
            entries = self._page(table, entries[-1][0], True, limit)


class NativeWriteTransaction(_Transaction):
    """A RawWrite; `native` and `store` are the extension's, for what it writes by itself."""

    def __init__(self, transaction: NativeWrite, store: NativeStore) -> None:
        super().__init__(transaction)
        self.native = transaction
        self.store = store
        self.put = transaction.put
        self.delete = transaction.delete
        self.clear = transaction.clear
        self.commit = transaction.commit


class NativeEnvironment:
    """An Environment over the extension's; `native` is the handle that other parts of the extension take."""

    map_full: type[Exception] = Exception if extension is None else extension.MapFull

    def __init__(self, native: NativeStore) -> None:
        """Use `open_native`."""
        self.native = native
        self.grow = native.grow
        self.check_readers = native.check_readers
        self.close = native.close

    def begin_read(self) -> _Transaction:
        """A consistent look."""
        return _Transaction(self.native.begin_read())

    def begin_write(self) -> NativeWriteTransaction:
        """The one write transaction."""
        return NativeWriteTransaction(self.native.begin_write(), self.native)


def open_native(path: Path, *, read_only: bool, map_bytes: int) -> NativeEnvironment:
    """Open the environment in directory `path`; raises StoreDamaged or StoreOfAnotherLibrary."""
    assert extension is not None
    try:
        return NativeEnvironment(extension.NativeStore.open(path, read_only, map_bytes))
    except extension.StoreFailure as failure:
        kind, reason = failure.args
        if kind == "other_library":
            raise StoreOfAnotherLibrary(path) from None
        raise StoreDamaged(path, reason) from None


def is_unavailable(failure: Exception) -> bool:
    """Whether the extension says with it that the state of a block can not be read."""
    return bool(failure.args) and failure.args[0] == "unavailable"


STORE_FAILURE: type[Exception] = Exception if extension is None else extension.StoreFailure
"""What the extension raises for the store."""
