"""
The journal: what makes "accepted" and "preconfirmed" promises that outlive the process (laws 4 and 6).

    append -> waiting --- group ---> journal thread: write, fdatasync ---> on_synced of every record, in order

Group commit: while one group syncs, records gather, and the next sync takes all of them. The event loop owns all
state here; the thread sees finished bytes. A segment is removed when each of its transactions is ended or in a
finalized block, and each of its slices is of a sealed block; what is still wanted of it is written again first.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

from .errors import JournalWriteFailed, PoolBusy
from .journal_records import AbandonedRecord, Record, SliceRecord, TerminalRecord, TransactionRecord
from .journal_replay import Replayed, replay
from .metrics import JOURNAL_FAILURES, JOURNAL_GROUP_RECORDS, JOURNAL_SEGMENTS, JOURNAL_TORN_BYTES
from .segment_writer import SegmentWriter

SEGMENT_BYTES = 64 * 1024 * 1024
"""Size at which a new segment begins."""

MAX_WAITING_BYTES = 64 * 1024 * 1024
"""Records that may wait for their sync; above it new transactions are refused as busy."""

MAX_GROUP_BYTES = 8 * 1024 * 1024
"""Size at which one group ends, so that no sync takes long."""

TERMINALS_KEPT = 100_000
"""How many ended transactions can be asked for their reason."""

_NOT_SYNCED = -1
"""Segment of a record that is known and not yet written."""

OnSynced: TypeAlias = Callable[[JournalWriteFailed | None], None]
"""Called on the event loop when the record is durable (None), or will not be."""


@dataclass(slots=True)
class _Segment:
    """What a segment is still needed for."""

    transactions: int = 0
    live: int = 0
    last_block: int = 0
    """Highest block that sealed one of its transactions."""
    last_slice_block: int = 0


@dataclass(frozen=True, slots=True)
class _Waiting:
    """Records that are written together, each with the hash of the transaction that it is about."""

    records: Sequence[tuple[bytes | None, Record]]
    encoded: list[bytes]
    size_bytes: int
    on_synced: OnSynced | None
    """None: nobody waits, and the records are tried again with the next group when a sync fails."""
    is_copy: bool
    """Written before in another segment: it says nothing new."""


class Journal:
    """Durable facts about transactions; see the module's description for who may call what."""

    def __init__(self, writer: SegmentWriter, replayed: Replayed, *, terminals_kept: int = TERMINALS_KEPT) -> None:
        self._writer = writer
        self._terminals_kept = terminals_kept
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._waiting: deque[_Waiting] = deque()
        self._waiting_bytes = 0
        self._is_scheduled = False
        self._is_writing = False
        self._is_retiring = False
        self._last_sealed = 0
        self._arriving: set[bytes] = set()
        """Transactions of users whose records wait for their sync."""
        self._idle = asyncio.Event()
        self._idle.set()
        self._segments = {number: _Segment() for number in replayed.segments}
        self._live: dict[bytes, tuple[TransactionRecord, int]] = {}
        self._terminals: OrderedDict[bytes, tuple[TerminalRecord, int]] = OrderedDict()
        self._adopt(replayed)

    @staticmethod
    def read(directory: Path, *, chain_id: int, terminals_kept: int = TERMINALS_KEPT) -> Replayed:
        """
        Read the journal in `directory` (made when it is missing) and cut a torn tail.

        Blocks on files: for any thread. Raises JournalCorrupt or JournalOfAnotherChain.
        """
        return replay(directory, chain_id=chain_id, terminals_kept=terminals_kept)

    @classmethod
    def open(
        cls,
        directory: Path,
        replayed: Replayed,
        *,
        chain_id: int,
        segment_bytes: int = SEGMENT_BYTES,
        terminals_kept: int = TERMINALS_KEPT,
    ) -> "Journal":
        """A journal that goes on after what was read; touches no file before the first record."""
        next_number = max(replayed.segments, default=-1) + 1
        writer = SegmentWriter(directory, chain_id, next_number, segment_bytes=segment_bytes)
        return cls(writer, replayed, terminals_kept=terminals_kept)

    def append_transaction(self, transaction_hash: bytes, record: TransactionRecord, on_synced: OnSynced) -> None:
        """Write a user's transaction; `on_synced` hears when it may be acknowledged. Raises PoolBusy."""
        self.append_transactions([(transaction_hash, record)], on_synced)

    def append_transactions(self, records: Sequence[tuple[bytes, TransactionRecord]], on_synced: OnSynced) -> None:
        """Write users' transactions, by hash; `on_synced` hears once, of all of them. Raises PoolBusy."""
        if self._waiting_bytes > MAX_WAITING_BYTES:
            raise PoolBusy("the journal")
        self._arriving.update([transaction_hash for transaction_hash, _ in records])
        self._append(records, on_synced)

    def append_slice(self, record: SliceRecord, on_synced: OnSynced) -> None:
        """Write a slice; `on_synced` hears when it may be published."""
        self._append([(None, record)], on_synced)

    def restore(self, transaction_hash: bytes, record: TransactionRecord) -> None:
        """Write a transaction of an unwound block again; nobody waits for it (its old record still stands)."""
        self._release(transaction_hash)
        self._terminals.pop(transaction_hash, None)
        self._live[transaction_hash] = record, _NOT_SYNCED
        self._append([(transaction_hash, record)], None, is_copy=True)

    def end(self, record: TerminalRecord) -> None:
        """Write that a transaction will not be included, and why; can be asked for at once."""
        self._terminals.pop(record.transaction_hash, None)
        self._terminals[record.transaction_hash] = record, _NOT_SYNCED
        while len(self._terminals) > self._terminals_kept:
            self._terminals.popitem(last=False)
        self._append([(record.transaction_hash, record)], None)

    def abandon(self, block_number: int) -> None:
        """Write that the slices of the open block so far no longer hold."""
        self._append([(None, AbandonedRecord(block_number))], None)

    def seal(self, transaction_hash: bytes, block_number: int) -> None:
        """The chain holds the transaction now; its record is needed until that block is finalized."""
        self._last_sealed = max(self._last_sealed, block_number)
        held = self._live.get(transaction_hash)
        self._release(transaction_hash)
        if held is not None and held[1] != _NOT_SYNCED:
            segment = self._segments[held[1]]
            segment.last_block = max(segment.last_block, block_number)

    def terminal(self, transaction_hash: bytes) -> TerminalRecord | None:
        """How a transaction ended outside of the chain, if it is one of the last that did."""
        found = self._terminals.get(transaction_hash)
        return None if found is None else found[0]

    def retire(self, *, finalized_number: int, sealed_number: int) -> None:
        """Remove the oldest segment when nothing, or little, of it is needed; one at a time, in the background."""
        if self._is_retiring or len(self._segments) < 2:
            return
        number, segment = min(self._segments.items())
        if segment.last_block > finalized_number or segment.last_slice_block > sealed_number:
            return
        if segment.live * 4 > segment.transactions:
            return
        survivors: list[tuple[bytes, Record]] = [
            (transaction_hash, record) for transaction_hash, (record, at) in self._live.items() if at == number
        ]
        survivors += [(ended, record) for ended, (record, at) in self._terminals.items() if at == number]
        if any(self._is_contradicted(transaction_hash) for transaction_hash, _ in survivors):
            return  # a copy would stand behind what was said since and waits for its sync: ask again at the next block
        self._is_retiring = True
        for survivor in survivors[:-1]:
            self._append([survivor], None, is_copy=True)
        if survivors:
            self._append(survivors[-1:], partial(self._remove, number), is_copy=True)
        else:
            self._remove(number, None)

    def _is_contradicted(self, transaction_hash: bytes) -> bool:
        """Whether the transaction ended, or came back, by a record that is not accounted for yet."""
        return transaction_hash in self._arriving or (
            transaction_hash in self._live and transaction_hash in self._terminals
        )

    async def drain(self) -> None:
        """Wait until nothing is being written; records whose sync failed stay waiting."""
        await self._idle.wait()

    async def close(self) -> None:
        """Write what waits, and give thread and file back."""
        await self.drain()
        await asyncio.get_running_loop().run_in_executor(self._executor, self._writer.close)
        self._executor.shutdown(wait=False)

    def _adopt(self, replayed: Replayed) -> None:
        for transaction_hash, (transaction, number) in replayed.transactions.items():
            self._hold(transaction_hash, transaction, number)
        self._terminals.update(replayed.terminals)
        for block_number, number in replayed.slice_segments:
            segment = self._segments[number]
            segment.last_slice_block = max(segment.last_slice_block, block_number)
        JOURNAL_TORN_BYTES.inc(replayed.torn_bytes)
        JOURNAL_SEGMENTS.set(len(self._segments))

    def _append(
        self, records: Sequence[tuple[bytes | None, Record]], on_synced: OnSynced | None, *, is_copy: bool = False
    ) -> None:
        encoded = [record.encode() for _, record in records]
        size = sum(map(len, encoded))
        self._waiting.append(_Waiting(records, encoded, size, on_synced, is_copy))
        self._waiting_bytes += size
        self._schedule()

    def _schedule(self) -> None:
        if not self._is_scheduled and not self._is_writing:
            self._is_scheduled = True
            self._idle.clear()
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._is_scheduled = False
        group: list[_Waiting] = []
        size = 0
        while self._waiting and (not group or size + self._waiting[0].size_bytes <= MAX_GROUP_BYTES):
            group.append(self._waiting.popleft())
            size += group[-1].size_bytes
        self._waiting_bytes -= size
        self._is_writing = True
        loop = asyncio.get_running_loop()
        encoded = [record for item in group for record in item.encoded]
        job = loop.run_in_executor(self._executor, self._writer.write, encoded)
        job.add_done_callback(partial(self._written, group))

    def _written(self, group: list[_Waiting], job: "asyncio.Future[int]") -> None:
        self._is_writing = False
        try:
            number = job.result()
        except JournalWriteFailed as failure:
            self._failed(group, failure)
        else:
            JOURNAL_GROUP_RECORDS.observe(sum(len(item.encoded) for item in group))
            if number not in self._segments:
                self._segments[number] = _Segment()
                JOURNAL_SEGMENTS.set(len(self._segments))
            for item in group:
                for transaction_hash, record in item.records:
                    self._account(transaction_hash, record, number, is_copy=item.is_copy)
                if item.on_synced is not None:
                    item.on_synced(None)
        if any(item.on_synced is not None for item in self._waiting) or (self._waiting and not job.exception()):
            self._schedule()
        else:
            self._idle.set()

    def _failed(self, group: list[_Waiting], failure: JournalWriteFailed) -> None:
        JOURNAL_FAILURES.inc()
        unheard = [item for item in group if item.on_synced is None]
        self._waiting.extendleft(reversed(unheard))
        self._waiting_bytes += sum(item.size_bytes for item in unheard)
        for item in group:
            if item.on_synced is not None:
                for transaction_hash, _ in item.records:
                    if transaction_hash is not None:
                        self._arriving.discard(transaction_hash)
                item.on_synced(failure)

    def _account(self, transaction_hash: bytes | None, record: Record, number: int, *, is_copy: bool) -> None:
        if isinstance(record, TransactionRecord) and transaction_hash is not None:
            if not is_copy:
                self._arriving.discard(transaction_hash)
                self._terminals.pop(transaction_hash, None)  # of a copy it is newer: it ended while the copy waited
            if not is_copy or transaction_hash in self._live:
                self._hold(transaction_hash, record, number)
            else:  # sealed or ended since: the copy is needed as long as its block is not final
                segment = self._segments[number]
                segment.transactions += 1
                segment.last_block = max(segment.last_block, self._last_sealed)
        elif isinstance(record, TerminalRecord):
            self._release(record.transaction_hash)
            kept = self._terminals.get(record.transaction_hash)
            if kept is not None and kept[0] is record:
                self._terminals[record.transaction_hash] = record, number
        elif isinstance(record, SliceRecord):
            segment = self._segments[number]
            segment.last_slice_block = max(segment.last_slice_block, record.block_number)

    def _hold(self, transaction_hash: bytes, record: TransactionRecord, number: int) -> None:
        self._release(transaction_hash)
        self._live[transaction_hash] = record, number
        segment = self._segments[number]
        segment.live += 1
        segment.transactions += 1

    def _release(self, transaction_hash: bytes) -> None:
        held = self._live.pop(transaction_hash, None)
        if held is not None and held[1] != _NOT_SYNCED:
            self._segments[held[1]].live -= 1

    def _remove(self, number: int, failure: JournalWriteFailed | None) -> None:
        if failure is not None:
            self._is_retiring = False
            return
        job = asyncio.get_running_loop().run_in_executor(self._executor, self._writer.remove, number)
        job.add_done_callback(partial(self._removed, number))

    def _removed(self, number: int, job: "asyncio.Future[None]") -> None:
        self._is_retiring = False
        if job.exception() is None:
            self._segments.pop(number, None)
            JOURNAL_SEGMENTS.set(len(self._segments))
        else:
            JOURNAL_FAILURES.inc()
