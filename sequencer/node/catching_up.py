"""
How far derivation is behind L1, told while it catches up: percent of L1 read, blocks a second, time left.

A replica from genesis, or a node that was away for long, would else be silent until it is there. Nothing is said within
`LEAST_BEHIND_L1_BLOCKS` of L1's head.
"""

from typing import Protocol

import structlog

from l1_bridge.service import Wake
from sequencer.derivation.driver import SyncStatus
from sequencer.primitives.clock import Clock

log = structlog.get_logger(__name__)

TELL_SECONDS = 5.0
"""Between two lines."""

LEAST_BEHIND_L1_BLOCKS = 16
"""Ordinary work is closer to L1's head than this."""


class Follower(Protocol):
    """What follows L1."""

    @property
    def sync_status(self) -> SyncStatus:
        """Where it stands."""


class CatchUpTeller:
    """A service that looks now and then and logs `catching_up`."""

    def __init__(self, follower: Follower, clock: Clock) -> None:
        self._follower = follower
        self._clock = clock
        self._start: tuple[float, int, int] | None = None
        """When, at which L1 block and at which safe block catching up began."""

    async def step(self) -> Wake:
        """Look once."""
        status = self._follower.sync_status
        current, head = status.current_l1, status.head_l1
        if current is None or head is None or head.number - current.number < LEAST_BEHIND_L1_BLOCKS:
            if self._start is not None:
                log.info("caught_up", safe=status.safe_l2.number, seconds=round(self._clock.now() - self._start[0], 1))
            self._start = None
            return Wake(TELL_SECONDS)
        if self._start is None:
            self._start = (self._clock.now(), current.number, status.safe_l2.number)
            return Wake(TELL_SECONDS)
        began, first_l1, first_safe = self._start
        seconds = max(self._clock.now() - began, 1e-3)
        l1_rate = max(current.number - first_l1, 0) / seconds
        log.info(
            "catching_up",
            safe=status.safe_l2.number,
            l1=current.number,
            l1_head=head.number,
            percent=round(100 * current.number / head.number, 1),
            blocks_a_second=round(max(status.safe_l2.number - first_safe, 0) / seconds, 1),
            eta_seconds=round((head.number - current.number) / l1_rate) if l1_rate else None,
        )
        return Wake(TELL_SECONDS)

    async def reset(self) -> None:
        """Measure anew."""
        self._start = None
