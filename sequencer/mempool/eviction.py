"""
Who goes when the pool is full: the tail of the queue that holds the cheapest transaction.

A transaction is worth its effective tip at the time it was ranked; one that surfaces as the cheapest is ranked again,
so ranks are right where it matters. Tails go, because what follows a removed nonce could not run.
"""

import heapq
from collections.abc import Mapping
from typing import TypeAlias

from .pool_entry import Entry, SenderQueue, Stage

_Item: TypeAlias = "tuple[int, int, Entry]"
"""Effective tip in wei, then newest first: no two entries arrive at once."""

MAX_LOOKS = 128
"""Items looked at for one victim: those in the open block can not go, and are many when blocks are full."""

SLACK = 1024


class EvictionOrder:
    """Waiting transactions by worth, cheapest first."""

    def __init__(self) -> None:
        self._heap: list[_Item] = []
        self._count = 0

    def add(self, entry: Entry, base_fee: int) -> None:
        """Rank an entry that came into the pool."""
        self._push(entry, base_fee)
        if len(self._heap) > 2 * self._count + SLACK:
            self._heap = [item for item in self._heap if not item[2].is_gone]
            heapq.heapify(self._heap)
            self._count = len(self._heap)

    def removed(self) -> None:
        """Hear that one entry left the pool."""
        self._count -= 1

    def cheapest(self, senders: Mapping[bytes, SenderQueue], base_fee: int) -> tuple[Entry, int] | None:
        """The entry to evict first, and the worth (wei per gas) that stands for it; None when nothing may go."""
        busy: list[_Item] = []
        found: tuple[Entry, int] | None = None
        for _ in range(MAX_LOOKS):
            if not self._heap:
                break
            item = heapq.heappop(self._heap)
            tip, _, entry = item
            if entry.is_gone:
                continue
            current = entry.transaction.effective_tip(base_fee)
            if current > tip:
                self._repush(entry, current)
                continue
            busy.append(item)
            tail = senders[entry.transaction.sender].tail()
            if entry.stage is Stage.WAITING and tail is not None:
                found = tail, current
                break
        for item in busy:
            heapq.heappush(self._heap, item)
        return found

    def _push(self, entry: Entry, base_fee: int) -> None:
        self._count += 1
        self._repush(entry, entry.transaction.effective_tip(base_fee))

    def _repush(self, entry: Entry, tip: int) -> None:
        heapq.heappush(self._heap, (tip, -entry.arrival, entry))
