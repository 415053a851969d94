"""
One file of the journal: a header, then groups; a group is what one sync made durable.

    header   magic "BRAIDJ" | version u16 | chain id u64 | salt 8 B | crc32 u32              28 bytes
    group    magic 4 B | length u32 | payload crc32 u32 | header crc32 u32 | payload         record: length u32 | bytes

A group's header checksum covers the segment's salt and the group's own offset, so bytes inside a user's transaction
can not pass for a group. A group that does not read at the end of the last segment is a torn tail: its sync never
returned, nobody was told, and it is cut. One that does not read with a good group behind it is corruption: groups are
written one after another, each after the sync of the one before.
"""

import os
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sequencer.primitives.errors import DecodingError

from .errors import JournalCorrupt, JournalOfAnotherChain
from .journal_records import Record, decode_record

MAGIC = b"BRAIDJ"
VERSION = 1
GROUP_MAGIC = b"\xb7GRP"

HEADER = struct.Struct(">6sHQ8sI")
GROUP = struct.Struct(">4sIII")
_RECORD_LENGTH = struct.Struct(">I")
_PLACE = struct.Struct(">8sQII")

SALT_BYTES = 8


@dataclass(frozen=True, slots=True)
class SegmentHeader:
    """What a segment begins with."""

    chain_id: int
    salt: bytes

    def encode(self) -> bytes:
        """The header's 28 bytes."""
        unsigned = HEADER.pack(MAGIC, VERSION, self.chain_id, self.salt, 0)[:-4]
        return unsigned + zlib.crc32(unsigned).to_bytes(4, "big")


@dataclass(frozen=True, slots=True)
class SegmentContent:
    """A segment as it was read: `end` is the offset after the last good group."""

    header: SegmentHeader
    records: tuple[Record, ...]
    end: int
    size: int

    @property
    def torn_bytes(self) -> int:
        """Bytes after the last good group, 0 for a segment that was closed in order."""
        return self.size - self.end


def encode_group(header: SegmentHeader, offset: int, records: Sequence[bytes]) -> bytes:
    """The bytes of one group that will stand at `offset`."""
    payload = b"".join(_RECORD_LENGTH.pack(len(record)) + record for record in records)
    payload_checksum = zlib.crc32(payload)
    header_checksum = _header_checksum(header, offset, len(payload), payload_checksum)
    return GROUP.pack(GROUP_MAGIC, len(payload), payload_checksum, header_checksum) + payload


def read_segment(path: Path, *, chain_id: int, is_last: bool) -> SegmentContent | None:
    """
    Read a whole segment; None for a last segment whose header was never finished (nothing is in it).

    Raises
    ------
    JournalCorrupt
        when a part that was synced does not read back; JournalOfAnotherChain for another chain's segment.
    """
    data = path.read_bytes()
    header = _read_header(path, data)
    if header is None:
        if is_last and len(data) <= HEADER.size:
            return None
        raise JournalCorrupt(path, 0, "its header does not read")
    if header.chain_id != chain_id:
        raise JournalOfAnotherChain(path, header.chain_id, chain_id)
    records: list[Record] = []
    offset = HEADER.size
    while offset < len(data):
        payload = _group_at(header, data, offset)
        if payload is None:
            if not is_last:
                raise JournalCorrupt(path, offset, "a group in a finished segment does not read")
            _refuse_good_group_after(path, header, data, offset)
            break
        records.extend(_split(path, payload, offset))
        offset += GROUP.size + len(payload)
    return SegmentContent(header=header, records=tuple(records), end=offset, size=len(data))


def _read_header(path: Path, data: bytes) -> SegmentHeader | None:
    if len(data) < HEADER.size:
        return None
    magic, version, chain_id, salt, checksum = HEADER.unpack_from(data)
    if magic != MAGIC or checksum != zlib.crc32(data[: HEADER.size - 4]):
        return None
    if version != VERSION:
        raise JournalCorrupt(path, len(MAGIC), f"format version is {version}, this program reads {VERSION}")
    return SegmentHeader(chain_id=chain_id, salt=salt)


def _group_at(header: SegmentHeader, data: bytes, offset: int) -> bytes | None:
    """The payload of the group at `offset`, or None when no whole, right group stands there."""
    if offset + GROUP.size > len(data):
        return None
    magic, length, payload_checksum, header_checksum = GROUP.unpack_from(data, offset)
    start = offset + GROUP.size
    if magic != GROUP_MAGIC or length == 0 or start + length > len(data):
        return None
    if header_checksum != _header_checksum(header, offset, length, payload_checksum):
        return None
    payload = data[start : start + length]
    return payload if zlib.crc32(payload) == payload_checksum else None


def _refuse_good_group_after(path: Path, header: SegmentHeader, data: bytes, offset: int) -> None:
    position = data.find(GROUP_MAGIC, offset + 1)
    while position != -1:
        if _group_at(header, data, position) is not None:
            raise JournalCorrupt(path, offset, f"a group does not read, and a good one follows at {position}")
        position = data.find(GROUP_MAGIC, position + 1)


def _split(path: Path, payload: bytes, group_offset: int) -> list[Record]:
    records = []
    position = 0
    while position < len(payload):
        offset = group_offset + GROUP.size + position
        start = position + _RECORD_LENGTH.size
        if start > len(payload):
            raise JournalCorrupt(path, offset, "a record's length is cut off in a group with a right checksum")
        end = start + _RECORD_LENGTH.unpack_from(payload, position)[0]
        if end > len(payload):
            raise JournalCorrupt(path, offset, "a record is longer than its group")
        try:
            records.append(decode_record(payload[start:end]))
        except DecodingError as reason:
            raise JournalCorrupt(path, offset, str(reason)) from reason
        position = end
    return records


def _header_checksum(header: SegmentHeader, offset: int, length: int, payload_checksum: int) -> int:
    return zlib.crc32(_PLACE.pack(header.salt, offset, length, payload_checksum))


def sync_directory(path: Path) -> None:
    """Make created and removed names in the directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
