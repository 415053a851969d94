"""
The durable store: one LMDB environment a data directory, one writer, one atomic transaction a block.

    meta          format, chain id, store id, cache secret, genesis, heads      history    old values by key and block
    accounts      address -> account                                            changed    block -> keys in `history`
    storage       address | slot -> value                                       codes      code hash -> code
    nodes, paths  the tries, derived from the above                             blocks, receipts, refs: by number
    numbers       block hash -> number        transactions   hash -> position   derived    number -> L1 block

Readers, in this process or in others, see the state before a commit or after it, never between. Every read takes a
transaction of its own and ends it at once: nobody pins old pages, and the map can grow while readers live.
With the native extension every process reads and writes through it, else through the `lmdb` package.
"""

import contextlib
import fcntl
import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, TypeVar

from sequencer.native import is_available

from .environment import Environment, RawRead, RawWrite
from .lmdb_environment import open_lmdb
from .native_environment import NativeEnvironment, NativeStore, open_native
from .store_errors import (
    StoreDamaged,
    StoreInUse,
    StoreMissing,
    StoreOfAnotherChain,
    StoreOfAnotherLibrary,
    StoreVersion,
)
from .tables import Table

__all__ = [
    "ReadTransaction",
    "Store",
    "StoreDamaged",
    "StoreInUse",
    "StoreMissing",
    "StoreOfAnotherChain",
    "StoreOfAnotherLibrary",
    "StoreVersion",
    "Table",
    "WriteTransaction",
]

T = TypeVar("T")

FORMAT_VERSION = 2
"""Changes whenever an older program could misread what a newer one wrote."""

INITIAL_MAP_BYTES = 1 << 30
"""Address space at first; it doubles whenever a commit does not fit. The file itself only has what is used."""

READER_CHECK_COMMITS = 128
"""How often slots of readers that were killed are given back: until then no page that they saw is used again."""

IDENTITY_BYTES = 16


class ReadTransaction:
    """A consistent look at the store; valid inside its `with` block only."""

    def __init__(self, raw: RawRead) -> None:
        self._raw = raw

    def get(self, table: Table, key: bytes) -> bytes | None:
        """The value under `key`."""
        return self._raw.get(table.value, key)

    def first_from(self, table: Table, key: bytes) -> tuple[bytes, bytes] | None:
        """The entry with the smallest key that is not below `key`."""
        return next(self._raw.scan(table.value, key), None)

    def from_key(self, table: Table, key: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Entries whose key is not below `key`, ascending."""
        return self._raw.scan(table.value, key)

    def with_prefix(self, table: Table, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Entries whose key begins with `prefix`, ascending."""
        for key, value in self._raw.scan(table.value, prefix):
            if not key.startswith(prefix):
                return
            yield key, value

    def count(self, table: Table) -> int:
        """Number of entries."""
        return self._raw.count(table.value)


class WriteTransaction(ReadTransaction):
    """The one transaction that may change the store."""

    def __init__(self, raw: RawWrite) -> None:
        super().__init__(raw)
        self.raw = raw

    def put(self, table: Table, key: bytes, value: bytes) -> None:
        """Set the value under `key`."""
        self.raw.put(table.value, key, value)

    def put_all(self, table: Table, entries: Iterable[tuple[bytes, bytes]]) -> None:
        """Set many values."""
        put, name = self.raw.put, table.value
        for key, value in entries:
            put(name, key, value)

    def delete(self, table: Table, key: bytes) -> None:
        """Remove the entry under `key`, if there is one."""
        self.raw.delete(table.value, key)

    def clear(self, table: Table) -> None:
        """Remove every entry of a table."""
        self.raw.clear(table.value)


class Store:
    """One open environment. Reads from any thread; writes from one thread at a time."""

    def __init__(self, path: Path, environment: Environment, writer_lock: IO[bytes] | None) -> None:
        self.path = path
        self._environment = environment
        self._writer_lock = writer_lock
        self._commits = 0
        self.native: NativeStore | None = environment.native if isinstance(environment, NativeEnvironment) else None
        """The extension's handle; None where the `lmdb` package serves."""
        self.store_id = b""
        """Made with the directory: two nodes of one chain never share it."""
        self.cache_secret = b""
        """Key of the check codes of cached values; never leaves the machine."""

    @classmethod
    def open(cls, path: Path, *, chain_id: int, read_only: bool = False, map_bytes: int = INITIAL_MAP_BYTES) -> "Store":
        """
        Open the store in directory `path`; make it when there is none.

        Raises
        ------
        StoreMissing
            `read_only` and there is none.
        StoreInUse
            another process has it open for writing.
        StoreOfAnotherChain, StoreVersion
            it was made for another chain id, or in another format.
        StoreOfAnotherLibrary
            another process has it open through the other LMDB binding.
        StoreDamaged
            what is there is no store of ours, or not any more.
        """
        if read_only and not (path / "data.mdb").exists():
            raise StoreMissing(path)
        path.mkdir(parents=True, exist_ok=True)
        writer_lock = None if read_only else _lock_for_writing(path)
        open_environment = open_native if is_available() else open_lmdb
        try:
            environment = open_environment(path, read_only=read_only, map_bytes=map_bytes)
        except BaseException:
            if writer_lock is not None:
                writer_lock.close()
            raise
        store = cls(path, environment, writer_lock)
        try:
            store._identify(chain_id)
        except BaseException:
            store.close()
            raise
        return store

    def _identify(self, chain_id: int) -> None:
        if self._writer_lock is not None:
            self.write(lambda transaction: _write_identity(transaction, chain_id))
        with self.read() as transaction:
            version = int.from_bytes(transaction.get(Table.META, b"format") or b"", "big")
            if version != FORMAT_VERSION:
                raise StoreVersion(self.path, version, FORMAT_VERSION)
            found = int.from_bytes(transaction.get(Table.META, b"chain_id") or b"", "big")
            if found != chain_id:
                raise StoreOfAnotherChain(self.path, "chain id", found, chain_id)
            self.store_id = transaction.get(Table.META, b"store_id") or b""
            self.cache_secret = transaction.get(Table.META, b"cache_secret") or b""

    @contextlib.contextmanager
    def read(self) -> Iterator[ReadTransaction]:
        """A consistent look. Keep it short, and begin no other one inside: the map can not grow meanwhile."""
        raw = self._environment.begin_read()
        try:
            yield ReadTransaction(raw)
        finally:
            raw.end()

    def write(self, change: Callable[[WriteTransaction], T]) -> T:
        """
        Run `change` in one atomic, durable transaction and return what it returns.

        When the map is full it is doubled and `change` runs again from the start, so it must have no effect outside
        the transaction. Any exception leaves the store as it was.
        """
        while True:
            raw = self._environment.begin_write()
            try:
                result = change(WriteTransaction(raw))
                raw.commit()
            except self._environment.map_full:
                raw.end()
                self._environment.grow()
            except BaseException:
                raw.end()
                raise
            else:
                self._commits += 1
                if self._commits % READER_CHECK_COMMITS == 1:
                    self.check_readers()
                return result

    def check_readers(self) -> int:
        """Give back the slots of readers that were killed; returns how many there were."""
        return self._environment.check_readers()

    def close(self) -> None:
        """Give back the environment; reads and writes fail from here on."""
        self._environment.close()
        if self._writer_lock is not None:
            self._writer_lock.close()


def _write_identity(transaction: WriteTransaction, chain_id: int) -> None:
    if transaction.get(Table.META, b"format") is not None:
        return
    transaction.put(Table.META, b"format", FORMAT_VERSION.to_bytes(4, "big"))
    transaction.put(Table.META, b"chain_id", chain_id.to_bytes(32, "big"))
    transaction.put(Table.META, b"store_id", secrets.token_bytes(IDENTITY_BYTES))
    transaction.put(Table.META, b"cache_secret", secrets.token_bytes(IDENTITY_BYTES))


def _lock_for_writing(path: Path) -> IO[bytes]:
    """Hold the directory for this process; the kernel gives it back when the process ends, however it ends."""
    lock = open(path / "writer.lock", "ab")  # noqa: SIM115  # lives as long as the store
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise StoreInUse(path) from None
    os.set_inheritable(lock.fileno(), False)
    return lock
