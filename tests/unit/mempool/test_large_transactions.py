"""A transaction above the budget of every slice is not passed over for ever (law 4)."""

from sequencer.mempool.admission import AdmissionRules
from sequencer.mempool.decoder import Decoded, decode_batch
from sequencer.mempool.pool import Pool, PoolLimits
from sequencer.primitives.transaction import Transaction
from tests.factories import CHAIN_ID, GWEI, make_transaction, private_key

from .chain_view import FakeChain, included

RULES = AdmissionRules(chain_id=CHAIN_ID)
SLICE_GAS = 1_000_000
BLOCK_GAS = 30_000_000


def make_pool() -> Pool:
    return Pool(RULES, PoolLimits(), on_ended=lambda *_: None, is_included=lambda _: False)


def insert(pool: Pool, transaction: Transaction) -> None:
    (decoded,) = decode_batch([transaction.raw], RULES, None)
    assert isinstance(decoded, Decoded)
    pool.insert(decoded, FakeChain().head(), 0.0)


def take(pool: Pool, gas_alone: int) -> list[Transaction]:
    return pool.take(base_fee=GWEI, gas_budget=SLICE_GAS, limit=100, max_bytes=10**6, gas_alone=gas_alone)


def test_a_large_transaction_has_a_slice_to_itself() -> None:
    pool = make_pool()
    large = make_transaction(gas_limit=5_000_000, max_priority_fee_per_gas=GWEI)
    small = make_transaction(key=private_key(1), max_priority_fee_per_gas=1)
    insert(pool, large)
    insert(pool, small)

    assert take(pool, gas_alone=0) == [small]
    assert take(pool, gas_alone=4_999_999) == []
    assert take(pool, gas_alone=BLOCK_GAS) == [large]


def test_a_stream_of_better_ones_does_not_starve_a_large_transaction() -> None:
    pool = make_pool()
    large = make_transaction(gas_limit=5_000_000, max_priority_fee_per_gas=1)
    insert(pool, large)
    slices = []
    for nonce in range(2):
        better = make_transaction(key=private_key(1), nonce=nonce, max_priority_fee_per_gas=GWEI)
        insert(pool, better)
        slices.append(take(pool, gas_alone=BLOCK_GAS))
        outcomes = [included(transaction) for transaction in slices[-1]]
        pool.settle(outcomes, block_number=1, slice_index=nonce, first_index=nonce)

    assert slices[1] == [large]
    assert large not in slices[0]
    assert len(slices[0]) == 1
