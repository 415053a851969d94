"""Records that are written again when a segment is removed never overtake what was said since (law 4)."""

import asyncio
from pathlib import Path

from sequencer.mempool.journal import Journal
from sequencer.mempool.journal_records import TerminalRecord, TransactionRecord
from sequencer.mempool.segment_writer import list_segments

from .test_journal import TRANSACTIONS, append, open_journal

ENDED = TRANSACTIONS[0].hash
END = TerminalRecord(ENDED, "dropped", "expired: nonce gap")


async def old_segment(tmp_path: Path) -> Journal:
    """A journal whose oldest segment holds one waiting transaction among sealed ones."""
    journal, _ = open_journal(tmp_path)
    await asyncio.gather(*(append(journal, nonce) for nonce in range(5)))
    await journal.close()
    journal, _ = open_journal(tmp_path)
    await append(journal, 5)
    for nonce in (1, 2, 3, 4):
        journal.seal(TRANSACTIONS[nonce].hash, 1)
    return journal


async def test_transaction_that_ends_as_its_segment_is_removed_stays_ended_after_a_restart(tmp_path: Path) -> None:
    journal = await old_segment(tmp_path)

    journal.end(END)
    journal.retire(finalized_number=1, sealed_number=1)
    await journal.drain()
    journal.retire(finalized_number=1, sealed_number=1)
    await journal.close()

    again, replayed = open_journal(tmp_path)
    assert list_segments(tmp_path) == [1]
    assert ENDED not in replayed.transactions
    assert again.terminal(ENDED) == END
    await again.close()


async def test_transaction_accepted_again_as_its_end_is_copied_is_there_after_a_restart(tmp_path: Path) -> None:
    journal = await old_segment(tmp_path)
    journal.end(END)
    await journal.close()
    journal, _ = open_journal(tmp_path, segment_bytes=1)
    for nonce in (1, 2, 3, 4, 5):
        journal.seal(TRANSACTIONS[nonce].hash, 1)
    journal.retire(finalized_number=1, sealed_number=1)  # segment 0; the end stands in segment 1
    await journal.drain()
    await append(journal, 4)  # its write comes after the removal on the journal's thread

    accepted = asyncio.ensure_future(append(journal, 0))
    await asyncio.sleep(0)
    journal.retire(finalized_number=1, sealed_number=1)  # copies the end, if it does not look
    await accepted
    await journal.close()

    again, replayed = open_journal(tmp_path)
    assert ENDED in replayed.transactions
    assert again.terminal(ENDED) is None
    await again.close()


async def test_transaction_put_back_by_an_unwind_is_there_after_its_old_end_is_copied(tmp_path: Path) -> None:
    journal = await old_segment(tmp_path)
    journal.end(END)
    await journal.drain()
    journal.restore(ENDED, TransactionRecord(TRANSACTIONS[0].raw, 1))
    journal.retire(finalized_number=1, sealed_number=1)
    await journal.close()

    again, replayed = open_journal(tmp_path)
    assert ENDED in replayed.transactions
    await again.close()
