"""Fees of L1 transactions, and what a pool's refusal means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from l1_bridge.fees import Fees, bump_fees, cap_fees, initial_fees
from l1_bridge.pool_answer import PoolAnswer, classify_refusal


@given(st.integers(1, 10**12), st.integers(1, 10**12), st.integers(0, 10**12))
def test_bump_always_satisfies_the_ten_percent_rule(tip: int, cap: int, base_fee: int) -> None:
    offered = Fees(min(tip, cap), cap)

    bumped = bump_fees(offered, initial_fees(base_fee, tip))

    assert bumped.priority_fee * 10 >= offered.priority_fee * 11
    assert bumped.max_fee * 10 >= offered.max_fee * 11
    assert bumped.priority_fee <= bumped.max_fee


def test_cap_limits_both_parts() -> None:
    assert cap_fees(Fees(5, 20), 4) == Fees(4, 4)
    assert cap_fees(Fees(5, 20), 30) == Fees(5, 20)


@pytest.mark.parametrize(
    ("message", "answer"),
    [
        ("already known", PoolAnswer.ALREADY_THERE),
        ("replacement transaction underpriced", PoolAnswer.UNDERPRICED),
        ("max fee per gas less than block base fee: address 0x1", PoolAnswer.UNDERPRICED),
        ("Nonce too low", PoolAnswer.NONCE_USED),
        ("intrinsic gas too low", PoolAnswer.NEVER),
        ("insufficient funds for gas * price + value", PoolAnswer.TEMPORARY),
        ("some words of a node that nobody has seen", PoolAnswer.TEMPORARY),
    ],
)
def test_words_of_a_pool(message: str, answer: PoolAnswer) -> None:
    assert classify_refusal(message) is answer
