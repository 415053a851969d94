"""
The store's environment through the `lmdb` package: what serves where the native extension is not. Its only door.

The map's size can only be changed while this process has no read transaction, so they are counted here.
"""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import lmdb

from .store_errors import StoreDamaged, StoreOfAnotherLibrary
from .tables import Table

MAX_READERS = 512
"""Reader slots shared by all processes that have the environment open."""


class _ReadGate:
    """Counts read transactions, and holds new ones up while somebody is `alone`."""

    def __init__(self) -> None:
        self._moved = threading.Condition()
        self._active = 0
        self._is_shut = False

    def enter(self) -> None:
        with self._moved:
            self._moved.wait_for(lambda: not self._is_shut)
            self._active += 1

    def leave(self) -> None:
        with self._moved:
            self._active -= 1
            if self._is_shut and self._active == 0:
                self._moved.notify_all()

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Wait until this process has no read transaction, and let none begin meanwhile."""
        with self._moved:
            self._moved.wait_for(lambda: not self._is_shut)
            self._is_shut = True
            try:
                self._moved.wait_for(lambda: self._active == 0)
                yield
            finally:
                self._is_shut = False
                self._moved.notify_all()


class _Read:
    """A RawRead."""

    def __init__(self, transaction: "lmdb.Transaction[bytes]", tables: "dict[bytes, lmdb._Database]") -> None:
        self._transaction = transaction
        self._tables = tables

    def get(self, table: bytes, key: bytes) -> bytes | None:
        return self._transaction.get(key, db=self._tables[table])

    def scan(self, table: bytes, key: bytes) -> Iterator[tuple[bytes, bytes]]:
        with self._transaction.cursor(db=self._tables[table]) as cursor:
            if cursor.set_range(key):
                yield from cursor

    def count(self, table: bytes) -> int:
        return self._transaction.stat(db=self._tables[table])["entries"]


class _ReadTransaction(_Read):
    def __init__(
        self, transaction: "lmdb.Transaction[bytes]", tables: "dict[bytes, lmdb._Database]", gate: _ReadGate
    ) -> None:
        super().__init__(transaction, tables)
        self._gate = gate

    def end(self) -> None:
        try:
            self._transaction.abort()
        finally:
            self._gate.leave()


class _WriteTransaction(_Read):
    def __init__(
        self, transaction: "lmdb.Transaction[bytes]", tables: "dict[bytes, lmdb._Database]", gate: _ReadGate
    ) -> None:
        super().__init__(transaction, tables)
        self._gate = gate

    def put(self, table: bytes, key: bytes, value: bytes) -> None:
        self._transaction.put(key, value, db=self._tables[table])

    def delete(self, table: bytes, key: bytes) -> None:
        self._transaction.delete(key, db=self._tables[table])

    def clear(self, table: bytes) -> None:
        self._transaction.drop(self._tables[table], delete=False)

    def commit(self) -> None:
        self._transaction.commit()

    def end(self) -> None:
        with self._gate.alone():  # else the library waits in `abort` for a moment without readers, perhaps for ever
            self._transaction.abort()


class LmdbEnvironment:
    """An Environment over `lmdb.Environment`."""

    map_full: type[Exception] = lmdb.MapFullError

    def __init__(self, environment: lmdb.Environment, tables: "dict[bytes, lmdb._Database]") -> None:
        """Use `open_lmdb`."""
        self._environment = environment
        self._tables = tables
        self._gate = _ReadGate()

    def begin_read(self) -> _ReadTransaction:
        """A consistent look."""
        self._gate.enter()
        try:
            return _ReadTransaction(self._begin_entered(), self._tables, self._gate)
        except BaseException:
            self._gate.leave()
            raise

    def _begin_entered(self) -> "lmdb.Transaction[bytes]":
        while True:
            try:
                return self._environment.begin()
            except lmdb.MapResizedError:  # the writer, in another process, made the map larger
                self._gate.leave()
                try:
                    with self._gate.alone():
                        self._environment.set_mapsize(0)
                finally:
                    self._gate.enter()

    def begin_write(self) -> _WriteTransaction:
        """The one write transaction."""
        return _WriteTransaction(self._environment.begin(write=True), self._tables, self._gate)

    def grow(self) -> None:
        """Double the map."""
        with self._gate.alone():
            self._environment.set_mapsize(self._environment.info()["map_size"] * 2)

    def check_readers(self) -> int:
        """Give back the slots of readers that were killed."""
        return self._environment.reader_check()

    def close(self) -> None:
        """Give the environment back."""
        with self._gate.alone():
            self._environment.close()


def open_lmdb(path: Path, *, read_only: bool, map_bytes: int) -> LmdbEnvironment:
    """Open the environment in directory `path`; raises StoreDamaged or StoreOfAnotherLibrary."""
    try:
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
    except lmdb.VersionMismatchError:
        raise StoreOfAnotherLibrary(path) from None
    except lmdb.Error as reason:
        raise StoreDamaged(path, str(reason)) from None
    try:
        pages = environment.info()["last_pgno"] + 1
        if (path / "data.mdb").stat().st_size < pages * environment.stat()["psize"]:
            raise StoreDamaged(path, "data.mdb was cut off")  # a read behind the file's end would end the process
        tables = {table.value: _open_table(environment, table, path, create=not read_only) for table in Table}
    except BaseException:
        environment.close()
        raise
    return LmdbEnvironment(environment, tables)


def _open_table(environment: lmdb.Environment, table: Table, path: Path, *, create: bool) -> "lmdb._Database":
    try:
        return environment.open_db(table.value, create=create)
    except lmdb.NotFoundError:
        raise StoreDamaged(path, f"there is no table {table.value.decode()}") from None
    except lmdb.Error as reason:
        raise StoreDamaged(path, str(reason)) from None
