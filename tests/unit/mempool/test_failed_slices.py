"""A slice that is taken, perhaps executed and journaled, and then never published (laws 4 and 6)."""

from pathlib import Path

from sequencer.mempool.admission import AdmissionRules
from sequencer.mempool.mempool import Mempool
from sequencer.mempool.pool import PoolLimits
from sequencer.mempool.statuses import TransactionState
from sequencer.primitives.transaction import Transaction
from tests.factories import CHAIN_ID, GWEI, make_transaction, private_key
from tests.unit.mempool.chain_view import FakeChain, ManualClock, included
from tests.unit.mempool.test_mempool_recovery import ATTRIBUTES

BUDGET = {"base_fee": GWEI, "gas_budget": 10**9, "limit": 100, "max_bytes": 10**9}


async def open_mempool(directory: Path, chain: FakeChain, limits: PoolLimits | None = None) -> Mempool:
    return await Mempool.open(directory, chain, ManualClock(), AdmissionRules(chain_id=CHAIN_ID), limits)


async def record(mempool: Mempool, chain: FakeChain, index: int, transaction: Transaction) -> None:
    await mempool.record_slice(
        block_number=1,
        parent_hash=chain.head().hash,
        slice_index=index,
        attributes=ATTRIBUTES,
        outcomes=[included(transaction)],
    )


async def test_a_failed_slice_returns_in_order_and_published_ones_stay(tmp_path: Path) -> None:
    mempool = await open_mempool(tmp_path, FakeChain())
    await mempool.recover()
    first, second, third = (make_transaction(nonce=nonce) for nonce in range(3))
    rival = make_transaction(key=private_key(1), max_priority_fee_per_gas=9 * GWEI)
    await mempool.submit(first.raw)
    mempool.settle([included(*mempool.take(**BUDGET))], block_number=1, slice_index=0, first_index=0)
    await mempool.submit(second.raw)
    await mempool.submit(third.raw)
    assert mempool.take(**BUDGET) == [second, third]
    await mempool.submit(rival.raw)
    mempool.on_slice_failed()

    assert mempool.status(first.hash).state is TransactionState.PRECONFIRMED
    assert mempool.status(second.hash).state is TransactionState.RECEIVED
    assert mempool.take(**BUDGET) == [second, third, rival]
    await mempool.close()


async def test_the_last_record_of_a_slice_is_the_one_that_was_published(tmp_path: Path) -> None:
    """One that was written, but not published because the process was asked to end, gives way."""
    chain = FakeChain()
    mempool = await open_mempool(tmp_path, chain)
    await mempool.recover()
    transactions = [make_transaction(key=private_key(sender)) for sender in range(4)]
    for transaction in transactions:
        await mempool.submit(transaction.raw)
    for index, transaction in ((0, transactions[0]), (1, transactions[1]), (1, transactions[2]), (2, transactions[3])):
        await record(mempool, chain, index, transaction)
    await mempool.close()

    again = await open_mempool(tmp_path, chain)
    slices = await again.recover()

    expected = [transactions[0], transactions[2], transactions[3]]
    assert [entry.transaction_hashes for entry in slices] == [(transaction.hash,) for transaction in expected]
    await again.close()


async def test_a_promised_transaction_is_not_evicted_by_smaller_limits(tmp_path: Path) -> None:
    chain = FakeChain()
    mempool = await open_mempool(tmp_path, chain)
    await mempool.recover()
    promised = make_transaction(max_priority_fee_per_gas=1)
    others = [make_transaction(key=private_key(sender), max_priority_fee_per_gas=GWEI) for sender in range(1, 5)]
    for transaction in (promised, *others):
        await mempool.submit(transaction.raw)
    await record(mempool, chain, 0, promised)
    await mempool.close()

    again = await open_mempool(tmp_path, chain, PoolLimits(max_transactions=2))
    slices = await again.recover()

    assert again.take_listed(slices[0].transaction_hashes) == [promised]
    await again.close()
