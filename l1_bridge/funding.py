"""
How long the money of a sending account lasts: its balance over what it spent lately.

Time is L1's, so a stopped L1 does not make the money last longer. Before a tenth of
an hour was seen, what was spent counts as spent in a tenth of an hour.
"""

from collections import deque

import structlog

from l1_bridge import metrics

_log = structlog.get_logger(__name__)

HOUR_SECONDS = 3600
WINDOW_SECONDS = 6 * HOUR_SECONDS
"""Spending further back than this says nothing about the next hours."""

SHORTEST_SPAN_SECONDS = HOUR_SECONDS // 10
LOOK_EVERY_SECONDS = 60
"""L1 time between two looks at the balance."""


class Runway:
    """Measures spending, and warns when the balance does not last."""

    def __init__(self, address: bytes, warn_hours: int) -> None:
        self._address = address
        self._warn_hours = warn_hours
        self._spent: deque[tuple[int, int]] = deque()
        """L1 time and wei."""
        self._started_at: int | None = None
        self._looked_at: int | None = None
        self._is_low = False
        self.balance_wei: int | None = None
        self.hours: float | None = None

    def is_due(self, now_seconds: int) -> bool:
        """Whether the balance should be read again."""
        return self._looked_at is None or abs(now_seconds - self._looked_at) >= LOOK_EVERY_SECONDS

    def add_spent(self, wei: int, at_seconds: int) -> None:
        """A transaction of ours cost this."""
        self._spent.append((at_seconds, wei))
        metrics.L1_SPENT.inc(wei)

    def look(self, balance_wei: int, now_seconds: int) -> None:
        """Take a new balance, and say so when it has become low or is no longer."""
        self._looked_at = now_seconds
        self._started_at = now_seconds if self._started_at is None else min(self._started_at, now_seconds)
        self.balance_wei = balance_wei
        while self._spent and self._spent[0][0] < now_seconds - WINDOW_SECONDS:
            self._spent.popleft()
        total = sum(wei for _, wei in self._spent)
        begin = self._spent[0][0] if self._spent else now_seconds
        span = min(now_seconds - min(begin, self._started_at), WINDOW_SECONDS)
        span = max(span, SHORTEST_SPAN_SECONDS)
        self.hours = balance_wei * span / (total * HOUR_SECONDS) if total else None
        metrics.L1_BALANCE.set(balance_wei)
        metrics.L1_RUNWAY.set(float("inf") if self.hours is None else self.hours)
        self._report()

    def _report(self) -> None:
        was_low, hours = self._is_low, self.hours
        self._is_low = self.balance_wei == 0 or (hours is not None and hours < self._warn_hours)
        if self._is_low == was_low:
            return
        level = _log.warning if self._is_low else _log.info
        level(
            "l1_funds_low" if self._is_low else "l1_funds_sufficient",
            address="0x" + self._address.hex(),
            balance_wei=self.balance_wei,
            hours_left=None if hours is None else round(hours, 1),
        )
