"""
The writing end of the journal: groups go to the newest segment, each followed by one fdatasync.

Runs on the journal's own thread and knows no event loop. After a failed write or sync nothing is assumed about the
file's end: before the next group it is cut back to the last offset that was synced.
"""

import contextlib
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from .errors import JournalWriteFailed
from .journal_segment import SALT_BYTES, SegmentHeader, encode_group, sync_directory
from .metrics import JOURNAL_SYNC_SECONDS

SEGMENT_SUFFIX = ".journal"


def segment_path(directory: Path, number: int) -> Path:
    """Where segment `number` is kept."""
    return directory / f"{number:010d}{SEGMENT_SUFFIX}"


def list_segments(directory: Path) -> list[int]:
    """Numbers of the segments in the directory, ascending; other files are not looked at."""
    return sorted(int(path.stem) for path in directory.glob(f"*{SEGMENT_SUFFIX}") if path.stem.isdecimal())


class SegmentWriter:
    """Appends groups; begins a new segment at the first write, and whenever the newest is large enough."""

    def __init__(
        self,
        directory: Path,
        chain_id: int,
        next_number: int,
        *,
        segment_bytes: int,
        sync: Callable[[int], None] = os.fdatasync,
        salt_source: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._directory = directory
        self._chain_id = chain_id
        self._next_number = next_number
        self._segment_bytes = segment_bytes
        self._sync = sync
        self._salt_source = salt_source
        self._descriptor: int | None = None
        self._header = SegmentHeader(chain_id=chain_id, salt=bytes(SALT_BYTES))
        self._end = 0
        self._is_dirty = False

    def write(self, records: Sequence[bytes]) -> int:
        """Make the records durable as one group; returns the segment's number. Raises JournalWriteFailed."""
        try:
            self._repair()
            if self._descriptor is None or self._end >= self._segment_bytes:
                self._begin_segment()
            assert self._descriptor is not None
            group = encode_group(self._header, self._end, records)
            started = time.perf_counter()
            self._is_dirty = True
            _write_all(self._descriptor, group, self._end)
            self._sync(self._descriptor)
            self._is_dirty = False
            self._end += len(group)
            JOURNAL_SYNC_SECONDS.observe(time.perf_counter() - started)
        except OSError as reason:
            raise JournalWriteFailed(self._directory, str(reason)) from reason
        return self._next_number - 1

    def remove(self, number: int) -> None:
        """Delete a segment that is not the newest. Raises JournalWriteFailed."""
        try:
            segment_path(self._directory, number).unlink(missing_ok=True)
            sync_directory(self._directory)
        except OSError as reason:
            raise JournalWriteFailed(self._directory, str(reason)) from reason

    def close(self) -> None:
        """Give the file back; what was not synced is not kept."""
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                self._repair()
            os.close(self._descriptor)
            self._descriptor = None

    def _repair(self) -> None:
        if self._is_dirty and self._descriptor is not None:
            os.ftruncate(self._descriptor, self._end)
            self._sync(self._descriptor)
            self._is_dirty = False

    def _begin_segment(self) -> None:
        header = SegmentHeader(chain_id=self._chain_id, salt=self._salt_source(SALT_BYTES))
        encoded = header.encode()
        path = segment_path(self._directory, self._next_number)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            _write_all(descriptor, encoded, 0)
            self._sync(descriptor)
            sync_directory(self._directory)
        except OSError:
            os.close(descriptor)
            raise
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor, self._header, self._end = descriptor, header, len(encoded)
        self._next_number += 1


def _write_all(descriptor: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written
