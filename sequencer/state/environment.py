"""What the store needs of an LMDB binding. There are two: `lmdb_environment` and `native_environment`."""

from collections.abc import Iterator
from typing import Protocol


class RawRead(Protocol):
    """A consistent look; tables by their name on disk. `end` gives it back."""

    def get(self, table: bytes, key: bytes) -> bytes | None:
        """The value under `key`."""
        ...

    def scan(self, table: bytes, key: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Entries whose key is not below `key`, ascending."""
        ...

    def count(self, table: bytes) -> int:
        """Number of entries."""
        ...

    def end(self) -> None:
        """No read after this."""
        ...


class RawWrite(RawRead, Protocol):
    """The transaction that changes the store; ends with `commit` or with `end`, which forgets it."""

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


class Environment(Protocol):
    """An open environment. Its transactions raise `map_full` when a write does not fit."""

    map_full: type[Exception]

    def begin_read(self) -> RawRead:
        """A consistent look."""
        ...

    def begin_write(self) -> RawWrite:
        """The one write transaction."""
        ...

    def grow(self) -> None:
        """Double the map, as soon as this process has no look open."""
        ...

    def check_readers(self) -> int:
        """Give back the slots of readers that were killed; returns how many there were."""
        ...

    def close(self) -> None:
        """Give the environment back, as soon as this process has no look open."""
        ...
