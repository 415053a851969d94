"""Choice of the L1 origin: each rule at its last valid second and at the first one beyond."""

import pytest

from l1_bridge.rollup_config import MAX_SEQUENCER_DRIFT_SECONDS
from l1_bridge.types import L1Header
from sequencer.sequencing.origin_selection import (
    NextOriginUnknown,
    choose_origin,
)
from tests.fakes.l1 import FakeL1

DRIFT = MAX_SEQUENCER_DRIFT_SECONDS


def _headers(gap_seconds: int) -> tuple[L1Header, L1Header]:
    l1 = FakeL1(block_time=gap_seconds)
    l1.act_mine()
    return l1.header(0), l1.header(1)


@pytest.mark.parametrize(
    ("gap_seconds", "after_current_seconds", "advances", "allows"),
    [
        pytest.param(12, 11, False, True, id="a second before the next origin: stays"),
        pytest.param(12, 12, True, True, id="at the next origin's second: advances"),
        pytest.param(12, 12 + DRIFT, True, True, id="at the end of the next origin's drift: users may come"),
        pytest.param(12, 13 + DRIFT, True, False, id="a second past the next origin's drift: empty"),
        pytest.param(5000, DRIFT, False, True, id="next origin far away, at the end of the drift: users may come"),
        pytest.param(5000, DRIFT + 1, False, False, id="next origin far away, past the drift: empty"),
        pytest.param(5000, 4999, False, False, id="past the drift, a second before the next origin: stays, empty"),
        pytest.param(5000, 5000, True, True, id="past the old drift, at the next origin: advances, users may come"),
    ],
)
def test_the_origin_of_a_block(gap_seconds: int, after_current_seconds: int, advances: bool, allows: bool) -> None:
    current, following = _headers(gap_seconds)

    choice = choose_origin(current, following, current.timestamp + after_current_seconds)

    assert choice.origin == (following if advances else current)
    assert choice.allows_user_transactions is allows


def test_an_unknown_next_origin_is_no_matter_within_the_drift() -> None:
    current, _ = _headers(12)

    choice = choose_origin(current, None, current.timestamp + DRIFT)

    assert choice.origin == current
    assert choice.allows_user_transactions


def test_past_the_drift_nothing_is_decided_without_the_next_origin() -> None:
    current, _ = _headers(12)
    block_time = current.timestamp + DRIFT + 1

    with pytest.raises(NextOriginUnknown) as raised:
        choose_origin(current, None, block_time)

    assert raised.value.origin == current.id
    assert raised.value.block_time == block_time


def test_the_drift_is_the_protocols_constant() -> None:
    assert DRIFT == 1800
