"""Fees of L1 transactions, and what a pool's refusal means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from l1_bridge.errors import L1Refused
from l1_bridge.fees import FeeLimits, Fees, Market, bump_fees, initial_fees
from l1_bridge.pool_answer import PoolAnswer, classify_refusal, is_revert


@given(st.integers(1, 10**12), st.integers(1, 10**12), st.integers(0, 10**12), st.integers(0, 10**12))
def test_bump_always_satisfies_the_pools_rule(tip: int, cap: int, base_fee: int, blob_fee: int) -> None:
    offered = Fees(min(tip, cap), cap, blob_fee)
    percent = 200 if blob_fee else 110

    bumped = bump_fees(offered, initial_fees(Market(base_fee, tip, 7), has_blobs=blob_fee > 0))

    assert bumped.priority_fee * 100 >= offered.priority_fee * percent
    assert bumped.max_fee * 100 >= offered.max_fee * percent
    assert bumped.max_blob_fee * 100 >= offered.max_blob_fee * percent
    assert bumped.priority_fee <= bumped.max_fee
    assert (bumped.max_blob_fee > 0) is (blob_fee > 0)


def test_new_transaction_covers_a_market_that_doubles() -> None:
    market = Market(base_fee=100, priority_fee=10, blob_base_fee=30)

    assert initial_fees(market, has_blobs=True) == Fees(10, 210, 60)
    assert initial_fees(market, has_blobs=False) == Fees(10, 210, 0)
    assert initial_fees(market, has_blobs=True).covers(Market(210, 0, 60))
    assert not initial_fees(market, has_blobs=True).covers(Market(211, 0, 60))
    assert not initial_fees(market, has_blobs=True).covers(Market(210, 0, 61))
    assert initial_fees(market, has_blobs=False).covers(Market(210, 0, 61))


def test_limits_hold_for_every_part() -> None:
    limits = FeeLimits(max_fee=4, max_blob_fee=7)

    assert limits.cap(Fees(5, 20, 8)) == Fees(4, 4, 7)
    assert limits.cap(Fees(1, 3, 0)) == Fees(1, 3, 0)
    assert limits.allow(Fees(4, 4, 7))
    assert not limits.allow(Fees(4, 5, 7))
    assert not limits.allow(Fees(4, 4, 8))
    assert limits.doubled().allow(Fees(8, 8, 14))


@pytest.mark.parametrize(
    ("message", "answer"),
    [
        ("already known", PoolAnswer.ALREADY_THERE),
        ("replacement transaction underpriced", PoolAnswer.UNDERPRICED),
        ("max fee per gas less than block base fee: address 0x1", PoolAnswer.UNDERPRICED),
        ("Nonce too low", PoolAnswer.NONCE_USED),
        ("intrinsic gas too low", PoolAnswer.NEVER),
        ("insufficient funds for gas * price + value", PoolAnswer.UNFUNDED),
        ("address already reserved", PoolAnswer.OTHER_KIND),
        ("blob transaction missing sidecar, or too many blobs", PoolAnswer.NEVER),
        ("some words of a node that nobody has seen", PoolAnswer.TEMPORARY),
    ],
)
def test_words_of_a_pool(message: str, answer: PoolAnswer) -> None:
    assert classify_refusal(message) is answer


@pytest.mark.parametrize(
    ("code", "message", "expected"),
    [
        (3, "execution failed", True),
        (-32000, "execution reverted: not the batcher", True),
        (-32000, "gas required exceeds allowance (30000000)", True),
        (-32000, "insufficient funds for transfer", False),
        (-32005, "too many requests", False),
    ],
)
def test_estimate_that_is_refused_is_a_revert_or_not(code: int, message: str, expected: bool) -> None:
    assert is_revert(L1Refused("eth_estimateGas", code, message)) is expected
