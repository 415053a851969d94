"""A promised transaction outranks every other with its nonce when the journal is read back (laws 4 and 6)."""

from pathlib import Path

from sequencer.mempool.journal_records import TransactionRecord
from sequencer.mempool.statuses import TransactionState
from tests.factories import GWEI, make_transaction

from .chain_view import FakeChain, included
from .test_mempool_recovery import ATTRIBUTES, BUDGET, open_mempool


async def test_promised_transaction_outlives_a_rival_that_was_refused_too_late_to_be_written(tmp_path: Path) -> None:
    chain = FakeChain()
    promised = make_transaction(nonce=0)
    rival = make_transaction(nonce=0, max_fee_per_gas=90 * GWEI, max_priority_fee_per_gas=9 * GWEI)
    mempool = await open_mempool(tmp_path, chain)
    await mempool.recover()
    await mempool.submit(promised.raw)
    mempool.take(**BUDGET)
    # The rival passed its checks before the slice was taken; the process ends before its refusal is synced.
    mempool._journal.append_transaction(rival.hash, TransactionRecord(rival.raw, 1), lambda failure: None)
    await mempool.record_slice(
        block_number=1,
        parent_hash=chain.head().hash,
        slice_index=0,
        attributes=ATTRIBUTES,
        outcomes=[included(promised)],
    )
    await mempool.close()

    again = await open_mempool(tmp_path, chain)
    (record,) = await again.recover()

    assert again.take_listed(record.transaction_hashes) == [promised]
    assert again.status(rival.hash).state is TransactionState.REPLACED
    await again.close()


async def test_without_a_promise_the_later_of_two_with_one_nonce_stays(tmp_path: Path) -> None:
    chain = FakeChain()
    first = make_transaction(nonce=0)
    second = make_transaction(nonce=0, max_fee_per_gas=90 * GWEI, max_priority_fee_per_gas=9 * GWEI)
    mempool = await open_mempool(tmp_path, chain)
    await mempool.recover()
    await mempool.submit(first.raw)
    mempool._journal.append_transaction(second.hash, TransactionRecord(second.raw, 1), lambda failure: None)
    await mempool.close()

    again = await open_mempool(tmp_path, chain)
    await again.recover()

    assert again.take(**BUDGET) == [second]
    assert again.status(first.hash).state is TransactionState.REPLACED
    await again.close()
