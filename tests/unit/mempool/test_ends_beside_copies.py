"""A transaction that ends while a copy of its record waits to be written: the reason can still be asked for (law 4)."""

from pathlib import Path

from sequencer.mempool.journal_records import TerminalRecord, TransactionRecord
from tests.unit.mempool.test_journal import TRANSACTIONS, append, open_journal

RECORD = TransactionRecord(TRANSACTIONS[0].raw, 0)
HASH = TRANSACTIONS[0].hash
END = TerminalRecord(HASH, "replaced", "another transaction has nonce 0")


async def test_an_unwound_transaction_that_ends_at_once_keeps_its_reason(tmp_path: Path) -> None:
    journal, _ = open_journal(tmp_path)
    await append(journal, 0)
    journal.seal(HASH, 1)
    journal.restore(HASH, RECORD)
    journal.end(END)
    await journal.drain()

    assert journal.terminal(HASH) == END
    await journal.close()
    again, replayed = open_journal(tmp_path)
    assert again.terminal(HASH) == END
    assert HASH not in replayed.transactions
    await again.close()


async def test_an_unwound_transaction_that_had_ended_before_is_live_again(tmp_path: Path) -> None:
    journal, _ = open_journal(tmp_path)
    await append(journal, 0)
    journal.end(END)
    await journal.drain()
    journal.restore(HASH, RECORD)
    await journal.drain()

    assert journal.terminal(HASH) is None
    await journal.close()
    again, replayed = open_journal(tmp_path)
    assert again.terminal(HASH) is None
    assert HASH in replayed.transactions
    await again.close()


async def test_a_transaction_that_ends_while_its_segment_retires_keeps_its_reason(tmp_path: Path) -> None:
    journal, _ = open_journal(tmp_path, segment_bytes=900)
    for nonce in range(6):
        await append(journal, nonce)
    for nonce in range(1, 6):
        journal.seal(TRANSACTIONS[nonce].hash, 1)
    journal.retire(finalized_number=5, sealed_number=5)
    journal.end(END)
    await journal.drain()
    await append(journal, 1)

    assert journal.terminal(HASH) == END
    await journal.close()
    again, replayed = open_journal(tmp_path)
    assert again.terminal(HASH) == END
    assert HASH not in replayed.transactions
    await again.close()
