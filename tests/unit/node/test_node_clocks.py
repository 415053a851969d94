"""Clocks of a node: L1's time, or the time where the chain stopped."""

import pytest

from l1_bridge.errors import L1Unavailable
from sequencer.node.clocks import follow_l1_clock, resume_clock, wait_for_l1
from tests.fakes.l1 import GENESIS_TIME, FakeL1


class HandClock:
    """A clock that a test sets."""

    def __init__(self, now: float) -> None:
        self.time = now

    def now(self) -> float:
        return self.time


def test_a_chain_that_stood_still_goes_on_at_its_head() -> None:
    machine = HandClock(5_000.0)

    clock = resume_clock(machine, head_timestamp=1_000)
    machine.time += 7.5

    assert clock.now() == 1_007.5


def test_a_chain_whose_head_is_ahead_waits_for_the_machine() -> None:
    clock = resume_clock(HandClock(5_000.0), head_timestamp=5_003)

    assert clock.now() == 5_000.0


@pytest.mark.parametrize("machine_seconds_ahead", [-3600, 0, 86_400])
async def test_l1s_time_is_followed_whatever_the_machine_says(machine_seconds_ahead: int) -> None:
    l1 = FakeL1(block_time=2)
    l1.act_mine(3)
    machine = HandClock(GENESIS_TIME + machine_seconds_ahead)

    clock = await follow_l1_clock(machine, l1)
    at_start = clock.now()
    machine.time += 10

    assert at_start == l1.head.timestamp
    assert clock.now() == l1.head.timestamp + 10


async def test_l1_is_waited_for_until_it_answers() -> None:
    l1 = FakeL1()
    l1.fail_next(3, L1Unavailable("eth_getBlockByNumber", "connection refused"))
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    header = await wait_for_l1(l1, pause)

    assert header == l1.head
    assert len(pauses) == 3
    assert min(pauses) > 0
