"""
Back-pressure: the more transaction bytes wait for L1, the fewer a block may add.

    bytes above the safe head   up to `soft_bytes`        blocks as large as gas and time allow
                                from there to `hard_bytes`    a share of bytes a block that falls in a line
                                above                     the least share, `least_block_bytes`

Counted is what user transactions weigh as they are signed: the most that they can cost on L1. A block takes
transactions while it has anything left of its share, so the last one may exceed it; the next blocks pay that back
before they take anything. So the mean holds, the order of fees too, and no transaction is too large for ever.

op-batcher steers op-geth to the same end by `miner_setMaxDASize`; that works here too, and the smaller share counts.
Only which transactions a new block takes depends on this, never what a block that exists does.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from sequencer.primitives.block import AnyTransaction
from sequencer.primitives.transaction import Transaction

from . import metrics


@dataclass(frozen=True, slots=True)
class ThrottleLimits:
    """Bytes of signed user transactions; see the module."""

    soft_bytes: int = 16_000_000
    """Waiting for L1, from which on blocks are made smaller; 0: never."""
    hard_bytes: int = 64_000_000
    """Waiting for L1, from which on blocks are as small as they may be."""
    block_bytes: int = 130_000
    """Share of a block when throttling begins: about one blob."""
    least_block_bytes: int = 2_000
    """Share of a block that is never taken from users."""


def compute_block_share(waiting_bytes: int, limits: ThrottleLimits) -> int | None:
    """Bytes that a block may add when so many wait for L1; None: as many as there are."""
    if limits.soft_bytes == 0 or waiting_bytes <= limits.soft_bytes:
        return None
    span = max(limits.hard_bytes - limits.soft_bytes, 1)
    over = min(waiting_bytes - limits.soft_bytes, span)
    return limits.block_bytes - (limits.block_bytes - limits.least_block_bytes) * over // span


def count_bytes(transactions: Iterable[AnyTransaction]) -> int:
    """Signed bytes of the users' transactions; L1 holds the deposits already."""
    return sum(len(transaction.raw) for transaction in transactions if isinstance(transaction, Transaction))


class UnpostedBytes:
    """User bytes of the blocks above the safe head, block by block; a run of numbers without a gap."""

    def __init__(self) -> None:
        self._first = 0
        self._sizes: deque[int] = deque()
        self.total = 0
        """Sum over the blocks that are known."""

    def note(self, number: int, size_bytes: int) -> None:
        """A block is the head now, or one below the lowest known; whatever stood at or above a new head is gone."""
        if self._sizes and number == self._first - 1:
            self._sizes.appendleft(size_bytes)
            self._first = number
        else:
            self.forget_above(number - 1)
            if not self._sizes or number != self._first + len(self._sizes):
                self._clear()
                self._first = number
            self._sizes.append(size_bytes)
        self.total += size_bytes

    def forget_up_to(self, safe_number: int) -> None:
        """Those blocks are on L1."""
        while self._sizes and self._first <= safe_number:
            self.total -= self._sizes.popleft()
            self._first += 1

    def forget_above(self, number: int) -> None:
        """Those blocks are no more."""
        while self._sizes and self._first + len(self._sizes) - 1 > number:
            self.total -= self._sizes.pop()

    def next_missing(self, safe_number: int, unsafe_number: int) -> int | None:
        """The newest block between the heads of which nothing is known; None when all are."""
        if unsafe_number <= safe_number:
            return None
        if not self._sizes or self._first + len(self._sizes) - 1 != unsafe_number:
            return unsafe_number
        return self._first - 1 if self._first - 1 > safe_number else None

    def _clear(self) -> None:
        self._sizes.clear()
        self.total = 0


class Throttle:
    """The share of one block after another, and what was taken beyond it."""

    def __init__(self, limits: ThrottleLimits) -> None:
        self._limits = limits
        self._share: int | None = None
        self._spent = 0
        self._debt = 0
        self.asked_share: int | None = None
        """What an operator, or op-batcher, wants a block to hold at most; None: nothing."""
        self.unposted = UnpostedBytes()

    def begin_block(self, spent: int = 0) -> None:
        """A block is open that holds `spent` bytes already."""
        own = compute_block_share(self.unposted.total, self._limits)
        asked = self.asked_share
        if own is None or asked is None:
            self._share = asked if own is None else own
        else:
            self._share = min(own, asked)
        self._spent = spent
        metrics.UNPOSTED_BYTES.set(self.unposted.total)
        metrics.BLOCK_SHARE_BYTES.set(self._share or 0)

    def spend(self, size_bytes: int) -> None:
        """The open block holds that much more."""
        self._spent += size_bytes

    def seal_block(self, number: int) -> None:
        """The open block is the head: what it took beyond its share is owed by the next ones."""
        self._debt = 0 if self._share is None else max(self._debt + self._spent - self._share, 0)
        self.unposted.note(number, self._spent)
        self._spent = 0

    @property
    def bytes_left(self) -> int | None:
        """What the open block may still take: while it is positive, one more transaction; None: no bound."""
        return None if self._share is None else self._share - self._debt - self._spent

    @property
    def reason(self) -> str | None:
        """Why ready transactions have to wait now; None when they need not."""
        left = self.bytes_left
        if left is None or left > 0:
            return None
        return f"{self.unposted.total} bytes of transactions are not on L1 yet: a block takes {self._share} bytes now"
