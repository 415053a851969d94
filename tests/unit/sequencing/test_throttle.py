"""Back-pressure: a share of bytes that falls as more waits for L1, and is kept on average."""

import pytest

from sequencer.sequencing.throttle import Throttle, ThrottleLimits, UnpostedBytes, compute_block_share

LIMITS = ThrottleLimits(soft_bytes=1_000, hard_bytes=2_000, block_bytes=500, least_block_bytes=100)


def _throttle(waiting_bytes: int) -> Throttle:
    throttle = Throttle(LIMITS)
    throttle.unposted.note(1, waiting_bytes)
    throttle.begin_block()
    return throttle


@pytest.mark.parametrize(
    ("waiting", "share"),
    [(0, None), (1_000, None), (1_001, 500), (1_500, 300), (1_999, 101), (2_000, 100), (10**12, 100)],
)
def test_the_share_falls_in_a_line_between_the_two_bounds(waiting: int, share: int | None) -> None:
    assert compute_block_share(waiting, LIMITS) == share


def test_without_a_soft_bound_nothing_is_throttled() -> None:
    assert compute_block_share(10**12, ThrottleLimits(soft_bytes=0)) is None


def test_bounds_that_are_one_make_a_step() -> None:
    limits = ThrottleLimits(soft_bytes=10, hard_bytes=10, block_bytes=500, least_block_bytes=100)

    assert (compute_block_share(10, limits), compute_block_share(11, limits)) == (None, 100)


def test_a_block_takes_something_while_anything_of_its_share_is_left() -> None:
    throttle = _throttle(1_500)

    throttle.spend(299)
    assert (throttle.bytes_left, throttle.reason) == (1, None)
    throttle.spend(800)
    assert throttle.bytes_left == -799
    assert throttle.reason is not None
    assert "1500 bytes of transactions are not on L1" in throttle.reason


def test_what_a_block_took_too_much_the_next_ones_pay_back() -> None:
    throttle = Throttle(LIMITS)
    throttle.asked_share = 300
    throttle.begin_block()
    throttle.spend(799)
    throttle.seal_block(1)
    left = []
    for number in (2, 3, 4):
        throttle.begin_block()
        left.append(throttle.bytes_left)
        throttle.seal_block(number)

    assert left == [-199, 101, 300]


def test_a_share_that_was_not_used_is_not_kept() -> None:
    throttle = _throttle(1_500)
    throttle.seal_block(2)
    throttle.begin_block()

    assert throttle.bytes_left == 300


def test_a_block_that_was_given_up_owes_nothing() -> None:
    throttle = _throttle(1_500)
    throttle.spend(5_000)
    throttle.begin_block()

    assert throttle.bytes_left == 300


@pytest.mark.parametrize(("asked", "share"), [(None, 300), (250, 250), (400, 300)])
def test_the_smaller_of_two_shares_counts(asked: int | None, share: int) -> None:
    throttle = Throttle(LIMITS)
    throttle.unposted.note(1, 1_500)
    throttle.asked_share = asked
    throttle.begin_block()

    assert throttle.bytes_left == share


def test_what_is_safe_does_not_wait() -> None:
    unposted = UnpostedBytes()
    for number, size in enumerate((10, 20, 40), 5):
        unposted.note(number, size)
    unposted.forget_up_to(6)

    assert unposted.total == 40


def test_a_block_that_takes_the_place_of_others_counts_instead_of_them() -> None:
    unposted = UnpostedBytes()
    for number, size in enumerate((10, 20, 40), 5):
        unposted.note(number, size)
    unposted.note(6, 5)

    assert unposted.total == 15


def test_blocks_of_an_earlier_process_are_found_downwards() -> None:
    unposted = UnpostedBytes()
    seen = []
    while (number := unposted.next_missing(3, 6)) is not None:
        seen.append(number)
        unposted.note(number, 1)

    assert (seen, unposted.total) == ([6, 5, 4], 3)


def test_a_head_beyond_what_is_known_begins_anew() -> None:
    unposted = UnpostedBytes()
    unposted.note(5, 10)
    assert unposted.next_missing(3, 9) == 9
    unposted.note(9, 1)

    assert unposted.total == 1
    assert unposted.next_missing(3, 9) == 8


def test_nothing_is_missing_when_all_is_safe() -> None:
    assert UnpostedBytes().next_missing(6, 6) is None
