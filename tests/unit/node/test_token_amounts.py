"""Amounts of a token as users write them."""

import pytest

from sequencer.node.token_bridging import UnusableToken, parse_amount


@pytest.mark.parametrize(
    ("text", "decimals", "amount"), [("1.5", 18, 15 * 10**17), ("0.000001", 6, 1), ("7", 0, 7), ("1e3", 2, 100_000)]
)
def test_amount_is_in_the_smallest_unit(text: str, decimals: int, amount: int) -> None:
    assert parse_amount(text, decimals) == amount


@pytest.mark.parametrize(
    ("text", "decimals"), [("0.0000001", 6), ("0", 6), ("-1", 6), ("NaN", 6), ("Infinity", 6), ("x", 6)]
)
def test_what_the_token_can_not_hold_is_refused(text: str, decimals: int) -> None:
    with pytest.raises(UnusableToken):
        parse_amount(text, decimals)
