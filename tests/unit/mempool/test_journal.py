"""The journal's promises: group commit, failed syncs, torn tails, corruption, retiring (laws 4 and 6)."""

import asyncio
from pathlib import Path

import pytest

from sequencer.mempool.errors import JournalCorrupt, JournalOfAnotherChain, JournalWriteFailed
from sequencer.mempool.journal import Journal
from sequencer.mempool.journal_records import SliceRecord, TerminalRecord, TransactionRecord, decode_record
from sequencer.mempool.journal_replay import Replayed, replay
from sequencer.mempool.segment_writer import SegmentWriter, list_segments, segment_path
from sequencer.primitives.attributes import PayloadAttributes
from tests.factories import CHAIN_ID, make_deposit, make_transaction

ATTRIBUTES = PayloadAttributes(
    timestamp=1_700_000_001,
    prev_randao=b"\x01" * 32,
    fee_recipient=b"\x02" * 20,
    parent_beacon_block_root=b"\x03" * 32,
    gas_limit=30_000_000,
    extra_data=bytes(9),
    deposits=(make_deposit(), make_deposit(to=None, data=b"\x00" * 40)),
    user_transactions=(b"\x02raw",),
)
TRANSACTIONS = tuple(make_transaction(nonce=nonce, data=bytes(300 if nonce == 1 else 0)) for nonce in range(6))


def make_slice(index: int, number: int = 7, hashes: tuple[bytes, ...] = ()) -> SliceRecord:
    return SliceRecord(
        block_number=number,
        parent_hash=b"\x09" * 32,
        slice_index=index,
        attributes=ATTRIBUTES if index == 0 else None,
        transaction_hashes=hashes,
        receipts_digest=b"\x0a" * 32,
    )


async def append(journal: Journal, nonce: int) -> None:
    """Write transaction `nonce` and wait until it may be acknowledged."""
    heard: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def on_synced(failure: JournalWriteFailed | None) -> None:
        if failure is None:
            heard.set_result(None)
        else:
            heard.set_exception(failure)

    transaction = TRANSACTIONS[nonce]
    journal.append_transaction(transaction.hash, TransactionRecord(transaction.raw, nonce), on_synced)
    await heard


def open_journal(directory: Path, segment_bytes: int = 1 << 20, terminals_kept: int = 100) -> tuple[Journal, Replayed]:
    replayed = Journal.read(directory, chain_id=CHAIN_ID, terminals_kept=terminals_kept)
    journal = Journal.open(
        directory, replayed, chain_id=CHAIN_ID, segment_bytes=segment_bytes, terminals_kept=terminals_kept
    )
    return journal, replayed


class FailingSync:
    """A sync that fails while it is told to, and counts."""

    def __init__(self) -> None:
        self.is_failing = False
        self.calls = 0

    def __call__(self, descriptor: int) -> None:
        self.calls += 1
        if self.is_failing:
            raise OSError(28, "No space left on device")


@pytest.mark.parametrize(
    "record",
    [
        TransactionRecord(raw=b"\x02abc", received_at_ms=1_700_000_000_123),
        make_slice(0, hashes=(b"\x05" * 32, b"\x06" * 32)),
        make_slice(1),
        TerminalRecord(transaction_hash=b"\x07" * 32, state="dropped", reason="pool full"),
    ],
)
def test_records_read_back_as_written(record: TransactionRecord | SliceRecord | TerminalRecord) -> None:
    assert decode_record(record.encode()) == record


async def test_synced_transactions_read_back_in_order(tmp_path: Path) -> None:
    journal, _ = open_journal(tmp_path)
    for nonce in (0, 1, 2):
        await append(journal, nonce)
    await journal.close()

    _, replayed = open_journal(tmp_path)

    assert list(replayed.transactions) == [transaction.hash for transaction in TRANSACTIONS[:3]]
    assert replayed.torn_bytes == 0


async def test_many_submitters_share_one_sync(tmp_path: Path) -> None:
    sync = FailingSync()
    writer = SegmentWriter(tmp_path, CHAIN_ID, 0, segment_bytes=1 << 20, sync=sync)
    journal = Journal(writer, Replayed())

    await asyncio.gather(*(append(journal, nonce) for nonce in range(6)))
    await journal.close()

    assert sync.calls == 2  # the segment's header, and one group


async def test_failed_sync_reaches_the_submitter_and_leaves_nothing(tmp_path: Path) -> None:
    sync = FailingSync()
    journal = Journal(SegmentWriter(tmp_path, CHAIN_ID, 0, segment_bytes=1 << 20, sync=sync), Replayed())
    await append(journal, 0)
    sync.is_failing = True
    with pytest.raises(JournalWriteFailed, match="No space left"):
        await append(journal, 1)
    sync.is_failing = False
    await append(journal, 2)
    await journal.close()

    _, replayed = open_journal(tmp_path)

    assert list(replayed.transactions) == [TRANSACTIONS[0].hash, TRANSACTIONS[2].hash]
    assert replayed.torn_bytes == 0


async def test_terminal_record_is_tried_again_after_a_failed_sync(tmp_path: Path) -> None:
    sync = FailingSync()
    journal = Journal(SegmentWriter(tmp_path, CHAIN_ID, 0, segment_bytes=1 << 20, sync=sync), Replayed())
    await append(journal, 0)
    sync.is_failing = True
    journal.end(TerminalRecord(TRANSACTIONS[0].hash, "dropped", "a reason"))
    await journal.drain()
    sync.is_failing = False
    await append(journal, 1)
    await journal.close()

    _, replayed = open_journal(tmp_path)

    assert list(replayed.transactions) == [TRANSACTIONS[1].hash]
    assert replayed.terminals[TRANSACTIONS[0].hash][0].reason == "a reason"


async def test_ended_transaction_that_comes_again_is_live(tmp_path: Path) -> None:
    journal, _ = open_journal(tmp_path)
    await append(journal, 0)
    journal.end(TerminalRecord(TRANSACTIONS[0].hash, "dropped", "first time"))
    await append(journal, 0)
    assert journal.terminal(TRANSACTIONS[0].hash) is None
    await journal.close()

    _, replayed = open_journal(tmp_path)

    assert list(replayed.transactions) == [TRANSACTIONS[0].hash]
    assert not replayed.terminals


async def test_terminal_history_is_bounded_by_the_newest(tmp_path: Path) -> None:
    journal, _ = open_journal(tmp_path, terminals_kept=2)
    for transaction in TRANSACTIONS[:3]:
        journal.end(TerminalRecord(transaction.hash, "dropped", "why"))
    await journal.close()

    reopened, _ = open_journal(tmp_path, terminals_kept=2)

    assert reopened.terminal(TRANSACTIONS[0].hash) is None
    assert reopened.terminal(TRANSACTIONS[2].hash) is not None


async def test_slices_of_one_opening_read_back(tmp_path: Path) -> None:
    journal, _ = open_journal(tmp_path)
    first = (make_slice(0, hashes=(b"\x01" * 32,)), make_slice(1))
    again = (make_slice(0, hashes=(b"\x02" * 32,)), make_slice(1), make_slice(2))
    for record in (*first, *again):
        journal.append_slice(record, lambda failure: None)
    await journal.close()

    _, replayed = open_journal(tmp_path)

    assert replayed.slices_of(7, b"\x09" * 32) == again
    assert replayed.slices_of(7, b"\x08" * 32) == ()
    assert replayed.slices_of(8, b"\x09" * 32) == ()


async def test_abandoned_slices_are_not_rebuilt(tmp_path: Path) -> None:
    journal, _ = open_journal(tmp_path)
    journal.append_slice(make_slice(0), lambda failure: None)
    journal.abandon(7)
    journal.append_slice(make_slice(1), lambda failure: None)
    await journal.close()

    _, replayed = open_journal(tmp_path)

    assert replayed.slices_of(7, b"\x09" * 32) == ()


async def test_corruption_before_a_good_group_names_file_and_offset(tmp_path: Path) -> None:
    journal, _ = open_journal(tmp_path)
    for nonce in (0, 1):
        await append(journal, nonce)
    await journal.close()
    path = segment_path(tmp_path, 0)
    data = bytearray(path.read_bytes())
    data[28 + 20] ^= 1
    path.write_bytes(data)

    with pytest.raises(JournalCorrupt) as caught:
        replay(tmp_path, chain_id=CHAIN_ID, terminals_kept=1)
    assert (caught.value.path, caught.value.offset) == (path, 28)


async def test_wrong_length_before_a_good_group_is_corruption_not_a_tail(tmp_path: Path) -> None:
    journal, _ = open_journal(tmp_path)
    for nonce in (0, 1):
        await append(journal, nonce)
    await journal.close()
    path = segment_path(tmp_path, 0)
    data = bytearray(path.read_bytes())
    data[28 + 4] = 0xFF
    path.write_bytes(data)

    with pytest.raises(JournalCorrupt):
        replay(tmp_path, chain_id=CHAIN_ID, terminals_kept=1)


async def test_torn_group_in_a_finished_segment_is_corruption(tmp_path: Path) -> None:
    for nonce in (0, 1):
        journal, _ = open_journal(tmp_path)
        await append(journal, nonce)
        await journal.close()
    path = segment_path(tmp_path, 0)
    path.write_bytes(path.read_bytes()[:-1])

    with pytest.raises(JournalCorrupt):
        replay(tmp_path, chain_id=CHAIN_ID, terminals_kept=1)


async def test_group_inside_a_torn_transaction_does_not_pass_for_a_group(tmp_path: Path) -> None:
    journal, _ = open_journal(tmp_path)
    await append(journal, 0)
    good_end = segment_path(tmp_path, 0).stat().st_size
    copied = segment_path(tmp_path, 0).read_bytes()[28:]
    heard: asyncio.Future[object] = asyncio.get_running_loop().create_future()
    journal.append_transaction(b"\x01" * 32, TransactionRecord(b"\x02" + copied + bytes(9), 1), heard.set_result)
    await heard
    await journal.close()
    path = segment_path(tmp_path, 0)
    path.write_bytes(path.read_bytes()[:-3])

    replayed = replay(tmp_path, chain_id=CHAIN_ID, terminals_kept=1)

    assert list(replayed.transactions) == [TRANSACTIONS[0].hash]
    assert path.stat().st_size == good_end


async def test_journal_of_another_chain_is_refused(tmp_path: Path) -> None:
    journal, _ = open_journal(tmp_path)
    await append(journal, 0)
    await journal.close()

    with pytest.raises(JournalOfAnotherChain):
        Journal.read(tmp_path, chain_id=CHAIN_ID + 1)


async def test_segment_of_final_transactions_is_removed(tmp_path: Path) -> None:
    journal, _ = open_journal(tmp_path, segment_bytes=1)
    for nonce in (0, 1):
        await append(journal, nonce)
    journal.seal(TRANSACTIONS[0].hash, 5)
    journal.retire(finalized_number=4, sealed_number=5)
    assert list_segments(tmp_path) == [0, 1]

    journal.retire(finalized_number=5, sealed_number=5)
    await journal.close()

    assert list_segments(tmp_path) == [1]


async def test_segment_of_a_waiting_transaction_stays(tmp_path: Path) -> None:
    journal, _ = open_journal(tmp_path, segment_bytes=1)
    for nonce in (0, 1):
        await append(journal, nonce)

    journal.retire(finalized_number=99, sealed_number=99)
    await journal.close()

    assert list_segments(tmp_path) == [0, 1]


async def test_segment_with_slices_of_the_open_block_stays(tmp_path: Path) -> None:
    journal, _ = open_journal(tmp_path, segment_bytes=1)
    journal.append_slice(make_slice(0, number=7), lambda failure: None)
    await journal.drain()
    await append(journal, 0)

    journal.retire(finalized_number=6, sealed_number=6)
    await journal.drain()
    assert list_segments(tmp_path) == [0, 1]
    journal.retire(finalized_number=6, sealed_number=7)
    await journal.close()

    assert list_segments(tmp_path) == [1]


async def test_what_is_still_wanted_of_a_removed_segment_is_written_again(tmp_path: Path) -> None:
    journal, _ = open_journal(tmp_path)
    await asyncio.gather(*(append(journal, nonce) for nonce in range(5)))
    journal.end(TerminalRecord(TRANSACTIONS[4].hash, "replaced", "by another"))
    await journal.close()
    journal, _ = open_journal(tmp_path)
    await append(journal, 5)
    for nonce in (1, 2, 3):
        journal.seal(TRANSACTIONS[nonce].hash, 1)
    journal.retire(finalized_number=1, sealed_number=1)
    await journal.close()

    assert list_segments(tmp_path) == [1]
    _, replayed = open_journal(tmp_path)
    assert set(replayed.transactions) == {TRANSACTIONS[0].hash, TRANSACTIONS[5].hash}
    assert replayed.terminals[TRANSACTIONS[4].hash][0].state == "replaced"
