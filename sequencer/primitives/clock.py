"""Time as an argument: whoever needs it is given a Clock, so tests can play every interleaving without waiting."""

import time
from typing import Protocol


class Clock(Protocol):
    """Seconds since the epoch, as the chain's timestamps count them."""

    def now(self) -> float:
        """Seconds since 1970, with fractions."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> float:
        """Seconds since 1970, with fractions."""
        return time.time()


class OffsetClock:
    """Another clock, moved by a fixed number of seconds: a devnet's time goes on from where its L1 stood still."""

    def __init__(self, clock: Clock, offset_seconds: float) -> None:
        self._clock = clock
        self._offset_seconds = offset_seconds

    def now(self) -> float:
        """Seconds since 1970, with fractions."""
        return self._clock.now() + self._offset_seconds
