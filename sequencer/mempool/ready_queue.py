"""
The order of taking: those that had their turn before, then by effective tip, then by arrival.

An effective tip is min(tip cap, fee cap - base fee), so it moves with the base fee. Two heaps make that cheap: one by
tip cap, one by fee cap. An item's key in either is never below its true rank, so only the items that surface are looked
at, and moved to the other heap when the other bound is the tighter one. A new base fee costs nothing.
"""

import heapq
from typing import TypeAlias

from .pool_entry import Entry

_Item: TypeAlias = "tuple[int, int, int, Entry]"
"""Key (lowest first), arrival, ticket, entry; arrival and ticket together are unique."""

SLACK = 1024
"""Old items that may stay before a heap is cleaned."""


class ReadyQueue:
    """The heads of the senders' queues; an entry that was taken out otherwise is skipped when it surfaces."""

    def __init__(self) -> None:
        self._front: list[_Item] = []
        self._by_tip: list[_Item] = []
        self._by_cap: list[_Item] = []
        self._tickets = 0
        self._size = 0

    def push(self, entry: Entry) -> None:
        """Put an entry in, once; an older item of the same entry no longer counts."""
        if entry.ticket == 0:
            self._size += 1
        self._tickets += 1
        entry.ticket = self._tickets
        if entry.front is not None:
            heapq.heappush(self._front, (entry.front, entry.arrival, entry.ticket, entry))
        else:
            heapq.heappush(self._by_tip, self._tip_item(entry))
        self._clean()

    def discard(self, entry: Entry) -> None:
        """Take an entry out, wherever it is."""
        if entry.ticket:
            entry.ticket = 0
            self._size -= 1

    def pop(self, base_fee: int) -> Entry | None:
        """Take out the best entry whose fee cap covers `base_fee`; None when there is none."""
        item = self._pop_front(base_fee) or self._pop_best(base_fee)
        if item is None:
            return None
        self.discard(item)
        return item

    def __len__(self) -> int:
        return self._size

    def _pop_front(self, base_fee: int) -> Entry | None:
        while self._front:
            _, _, ticket, entry = heapq.heappop(self._front)
            if ticket != entry.ticket:
                continue
            if entry.transaction.max_fee_per_gas >= base_fee:
                return entry
            heapq.heappush(self._by_cap, self._cap_item(entry))
        return None

    def _pop_best(self, base_fee: int) -> Entry | None:
        self._settle_tops(base_fee)
        tip_top = self._by_tip[0] if self._by_tip else None
        cap_top = self._by_cap[0] if self._by_cap else None
        if cap_top is not None and -cap_top[0] < base_fee:
            cap_top = None
        if tip_top is None and cap_top is None:
            return None
        if cap_top is None or (tip_top is not None and tip_top[:2] < (cap_top[0] + base_fee, cap_top[1])):
            return heapq.heappop(self._by_tip)[3]
        return heapq.heappop(self._by_cap)[3]

    def _settle_tops(self, base_fee: int) -> None:
        """Move items until the top of each heap is alive and bound by that heap's key."""
        moved = True
        while moved:
            moved = False
            while self._by_tip and not self._is_tip_bound(self._by_tip[0], base_fee):
                entry = self._pop_alive(self._by_tip)
                if entry is not None:
                    heapq.heappush(self._by_cap, self._cap_item(entry))
                    moved = True
            while self._by_cap and not self._is_cap_bound(self._by_cap[0], base_fee):
                entry = self._pop_alive(self._by_cap)
                if entry is not None:
                    heapq.heappush(self._by_tip, self._tip_item(entry))
                    moved = True

    @staticmethod
    def _is_tip_bound(item: _Item, base_fee: int) -> bool:
        transaction = item[3].transaction
        cap_margin = transaction.max_fee_per_gas - base_fee
        return item[2] == item[3].ticket and transaction.max_priority_fee_per_gas <= cap_margin

    @staticmethod
    def _is_cap_bound(item: _Item, base_fee: int) -> bool:
        transaction = item[3].transaction
        cap_margin = transaction.max_fee_per_gas - base_fee
        return item[2] == item[3].ticket and transaction.max_priority_fee_per_gas > cap_margin

    @staticmethod
    def _pop_alive(heap: list[_Item]) -> Entry | None:
        _, _, ticket, entry = heapq.heappop(heap)
        return entry if ticket == entry.ticket else None

    @staticmethod
    def _tip_item(entry: Entry) -> _Item:
        return -entry.transaction.max_priority_fee_per_gas, entry.arrival, entry.ticket, entry

    @staticmethod
    def _cap_item(entry: Entry) -> _Item:
        return -entry.transaction.max_fee_per_gas, entry.arrival, entry.ticket, entry

    def _clean(self) -> None:
        for heap in (self._front, self._by_tip, self._by_cap):
            if len(heap) > 2 * self._size + SLACK:
                heap[:] = [item for item in heap if item[2] == item[3].ticket]
                heapq.heapify(heap)
