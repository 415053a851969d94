"""
What one account is about to send to L1, on disk before it is sent: an append-only file with checksums.

    header   magic "BRAIDS" | version u16 | chain id u64 | address 20 | crc32 u32
    group    length u32 | payload crc32 u32 | crc32 of these 8 bytes u32 | payload = RLP list of records

A group is written and synced before anything acts on it, so a crash leaves it whole
or torn, and what is torn was never acted upon: it is cut at the next start. When most
of the file is about settled requests it is written anew beside itself and renamed.
One process at a time: the file is locked.
"""

import contextlib
import fcntl
import os
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol
from zlib import crc32

from l1_bridge.errors import CriticalError, TemporaryError
from l1_bridge.sent_records import Record, StoredRequest, apply_record, decode_records, encode_records, records_of

MAGIC = b"BRAIDS"
VERSION = 1

_HEADER = struct.Struct(">6sHQ20s")
_GROUP = struct.Struct(">II")
_CRC = struct.Struct(">I")
HEADER_BYTES = _HEADER.size + _CRC.size
GROUP_HEADER_BYTES = _GROUP.size + _CRC.size

COMPACT_FLOOR_BYTES = 8 * 1024 * 1024
"""A file below this is never written anew."""

MAX_DEAD_SHARE = 2
"""Written anew when it is larger than the floor plus so many times what is live in it."""


class UnusableSentStore(CriticalError):
    """The file belongs to another account or chain, is held by another process, or is damaged."""


class SentStoreFailed(TemporaryError):
    """The disk did not take a write; nothing of it counts, and nothing was sent."""


class SentStore(Protocol):
    """Where the manager keeps what it owes."""

    def load(self) -> dict[int, StoredRequest]:
        """What is not settled, by sequence number, in order."""

    def append(self, records: Sequence[Record]) -> None:
        """Make the records durable, all of them or none; raises `SentStoreFailed`."""


class NoSentStore:
    """Nothing outlives the process; for commands that send one transaction and wait for it."""

    def load(self) -> dict[int, StoredRequest]:
        """Nothing."""
        return {}

    def append(self, records: Sequence[Record]) -> None:
        """Forget them."""


class FileSentStore:
    """One account's file; see the module."""

    def __init__(self, path: Path, descriptor: int, chain_id: int, address: bytes) -> None:
        self._path = path
        self._descriptor = descriptor
        self._header = _make_header(chain_id, address)
        self._live: dict[int, StoredRequest] = {}
        self._size = 0
        """Bytes that count; anything behind them is a write that failed."""
        self._compact_floor_bytes = COMPACT_FLOOR_BYTES

    @classmethod
    @contextlib.contextmanager
    def open(cls, directory: Path, *, chain_id: int, address: bytes) -> Iterator["FileSentStore"]:
        """
        Lock and read the account's file in `directory`; both are made when they are missing.

        Raises
        ------
        UnusableSentStore
            The file can not be used; the message says why.
        """
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / f"{chain_id}-{address.hex()}.sent"
        lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise UnusableSentStore(f"{path} is held by another process") from None
            store = cls(path, os.open(path, os.O_RDWR | os.O_CREAT, 0o600), chain_id, address)
            try:
                store._read()
                yield store
            finally:
                os.close(store._descriptor)
        finally:
            os.close(lock)

    def load(self) -> dict[int, StoredRequest]:
        """What is not settled, by sequence number, in order."""
        return {
            sequence: StoredRequest(stored.request, list(stored.versions)) for sequence, stored in self._live.items()
        }

    def append(self, records: Sequence[Record]) -> None:
        """Write and sync; a write that fails is cut off again. Raises `SentStoreFailed`."""
        if not records:
            return
        group = _make_group(records)
        try:
            self._write_at(self._size, group)
            os.fdatasync(self._descriptor)
        except OSError as reason:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, self._size)
            raise SentStoreFailed(f"{self._path}: {reason.strerror}") from reason
        self._size += len(group)
        for record in records:
            apply_record(self._live, record)
        self._compact_if_due()

    def _write_at(self, offset: int, data: bytes) -> None:
        view = memoryview(data)
        while view:
            written = os.pwrite(self._descriptor, view, offset)
            view = view[written:]
            offset += written

    def _read(self) -> None:
        content = _read_all(self._descriptor)
        if len(content) < HEADER_BYTES and self._header.startswith(content):
            self._write_at(0, self._header)
            os.ftruncate(self._descriptor, HEADER_BYTES)
            os.fsync(self._descriptor)
            _sync_directory(self._path.parent)
            self._size = HEADER_BYTES
            return
        if content[:HEADER_BYTES] != self._header:
            raise UnusableSentStore(f"{self._path} is no store of this account on this chain, or of another version")
        self._size = HEADER_BYTES
        written = len(content.rstrip(b"\0"))
        while (payload := self._next_payload(content, written)) is not None:
            for record in decode_records(payload):
                apply_record(self._live, record)
            self._size += GROUP_HEADER_BYTES + len(payload)
        if self._size < len(content):
            os.ftruncate(self._descriptor, self._size)
            os.fsync(self._descriptor)

    def _next_payload(self, content: bytes, written: int) -> bytes | None:
        """
        The group behind those that count; None at the end, or where a torn tail begins.

        `written` is where nothing but zeros follows: a file may have grown before its bytes came. Raises
        UnusableSentStore for damage before the end.
        """
        begin = self._size + GROUP_HEADER_BYTES
        header = content[self._size : begin]
        if len(header) < GROUP_HEADER_BYTES:
            return None
        length, checksum = _GROUP.unpack_from(header)
        is_header = _CRC.unpack_from(header, _GROUP.size)[0] == crc32(header[: _GROUP.size])
        payload = content[begin : begin + length]
        if is_header and len(payload) == length and crc32(payload) == checksum:
            return payload
        if written > (begin + length if is_header else begin):
            raise UnusableSentStore(f"{self._path} is damaged at byte {self._size}")
        return None

    def _compact_if_due(self) -> None:
        """Replace the file by one that holds only what is live; a failure leaves the old one in place."""
        live_bytes = sum(stored.size_bytes for stored in self._live.values())
        if self._size <= self._compact_floor_bytes + MAX_DEAD_SHARE * live_bytes:
            return
        content = self._header + (_make_group(records_of(self._live)) if self._live else b"")
        fresh = self._path.with_suffix(".new")
        try:
            fresh.write_bytes(content)
            descriptor = os.open(fresh, os.O_RDWR)
        except OSError:
            return
        try:
            os.fsync(descriptor)
            os.rename(fresh, self._path)
        except OSError:
            os.close(descriptor)
            return
        os.close(self._descriptor)
        self._descriptor, self._size = descriptor, len(content)
        _sync_directory(self._path.parent)


def _make_header(chain_id: int, address: bytes) -> bytes:
    fields = _HEADER.pack(MAGIC, VERSION, chain_id, address)
    return fields + _CRC.pack(crc32(fields))


def _make_group(records: Sequence[Record]) -> bytes:
    payload = encode_records(records)
    fields = _GROUP.pack(len(payload), crc32(payload))
    return fields + _CRC.pack(crc32(fields)) + payload


def _read_all(descriptor: int) -> bytes:
    with os.fdopen(os.dup(descriptor), "rb") as file:
        file.seek(0)
        return file.read()


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
