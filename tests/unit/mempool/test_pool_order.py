"""Taking, settling, replacing, evicting and expiring, seen through the mempool."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from sequencer.execution.interface import InvalidReason, Outcome
from sequencer.mempool import errors
from sequencer.mempool.admission import AdmissionRules
from sequencer.mempool.mempool import Mempool
from sequencer.mempool.pool import PoolLimits
from sequencer.mempool.statuses import TransactionState
from sequencer.primitives.account import Account
from sequencer.primitives.transaction import Transaction
from tests.factories import CHAIN_ID, ETHER, GWEI, address, make_transaction, private_key

from .chain_view import FakeChain, ManualClock, deferred, included, invalid

RULES = AdmissionRules(chain_id=CHAIN_ID)
LIMITS = PoolLimits(max_transactions=4, max_per_sender=3, lifetime_seconds=100, max_attempts=3)


@pytest.fixture
def chain() -> FakeChain:
    return FakeChain()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def mempool(tmp_path: Path, chain: FakeChain, clock: ManualClock) -> AsyncIterator[Mempool]:
    made = await Mempool.open(tmp_path, chain, clock, RULES, replace(LIMITS, max_transactions=100, max_per_sender=50))
    await made.recover()
    yield made
    await made.close()


@pytest.fixture
async def small(tmp_path: Path, chain: FakeChain, clock: ManualClock) -> AsyncIterator[Mempool]:
    """A mempool of four transactions, three of one sender."""
    made = await Mempool.open(tmp_path, chain, clock, RULES, LIMITS)
    await made.recover()
    yield made
    await made.close()


def make(sender: int = 0, nonce: int = 0, tip: int = GWEI, cap: int = 100 * GWEI, gas: int = 21_000) -> Transaction:
    return make_transaction(
        key=private_key(sender), nonce=nonce, max_priority_fee_per_gas=tip, max_fee_per_gas=cap, gas_limit=gas
    )


async def submit(mempool: Mempool, *transactions: Transaction) -> None:
    for transaction in transactions:
        await mempool.submit(transaction.raw)


def take(
    mempool: Mempool, base_fee: int = GWEI, gas_budget: int = 10**9, limit: int = 100, max_bytes: int = 10**9
) -> list[Transaction]:
    return mempool.take(base_fee=base_fee, gas_budget=gas_budget, limit=limit, max_bytes=max_bytes)


def state_of(mempool: Mempool, transaction: Transaction) -> TransactionState:
    return mempool.status(transaction.hash).state


async def test_best_tip_goes_first_and_ties_by_arrival(mempool: Mempool) -> None:
    low, high, tie = make(0, tip=1), make(1, tip=3), make(2, tip=1)
    await submit(mempool, low, high, tie)

    assert take(mempool) == [high, low, tie]
    assert take(mempool) == []


async def test_nonce_order_is_kept_whatever_the_tips(mempool: Mempool) -> None:
    first, second, other = make(0, 0, tip=1), make(0, 1, tip=9), make(1, 0, tip=5)
    await submit(mempool, second, first, other)

    assert take(mempool) == [other, first, second]


async def test_order_follows_the_base_fee(mempool: Mempool) -> None:
    capped, free = make(0, tip=50 * GWEI, cap=51 * GWEI), make(1, tip=20 * GWEI)
    await submit(mempool, capped, free)

    assert take(mempool, base_fee=GWEI, limit=1) == [capped]
    mempool.settle([deferred(capped)], block_number=1, slice_index=0, first_index=0)
    mempool.settle([], block_number=1, slice_index=0, first_index=0)
    assert take(mempool, base_fee=52 * GWEI) == [free]
    assert take(mempool, base_fee=40 * GWEI) == [capped]


async def test_tip_of_a_capped_transaction_shrinks_with_the_base_fee(mempool: Mempool) -> None:
    capped, free = make(0, tip=50 * GWEI, cap=51 * GWEI), make(1, tip=20 * GWEI)
    await submit(mempool, capped, free)

    assert take(mempool, base_fee=40 * GWEI) == [free, capped]


async def test_budgets_of_gas_count_and_bytes_bound_a_slice(mempool: Mempool) -> None:
    large, small = make(0, tip=2, gas=500_000), make(1, tip=1)
    await submit(mempool, large, small)

    assert take(mempool, gas_budget=100_000) == [small]
    assert take(mempool, max_bytes=len(large.raw) - 1) == []
    assert take(mempool, limit=0) == []
    assert take(mempool, gas_budget=500_000) == [large]


async def test_gap_is_named_and_closes(mempool: Mempool) -> None:
    first, third = make(0, 0), make(0, 2)
    await submit(mempool, first, third)
    status = mempool.status(third.hash)
    assert (status.state, status.reason) == (
        TransactionState.QUEUED,
        "nonce gap: waits for the sender's transaction with nonce 1",
    )
    assert mempool.pending_nonce(address(0)) == 1
    assert take(mempool) == [first]

    second = make(0, 1)
    await submit(mempool, second)

    assert mempool.pending_nonce(address(0)) == 3
    assert take(mempool) == [second, third]


async def test_fee_cap_below_base_fee_waits_and_names_both(mempool: Mempool, chain: FakeChain) -> None:
    cheap = make(cap=2 * GWEI)
    chain.base_fee = 3 * GWEI
    await submit(mempool, cheap)
    assert take(mempool, base_fee=3 * GWEI) == []
    status = mempool.status(cheap.hash)
    assert status.state is TransactionState.QUEUED
    assert status.reason == "max fee per gas 2000000000 wei is below the base fee 3000000000 wei"

    chain.base_fee = GWEI

    assert state_of(mempool, cheap) is TransactionState.RECEIVED
    assert take(mempool, base_fee=GWEI) == [cheap]


async def test_included_is_preconfirmed_then_sealed_safe_final(mempool: Mempool, chain: FakeChain) -> None:
    transaction = make()
    await submit(mempool, transaction)
    take(mempool)
    mempool.settle([included(transaction)], block_number=1, slice_index=3, first_index=7)
    status = mempool.status(transaction.hash)
    assert (status.state, status.block_number, status.slice_index, status.index) == (
        TransactionState.PRECONFIRMED,
        1,
        3,
        7,
    )
    mempool.on_block_sealed(chain.seal([transaction]), [transaction])
    seen = [state_of(mempool, transaction)]
    chain.safe_number = 1
    seen.append(state_of(mempool, transaction))
    chain.finalized_number = 1
    seen.append(state_of(mempool, transaction))

    assert seen == [TransactionState.SEALED, TransactionState.SAFE, TransactionState.FINALIZED]


async def test_deferred_returns_before_better_paying_newcomers_in_order(mempool: Mempool) -> None:
    first, second = make(0, 0), make(0, 1)
    await submit(mempool, first, second)
    take(mempool)
    mempool.settle([deferred(first), deferred(second)], block_number=1, slice_index=0, first_index=0)
    rich = make(1, tip=50 * GWEI)
    await submit(mempool, rich)

    assert take(mempool) == [first, second, rich]


async def test_terminal_invalid_is_rejected_with_its_reason(mempool: Mempool) -> None:
    transaction, follower = make(0, 0), make(0, 1)
    await submit(mempool, transaction, follower)
    take(mempool)
    outcomes = [
        invalid(transaction, InvalidReason.SENDER_HAS_CODE),
        invalid(follower, InvalidReason.NONCE_TOO_HIGH),
    ]
    mempool.settle(outcomes, block_number=1, slice_index=0, first_index=0)

    status = mempool.status(transaction.hash)
    assert (status.state, status.reason) == (TransactionState.REJECTED, "sender is a contract")
    assert mempool.status(follower.hash).reason == "nonce gap: waits for the sender's transaction with nonce 0"
    assert take(mempool) == []


async def test_nonce_too_low_lets_the_next_one_pass_at_once(mempool: Mempool) -> None:
    stale, following, last = make(0, 0), make(0, 1), make(0, 2)
    await submit(mempool, stale, following, last)
    assert take(mempool, limit=2) == [stale, following]
    outcomes: list[Outcome] = [invalid(stale, InvalidReason.NONCE_TOO_LOW), included(following)]
    mempool.settle(outcomes, block_number=1, slice_index=0, first_index=0)

    assert state_of(mempool, stale) is TransactionState.REJECTED
    assert take(mempool) == [last]


async def test_not_valid_now_waits_for_the_next_head_and_not_for_ever(mempool: Mempool, chain: FakeChain) -> None:
    poor = make()
    await submit(mempool, poor)
    for attempt in range(1, 4):
        assert take(mempool) == [poor]
        mempool.settle(
            [invalid(poor, InvalidReason.INSUFFICIENT_FUNDS)], block_number=attempt, slice_index=0, first_index=0
        )
        assert take(mempool) == []
        mempool.on_block_sealed(chain.seal([]), [])

    status = mempool.status(poor.hash)
    assert status.state is TransactionState.DROPPED
    assert status.reason == f"{InvalidReason.INSUFFICIENT_FUNDS.value}, at 3 turns"


@pytest.mark.parametrize(
    ("cap", "tip", "is_taken"),
    [(1100, 110, True), (1099, 110, False), (1100, 109, False), (1000, 200, False)],
)
async def test_replacement_needs_both_bumps(mempool: Mempool, cap: int, tip: int, is_taken: bool) -> None:
    old, new = make(cap=1000, tip=100), make(cap=cap, tip=tip)
    await submit(mempool, old)
    if is_taken:
        await submit(mempool, new)
        status = mempool.status(old.hash)
        assert (status.state, status.reason) == (TransactionState.REPLACED, f"replaced by 0x{new.hash.hex()}")
        assert take(mempool, base_fee=1) == [new]
    else:
        with pytest.raises(errors.ReplacementUnderpriced):
            await submit(mempool, new)
        assert take(mempool, base_fee=1) == [old]


async def test_taken_transaction_can_not_be_replaced(mempool: Mempool) -> None:
    await submit(mempool, make(cap=1000, tip=100))
    take(mempool, base_fee=1)

    with pytest.raises(errors.TooLateToReplace):
        await submit(mempool, make(cap=2000, tip=200))


async def test_full_pool_drops_the_cheapest_for_a_better_one(small: Mempool) -> None:
    cheap = make(0, tip=1)
    await submit(small, cheap, make(1, tip=3), make(2, tip=3), make(3, tip=3))
    with pytest.raises(errors.PoolFull):
        await submit(small, make(4, tip=1))
    better = make(4, tip=2)
    await submit(small, better)

    status = small.status(cheap.hash)
    assert (status.state, status.reason) == (
        TransactionState.DROPPED,
        "pool is full and this was the cheapest",
    )
    assert state_of(small, better) is TransactionState.RECEIVED


async def test_tail_goes_instead_of_a_cheap_head(small: Mempool) -> None:
    head, tail = make(0, 0, tip=1), make(0, 1, tip=9)
    await submit(small, head, tail, make(1, tip=5), make(2, tip=5), make(3, tip=5))

    assert state_of(small, head) is TransactionState.RECEIVED
    assert state_of(small, tail) is TransactionState.DROPPED


async def test_transactions_of_the_open_block_are_not_evicted(small: Mempool) -> None:
    await submit(small, *(make(sender, tip=1) for sender in range(4)))
    taken = take(small)
    with pytest.raises(errors.PoolFull):
        await submit(small, make(5, tip=9))

    assert all(state_of(small, transaction) is TransactionState.RECEIVED for transaction in taken)


async def test_sender_limit(small: Mempool) -> None:
    await submit(small, make(0, 0), make(0, 1), make(0, 2))

    with pytest.raises(errors.SenderLimitReached):
        await submit(small, make(0, 3))


async def test_gap_that_never_closes_expires_and_a_ready_one_does_not(
    mempool: Mempool, chain: FakeChain, clock: ManualClock
) -> None:
    ready, stuck = make(0), make(1, nonce=1)
    await submit(mempool, ready, stuck)
    clock.seconds += 99
    mempool.on_block_sealed(chain.seal([]), [])
    assert state_of(mempool, stuck) is TransactionState.QUEUED
    clock.seconds += 1
    mempool.on_block_sealed(chain.seal([]), [])

    status = mempool.status(stuck.hash)
    assert status.state is TransactionState.DROPPED
    assert status.reason == "expired: nonce gap: waits for the sender's transaction with nonce 0"
    assert state_of(mempool, ready) is TransactionState.RECEIVED


async def test_unwound_transactions_come_back_first_and_in_order(mempool: Mempool, chain: FakeChain) -> None:
    sealed = [make(0, 0, tip=1), make(1, 0, tip=9), make(0, 1, tip=5)]
    await submit(mempool, *sealed)
    take(mempool)
    mempool.on_block_sealed(chain.seal(sealed), sealed)
    in_open_block, later = make(0, 2, tip=1), make(2, 0, tip=90 * GWEI)
    await submit(mempool, in_open_block)
    assert take(mempool) == [in_open_block]
    mempool.settle([included(in_open_block)], block_number=2, slice_index=0, first_index=0)
    await submit(mempool, later)

    mempool.on_unwound(0, chain.unwind(0))

    assert take(mempool) == [*sealed, in_open_block, later]


async def test_unwound_transaction_that_the_other_chain_holds_is_sealed_again(
    mempool: Mempool, chain: FakeChain
) -> None:
    transaction, rival = make(0), make(0, tip=2 * GWEI)
    mempool.on_block_sealed(chain.seal([transaction]), [transaction])
    mempool.on_unwound(0, chain.unwind(0))
    mempool.on_block_sealed(chain.seal([transaction]), [transaction])
    assert state_of(mempool, transaction) is TransactionState.SEALED
    mempool.on_unwound(0, chain.unwind(0))
    mempool.on_block_sealed(chain.seal([rival]), [rival])

    assert state_of(mempool, transaction) is TransactionState.REPLACED
    assert take(mempool) == []


async def test_chain_that_is_ahead_of_its_events_does_not_end_a_transaction(mempool: Mempool, chain: FakeChain) -> None:
    first, second = make(0, 0), make(0, 1)
    await submit(mempool, first, second)
    take(mempool)
    number = chain.seal([first])
    chain.seal([second])
    mempool.on_block_sealed(number, [first])
    assert state_of(mempool, second) is not TransactionState.REPLACED

    mempool.on_block_sealed(number + 1, [second])

    assert state_of(mempool, second) is TransactionState.SEALED


async def test_what_follows_a_transaction_in_flight_stays_ready_when_a_block_is_sealed(
    mempool: Mempool, chain: FakeChain
) -> None:
    sealed, in_flight, last = make(0, 0), make(0, 1), make(0, 2)
    await submit(mempool, sealed, in_flight, last)
    assert take(mempool, limit=1) == [sealed]
    mempool.settle([included(sealed)], block_number=1, slice_index=0, first_index=0)
    assert take(mempool, limit=1) == [in_flight]
    mempool.on_block_sealed(chain.seal([sealed]), [sealed])

    assert take(mempool) == [last]


async def test_abandoned_open_block_returns_all_that_was_taken(mempool: Mempool) -> None:
    settled, in_flight = make(0, 0), make(0, 1)
    await submit(mempool, settled)
    take(mempool)
    mempool.settle([included(settled)], block_number=1, slice_index=0, first_index=0)
    await submit(mempool, in_flight)
    take(mempool)
    mempool.on_open_block_abandoned(1)

    assert mempool.status(settled.hash).block_number is None
    assert take(mempool) == [settled, in_flight]


async def test_unknown_hash_has_a_status_too(mempool: Mempool) -> None:
    assert mempool.status(b"\x01" * 32).state is TransactionState.UNKNOWN


async def test_pending_nonce_of_an_account_without_waiting_transactions(mempool: Mempool, chain: FakeChain) -> None:
    chain.state.accounts[address(0)] = Account(nonce=7, balance=ETHER)

    assert mempool.pending_nonce(address(0)) == 7
    assert mempool.pending_nonce(b"\x01" * 20) == 0
