"""What a mempool still knows after its process ended (law 4), and what it promised (law 6)."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from sequencer.execution.interface import InvalidReason
from sequencer.mempool.admission import AdmissionRules
from sequencer.mempool.errors import PromisedTransactionMissing
from sequencer.mempool.journal import Journal, OnSynced
from sequencer.mempool.journal_records import TransactionRecord, compute_receipts_digest
from sequencer.mempool.mempool import Mempool
from sequencer.mempool.statuses import TransactionState
from sequencer.primitives.attributes import PayloadAttributes
from tests.factories import CHAIN_ID, GWEI, make_deposit, make_transaction, private_key

from .chain_view import FakeChain, ManualClock, included, invalid

ATTRIBUTES = PayloadAttributes(
    timestamp=1_700_000_001,
    prev_randao=b"\x01" * 32,
    fee_recipient=b"\x02" * 20,
    parent_beacon_block_root=b"\x03" * 32,
    gas_limit=30_000_000,
    extra_data=bytes(9),
    deposits=(make_deposit(),),
)
BUDGET = {"base_fee": GWEI, "gas_budget": 10**9, "limit": 100, "max_bytes": 10**9}


async def open_mempool(directory: Path, chain: FakeChain) -> Mempool:
    return await Mempool.open(directory, chain, ManualClock(), AdmissionRules(chain_id=CHAIN_ID))


async def test_accepted_transactions_return_in_order_after_a_restart(tmp_path: Path) -> None:
    chain = FakeChain()
    transactions = [make_transaction(nonce=nonce) for nonce in range(3)]
    mempool = await open_mempool(tmp_path, chain)
    await mempool.recover()
    for transaction in transactions:
        await mempool.submit(transaction.raw)
    await mempool.close()

    again = await open_mempool(tmp_path, chain)

    assert await again.recover() == ()
    assert again.take(**BUDGET) == transactions
    await again.close()


async def test_included_transaction_is_sealed_and_not_taken_again(tmp_path: Path) -> None:
    chain = FakeChain()
    transaction = make_transaction()
    mempool = await open_mempool(tmp_path, chain)
    await mempool.recover()
    await mempool.submit(transaction.raw)
    await mempool.close()
    chain.seal([transaction])

    again = await open_mempool(tmp_path, chain)
    await again.recover()

    assert again.status(transaction.hash).state is TransactionState.SEALED
    assert again.take(**BUDGET) == []
    await again.close()


async def test_reason_of_an_ended_transaction_survives(tmp_path: Path) -> None:
    chain = FakeChain()
    transaction = make_transaction()
    mempool = await open_mempool(tmp_path, chain)
    await mempool.recover()
    await mempool.submit(transaction.raw)
    mempool.take(**BUDGET)
    outcome = invalid(transaction, InvalidReason.NONCE_TOO_LOW)
    mempool.settle([outcome], block_number=1, slice_index=0, first_index=0)
    await mempool.close()

    again = await open_mempool(tmp_path, chain)
    await again.recover()

    assert again.status(transaction.hash).reason == "nonce too low"
    assert again.take(**BUDGET) == []
    await again.close()


async def test_promised_slices_come_back_with_their_transactions(tmp_path: Path) -> None:
    chain = FakeChain()
    promised = [make_transaction(nonce=nonce) for nonce in range(2)]
    other = make_transaction(key=private_key(1), max_priority_fee_per_gas=9 * GWEI)
    mempool = await open_mempool(tmp_path, chain)
    await mempool.recover()
    for index, transaction in enumerate(promised):
        await mempool.submit(transaction.raw)
        assert mempool.take(**BUDGET) == [transaction]
        await mempool.record_slice(
            block_number=1,
            parent_hash=chain.head().hash,
            slice_index=index,
            attributes=ATTRIBUTES,
            outcomes=[included(transaction)],
        )
    await mempool.submit(other.raw)
    await mempool.close()

    again = await open_mempool(tmp_path, chain)
    slices = await again.recover()

    assert [record.transaction_hashes for record in slices] == [(promised[0].hash,), (promised[1].hash,)]
    assert slices[0].attributes == ATTRIBUTES
    assert slices[0].receipts_digest == compute_receipts_digest([included(promised[0])])
    assert [again.take_listed(record.transaction_hashes) for record in slices] == [[promised[0]], [promised[1]]]
    assert again.take(**BUDGET) == [other]
    await again.close()


async def test_slices_of_a_block_that_was_sealed_are_not_promised_again(tmp_path: Path) -> None:
    chain = FakeChain()
    mempool = await open_mempool(tmp_path, chain)
    await mempool.recover()
    await mempool.record_slice(
        block_number=1, parent_hash=chain.head().hash, slice_index=0, attributes=ATTRIBUTES, outcomes=[]
    )
    await mempool.close()
    chain.seal([])

    again = await open_mempool(tmp_path, chain)

    assert await again.recover() == ()
    await again.close()


async def test_promised_transaction_that_is_nowhere_stops_the_node(tmp_path: Path) -> None:
    mempool = await open_mempool(tmp_path, FakeChain())
    await mempool.recover()

    with pytest.raises(PromisedTransactionMissing):
        mempool.take_listed([b"\x01" * 32])
    await mempool.close()


async def test_unwound_transaction_survives_a_restart(tmp_path: Path) -> None:
    chain = FakeChain()
    transaction = make_transaction()
    mempool = await open_mempool(tmp_path, chain)
    await mempool.recover()
    mempool.on_block_sealed(chain.seal([transaction]), [transaction])
    mempool.on_unwound(0, chain.unwind(0))
    await mempool.close()

    again = await open_mempool(tmp_path, chain)
    await again.recover()

    assert again.take(**BUDGET) == [transaction]
    await again.close()


async def test_submitter_that_goes_away_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chain = FakeChain()
    transaction = make_transaction()
    mempool = await open_mempool(tmp_path, chain)
    await mempool.recover()
    handed_over = asyncio.Event()
    append = Journal.append_transactions

    def append_and_tell(self: Journal, records: Sequence[tuple[bytes, TransactionRecord]], on_synced: OnSynced) -> None:
        append(self, records, on_synced)
        handed_over.set()

    monkeypatch.setattr(Journal, "append_transactions", append_and_tell)
    submission = asyncio.ensure_future(mempool.submit(transaction.raw))
    waiter = asyncio.ensure_future(mempool.wait_for_transactions())
    await handed_over.wait()
    submission.cancel()
    await waiter

    assert mempool.take(**BUDGET) == [transaction]
    await mempool.close()


async def test_waiting_signal_follows_what_can_be_taken(tmp_path: Path) -> None:
    mempool = await open_mempool(tmp_path, FakeChain())
    await mempool.recover()
    signal = asyncio.ensure_future(mempool.wait_for_transactions())
    await asyncio.sleep(0)
    assert not signal.done()
    await mempool.submit(make_transaction().raw)
    await signal
    mempool.take(**BUDGET)
    signal = asyncio.ensure_future(mempool.wait_for_transactions())
    await asyncio.sleep(0)

    assert not signal.done()
    signal.cancel()
    await mempool.close()


async def test_same_transaction_twice_at_once_is_written_once(tmp_path: Path) -> None:
    mempool = await open_mempool(tmp_path, FakeChain())
    await mempool.recover()
    transaction = make_transaction()
    results = await asyncio.gather(*(mempool.submit(transaction.raw) for _ in range(3)), return_exceptions=True)

    assert sorted(type(result).__name__ for result in results) == ["AlreadyKnown", "AlreadyKnown", "bytes"]
    assert mempool.take(**BUDGET) == [transaction]
    await mempool.close()
