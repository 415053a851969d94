"""
Reading the journal at start: which transactions are live, how others ended, which slices were promised.

The last record about a transaction wins, so a segment that was written again before it was removed reads the same.
"""

import os
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path

from contracts.keccak import keccak

from .journal_records import AbandonedRecord, Record, SliceRecord, TerminalRecord, TransactionRecord
from .journal_segment import HEADER, read_segment, sync_directory
from .segment_writer import list_segments, segment_path


@dataclass(slots=True)
class Replayed:
    """What the journal said, in the order of writing; each fact with the number of the segment that holds it."""

    segments: list[int] = field(default_factory=list)
    transactions: dict[bytes, tuple[TransactionRecord, int]] = field(default_factory=dict)
    """By hash: those without a terminal record; the chain knows which of them it holds."""
    terminals: "OrderedDict[bytes, tuple[TerminalRecord, int]]" = field(default_factory=OrderedDict)
    slices: dict[int, list[SliceRecord]] = field(default_factory=dict)
    """By block number: the slices of one opening of that block, complete from slice 0."""
    slice_segments: list[tuple[int, int]] = field(default_factory=list)
    """Pairs of block number and segment."""
    torn_bytes: int = 0

    def slices_of(self, block_number: int, parent_hash: bytes) -> tuple[SliceRecord, ...]:
        """The promised slices of the block over that parent; empty when there are none."""
        found = self.slices.get(block_number, [])
        return tuple(found) if found and found[0].parent_hash == parent_hash else ()


def replay(directory: Path, *, chain_id: int, terminals_kept: int) -> Replayed:
    """Read every segment, oldest first; cut a torn tail. Raises JournalCorrupt, JournalOfAnotherChain."""
    directory.mkdir(parents=True, exist_ok=True)
    replayed = Replayed()
    numbers = list_segments(directory)
    for number in numbers:
        path = segment_path(directory, number)
        content = read_segment(path, chain_id=chain_id, is_last=number == numbers[-1])
        if content is None:
            replayed.torn_bytes += path.stat().st_size
            path.unlink()
            sync_directory(directory)
            continue
        if content.torn_bytes:
            _cut(path, content.end)
            replayed.torn_bytes += content.torn_bytes
        replayed.segments.append(number)
        for record in content.records:
            _apply(replayed, record, number)
        while len(replayed.terminals) > terminals_kept:
            replayed.terminals.popitem(last=False)
    return replayed


def _cut(path: Path, end: int) -> None:
    """Shorten the file to its last good group, durably, before anything is written after it."""
    assert end >= HEADER.size
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.ftruncate(descriptor, end)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _apply(replayed: Replayed, record: Record, segment: int) -> None:
    if isinstance(record, TransactionRecord):
        transaction_hash = keccak(record.raw)
        replayed.terminals.pop(transaction_hash, None)
        replayed.transactions[transaction_hash] = record, segment
    elif isinstance(record, TerminalRecord):
        replayed.transactions.pop(record.transaction_hash, None)
        replayed.terminals.pop(record.transaction_hash, None)
        replayed.terminals[record.transaction_hash] = record, segment
    elif isinstance(record, AbandonedRecord):
        _forget_slices(replayed, record.block_number)
    else:
        _apply_slice(replayed, record, segment)


def _forget_slices(replayed: Replayed, from_block: int) -> None:
    for number in [number for number in replayed.slices if number >= from_block]:
        del replayed.slices[number]


def _apply_slice(replayed: Replayed, record: SliceRecord, segment: int) -> None:
    replayed.slice_segments.append((record.block_number, segment))
    if record.slice_index == 0 and record.attributes is not None:
        _forget_slices(replayed, record.block_number)
        for number in [number for number in replayed.slices if number < record.block_number - 1]:
            del replayed.slices[number]
        replayed.slices[record.block_number] = [record]
        return
    held = replayed.slices.get(record.block_number)
    if held is not None and held[0].parent_hash == record.parent_hash and record.slice_index <= len(held):
        held[record.slice_index :] = [record]  # a slice that was written but never published gave way to this one
