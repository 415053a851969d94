"""
The durable store: one LMDB environment a data directory, one writer, one atomic transaction a block.

    meta          format, chain id, store id, cache secret, genesis, heads      history    old values by key and block
    accounts      address -> account                                            changed    block -> keys in `history`
    storage       address | slot -> value                                       codes      code hash -> code
    nodes         trie node hash -> node                                        blocks, receipts, refs: by number
    numbers       block hash -> number        transactions   hash -> position   derived    number -> L1 block

Readers, in this process or in others, see the state before a commit or after it, never between. Every read takes a
transaction of its own and ends it at once: nobody pins old pages, and the map can grow while readers live.
This module is the only door to `lmdb`.
"""

import contextlib
import fcntl
import os
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from pathlib import Path
from typing import IO, TypeVar

import lmdb

from l1_bridge.errors import CriticalError

T = TypeVar("T")

FORMAT_VERSION = 1
"""Changes whenever an older program could misread what a newer one wrote."""

INITIAL_MAP_BYTES = 1 << 30
"""Address space at first; it doubles whenever a commit does not fit. The file itself only has what is used."""

MAX_READERS = 512
"""Reader slots shared by all processes that have the environment open."""

READER_CHECK_COMMITS = 128
"""How often slots of readers that were killed are given back: until then no page that they saw is used again."""

IDENTITY_BYTES = 16


class Table(Enum):
    """Named tables; the value is the name on disk."""

    META = b"meta"
    ACCOUNTS = b"accounts"
    STORAGE = b"storage"
    CODES = b"codes"
    NODES = b"nodes"
    HISTORY = b"history"
    CHANGED = b"changed"
    BLOCKS = b"blocks"
    RECEIPTS = b"receipts"
    REFS = b"refs"
    NUMBERS = b"numbers"
    TRANSACTIONS = b"transactions"
    DERIVED = b"derived"


class StoreMissing(CriticalError):
    """There is no store in the directory, and it was opened for reading only."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} holds no store")
        self.path = path


class StoreOfAnotherChain(CriticalError):
    """The directory belongs to a chain with another id or another genesis block."""

    def __init__(self, path: Path, what: str, found: object, expected: object) -> None:
        super().__init__(f"{path} belongs to another chain: {what} {found}, not {expected}")
        self.path = path
        self.found = found
        self.expected = expected


class StoreVersion(CriticalError):
    """The directory was written in a format that this program does not read."""

    def __init__(self, path: Path, found: int) -> None:
        super().__init__(f"{path} has store format {found}, this program reads {FORMAT_VERSION}")
        self.path = path
        self.found = found


class StoreDamaged(CriticalError):
    """What is in the directory does not read as a store."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} can not be read as a store: {reason}")
        self.path = path
        self.reason = reason


class StoreInUse(CriticalError):
    """Another process writes to the directory."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is in use by another process")
        self.path = path


class ReadTransaction:
    """A consistent look at the store; valid inside its `with` block only."""

    def __init__(self, transaction: "lmdb.Transaction[bytes]", tables: dict[Table, "lmdb._Database"]) -> None:
        self._transaction = transaction
        self._tables = tables

    def get(self, table: Table, key: bytes) -> bytes | None:
        """The value under `key`."""
        return self._transaction.get(key, db=self._tables[table])

    def first_from(self, table: Table, key: bytes) -> tuple[bytes, bytes] | None:
        """The entry with the smallest key that is not below `key`."""
        with self._transaction.cursor(db=self._tables[table]) as cursor:
            return cursor.item() if cursor.set_range(key) else None

    def from_key(self, table: Table, key: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Entries whose key is not below `key`, ascending."""
        with self._transaction.cursor(db=self._tables[table]) as cursor:
            if cursor.set_range(key):
                yield from cursor

    def with_prefix(self, table: Table, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Entries whose key begins with `prefix`, ascending."""
        for key, value in self.from_key(table, prefix):
            if not key.startswith(prefix):
                return
            yield key, value

    def count(self, table: Table) -> int:
        """Number of entries."""
        return self._transaction.stat(db=self._tables[table])["entries"]


class WriteTransaction(ReadTransaction):
    """The one transaction that may change the store."""

    def put(self, table: Table, key: bytes, value: bytes) -> None:
        """Set the value under `key`."""
        self._transaction.put(key, value, db=self._tables[table])

    def put_all(self, table: Table, entries: Iterable[tuple[bytes, bytes]]) -> None:
        """Set many values."""
        database = self._tables[table]
        for key, value in entries:
            self._transaction.put(key, value, db=database)

    def delete(self, table: Table, key: bytes) -> None:
        """Remove the entry under `key`, if there is one."""
        self._transaction.delete(key, db=self._tables[table])


class Store:
    """One open environment. Reads from any thread; writes from one thread at a time."""

    def __init__(self, path: Path, environment: lmdb.Environment, writer_lock: IO[bytes] | None) -> None:
        self.path = path
        self._environment = environment
        self._writer_lock = writer_lock
        self._tables: dict[Table, lmdb._Database] = {}
        self._gate = threading.Condition()
        self._active = 0
        self._commits = 0
        self._is_closed_to_readers = False
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
        StoreDamaged
            what is there is no store of ours, or not any more.
        """
        if read_only and not (path / "data.mdb").exists():
            raise StoreMissing(path)
        path.mkdir(parents=True, exist_ok=True)
        writer_lock = None if read_only else _lock_for_writing(path)
        try:
            environment = _open_environment(path, read_only, map_bytes)
        except lmdb.Error as reason:
            if writer_lock is not None:
                writer_lock.close()
            raise StoreDamaged(path, str(reason)) from None
        store = cls(path, environment, writer_lock)
        try:
            store._open_tables(chain_id)
        except BaseException:
            store.close()
            raise
        return store

    def _open_tables(self, chain_id: int) -> None:
        is_writer = self._writer_lock is not None
        for table in Table:
            self._tables[table] = self._environment.open_db(table.value, create=is_writer)
        if is_writer:
            self.write(lambda transaction: _write_identity(transaction, chain_id))
        with self.read() as transaction:
            version = int.from_bytes(transaction.get(Table.META, b"format") or b"", "big")
            if version != FORMAT_VERSION:
                raise StoreVersion(self.path, version)
            found = int.from_bytes(transaction.get(Table.META, b"chain_id") or b"", "big")
            if found != chain_id:
                raise StoreOfAnotherChain(self.path, "chain id", found, chain_id)
            self.store_id = transaction.get(Table.META, b"store_id") or b""
            self.cache_secret = transaction.get(Table.META, b"cache_secret") or b""

    @contextlib.contextmanager
    def read(self) -> Iterator[ReadTransaction]:
        """A consistent look. Keep it short, and begin no other one inside: the map can not grow meanwhile."""
        with self._gate:
            self._gate.wait_for(lambda: not self._is_closed_to_readers)
            self._active += 1
        try:
            with self._begin_read() as transaction:
                yield ReadTransaction(transaction, self._tables)
        finally:
            with self._gate:
                self._active -= 1
                if self._is_closed_to_readers and self._active == 0:
                    self._gate.notify_all()

    def _begin_read(self) -> "lmdb.Transaction[bytes]":
        try:
            return self._environment.begin()
        except lmdb.MapResizedError:  # the writer, in another process, made the map larger
            with self._without_readers(own_reads=1):
                self._environment.set_mapsize(0)
            return self._environment.begin()

    def write(self, change: Callable[[WriteTransaction], T]) -> T:
        """
        Run `change` in one atomic, durable transaction and return what it returns.

        When the map is full it is doubled and `change` runs again from the start, so it must have no effect outside
        the transaction. Any exception leaves the store as it was.
        """
        while True:
            transaction = self._environment.begin(write=True)
            try:
                result = change(WriteTransaction(transaction, self._tables))
                transaction.commit()
            except lmdb.MapFullError:
                with self._without_readers():
                    transaction.abort()
                    self._environment.set_mapsize(self._environment.info()["map_size"] * 2)
            except BaseException:
                with self._without_readers():
                    transaction.abort()
                raise
            else:
                self._commits += 1
                if self._commits % READER_CHECK_COMMITS == 1:
                    self._environment.reader_check()
                return result

    @contextlib.contextmanager
    def _without_readers(self, own_reads: int = 0) -> Iterator[None]:
        """
        Wait until this process has no read transaction, and let none begin meanwhile.

        The map's size can only be changed then; and the library lets an abort wait for a moment without readers,
        which under steady reading never comes by itself.
        """
        with self._gate:
            self._active -= own_reads
            self._gate.wait_for(lambda: not self._is_closed_to_readers)
            self._is_closed_to_readers = True
            try:
                self._gate.wait_for(lambda: self._active == 0)
                yield
            finally:
                self._is_closed_to_readers = False
                self._active += own_reads
                self._gate.notify_all()

    def close(self) -> None:
        """Give back the environment; reads and writes fail from here on."""
        with self._without_readers():
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


def _open_environment(path: Path, read_only: bool, map_bytes: int) -> lmdb.Environment:
    environment = lmdb.open(
        str(path),
        map_size=map_bytes,
        subdir=True,
        readonly=read_only,
        create=not read_only,
        max_readers=MAX_READERS,
        max_dbs=len(Table),
        max_spare_txns=8,
        readahead=False,
        meminit=False,
    )
    pages = environment.info()["last_pgno"] + 1
    if (path / "data.mdb").stat().st_size < pages * environment.stat()["psize"]:
        environment.close()  # a read behind the end of the file would end the process
        raise lmdb.CorruptedError("data.mdb was cut off")
    return environment


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
