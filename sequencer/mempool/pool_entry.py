"""A transaction's place in the pool, and the queue of one sender's transactions by nonce."""

from dataclasses import dataclass, field
from enum import Enum, auto

from sequencer.primitives.transaction import Transaction

UNBOUNDED = 1 << 62
"""More bytes than there are."""


class Stage(Enum):
    """How far an entry has come."""

    WAITING = auto()
    """Ready to be taken, or waiting for something."""
    IN_FLIGHT = auto()
    """Taken for a slice; its outcome is not known yet."""
    PRECONFIRMED = auto()
    """Executed in the open block."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a preconfirmed transaction stands; `index` counts the block's user transactions."""

    block_number: int
    slice_index: int
    index: int


@dataclass(slots=True, eq=False)
class Entry:
    """One transaction of the pool; two entries are never equal."""

    transaction: Transaction
    cost: int
    """Most that it can take from its sender, in wei."""
    arrival: int
    """Order of arrival: settles ties."""
    received_at: float
    """Seconds since 1970."""
    stage: Stage = Stage.WAITING
    place: Place | None = None
    parked: str | None = None
    """Why it was not valid at its last turn: it waits for the next head."""
    attempts: int = 0
    """Turns at which it was not valid."""
    front: int | None = None
    """Its place among those that go first (they had their turn before), None for all others."""
    ticket: int = 0
    """Changes with each entry into the ready queue, so that old items there are known."""
    is_gone: bool = False
    """No longer in the pool."""


@dataclass(slots=True)
class SenderQueue:
    """One sender's transactions by nonce: sealed < taken (in flight, preconfirmed) < `next_nonce` <= waiting."""

    next_nonce: int
    """The first nonce that was not taken."""
    entries: dict[int, Entry] = field(default_factory=dict)
    cost: int = 0
    """Wei, summed over the entries."""

    def add(self, entry: Entry) -> None:
        """Put an entry at its nonce, which is free."""
        self.entries[entry.transaction.nonce] = entry
        self.cost += entry.cost

    def remove(self, entry: Entry) -> None:
        """Take an entry out."""
        del self.entries[entry.transaction.nonce]
        self.cost -= entry.cost

    def skip_taken(self) -> None:
        """Move `next_nonce` past entries that are in flight or preconfirmed."""
        while (entry := self.entries.get(self.next_nonce)) is not None and entry.stage is not Stage.WAITING:
            self.next_nonce += 1

    def head(self) -> Entry | None:
        """The entry that may be taken next, if it is there and does not wait for a new head."""
        entry = self.entries.get(self.next_nonce)
        return entry if entry is not None and entry.stage is Stage.WAITING and entry.parked is None else None

    def tail(self) -> Entry | None:
        """The waiting entry with the highest nonce: nothing else depends on it."""
        if not self.entries:
            return None
        entry = self.entries[max(self.entries)]
        return entry if entry.stage is Stage.WAITING else None

    def first_gap(self, at_least: int = 0) -> int:
        """The lowest nonce, from `next_nonce` and `at_least` on, that is not here."""
        nonce = max(self.next_nonce, at_least)
        while nonce in self.entries:
            nonce += 1
        return nonce

    def why_waiting(self, entry: Entry, base_fee: int) -> str | None:
        """What a waiting entry of this queue waits for, None when it is ready."""
        if entry.parked is not None:
            return entry.parked
        gap = self.first_gap()
        if gap < entry.transaction.nonce:
            return f"nonce gap: waits for the sender's transaction with nonce {gap}"
        fee_cap = entry.transaction.max_fee_per_gas
        if fee_cap < base_fee:
            return f"max fee per gas {fee_cap} wei is below the base fee {base_fee} wei"
        return None
