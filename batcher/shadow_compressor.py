"""
What a channel would have compressed, without compressing it: a quick stream beside it, corrected now and then.

A span batch changes with each block and brotli gives no intermediate size, so the true size costs a whole
compression. The quick stream sees each transaction once. Where a true size is known, the two are held together; so a
channel of any length is compressed some few times.
"""

import zlib
from collections.abc import Iterable

QUICK_LEVEL = 1
NEAR_PERCENT = 98
"""Estimates from this part of a target on are checked."""

SLACK_BYTES = 64
"""Headers and trailers that any compression may add."""


class ShadowCompressor:
    """Estimates one channel."""

    def __init__(self) -> None:
        self._stream = zlib.compressobj(QUICK_LEVEL)
        self._output_bytes = 0
        self._known: tuple[int, int, int] | None = None
        """True size, with the content and the quick size of that moment."""

    def add(self, transactions: Iterable[bytes]) -> None:
        """The channel has these too."""
        for raw in transactions:
            self._output_bytes += len(self._stream.compress(raw))

    def correct(self, content_bytes: int, compressed_bytes: int) -> None:
        """The true size is known."""
        self._known = (compressed_bytes, content_bytes, self._quick_bytes)

    def may_reach(self, target_bytes: int, content_bytes: int) -> bool:
        """Whether the true size is worth its price: it may be at the target, and likely is near it."""
        size, content, quick = self._known or (0, 0, 0)
        if size + content_bytes - content + SLACK_BYTES < target_bytes:
            return False
        now = self._quick_bytes
        estimate = now if quick == 0 else size * now // quick
        return estimate * 100 >= target_bytes * NEAR_PERCENT

    @property
    def _quick_bytes(self) -> int:
        return self._output_bytes + len(self._stream.copy().flush())
