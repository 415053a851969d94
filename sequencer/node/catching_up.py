"""
How far derivation is behind L1, told while it catches up: percent of L1 read, blocks a second, time left.

A replica from genesis, or a node that was away for long, would else be silent until it is there. On a terminal it is a
line that is drawn again (`progress_line`), elsewhere a line of the log now and then. Nothing is said within
`LEAST_BEHIND_L1_BLOCKS` of L1's head.
"""

from dataclasses import dataclass
from typing import Protocol

import structlog

from l1_bridge.service import Wake
from sequencer.derivation.driver import SyncStatus
from sequencer.primitives.clock import Clock

log = structlog.get_logger(__name__)

LEAST_BEHIND_L1_BLOCKS = 16
"""Ordinary work is closer to L1's head than this."""


class Follower(Protocol):
    """What follows L1."""

    @property
    def sync_status(self) -> SyncStatus:
        """Where it stands."""


@dataclass(frozen=True, slots=True)
class CatchUp:
    """How far it is, and how fast since it began."""

    safe: int
    """Number of the safe L2 block."""
    l1: int
    l1_head: int
    """Numbers of the L1 block that is read, and of the newest one."""
    blocks_a_second: float
    """L2 blocks."""
    eta_seconds: int | None
    """None while nothing moves."""

    @property
    def percent(self) -> float:
        """Of L1 that is read."""
        return round(100 * self.l1 / self.l1_head, 1)


class CatchUpDisplay(Protocol):
    """Where it is told."""

    @property
    def look_seconds(self) -> float:
        """Between two tellings."""

    def show(self, progress: CatchUp) -> None:
        """It is that far."""

    def end(self, safe: int, seconds: float) -> None:
        """It is there, after so many seconds."""

    def close(self) -> None:
        """The node stops."""


class CatchUpLog:
    """Tells it in the log."""

    look_seconds = 5.0

    def show(self, progress: CatchUp) -> None:
        """One line."""
        log.info(
            "catching_up",
            safe=progress.safe,
            l1=progress.l1,
            l1_head=progress.l1_head,
            percent=progress.percent,
            blocks_a_second=progress.blocks_a_second,
            eta_seconds=progress.eta_seconds,
        )

    def end(self, safe: int, seconds: float) -> None:
        """The last line."""
        log.info("caught_up", safe=safe, seconds=seconds)

    def close(self) -> None:
        """Nothing is held."""


class CatchUpTeller:
    """A service that looks now and then, and tells a display."""

    def __init__(self, follower: Follower, clock: Clock, display: CatchUpDisplay) -> None:
        self._follower = follower
        self._clock = clock
        self._display = display
        self._start: tuple[float, int, int] | None = None
        """When, at which L1 block and at which safe block catching up began."""

    async def step(self) -> Wake:
        """Look once."""
        status, again = self._follower.sync_status, Wake(self._display.look_seconds)
        current, head, safe = status.current_l1, status.head_l1, status.safe_l2.number
        if current is None or head is None or head.number - current.number < LEAST_BEHIND_L1_BLOCKS:
            if self._start is not None:
                self._display.end(safe, round(self._clock.now() - self._start[0], 1))
            self._start = None
            return again
        if self._start is None:
            self._start = (self._clock.now(), current.number, safe)
            return again
        began, first_l1, first_safe = self._start
        seconds = max(self._clock.now() - began, 1e-3)
        l1_rate = max(current.number - first_l1, 0) / seconds
        self._display.show(
            CatchUp(
                safe,
                current.number,
                head.number,
                blocks_a_second=round(max(safe - first_safe, 0) / seconds, 1),
                eta_seconds=round((head.number - current.number) / l1_rate) if l1_rate else None,
            )
        )
        return again

    async def reset(self) -> None:
        """Measure anew."""
        self._start = None
