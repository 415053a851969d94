"""
Keys that have made results fail: remembered, and forgotten again.

    a result fails at a key              the key gets hotter, and with it the kind of transaction that failed there
    a hot key                            transactions that should touch it become one chain, on one worker
    a hot key where chains fail as well  they are not given to workers at all: they run at their turn
    64 slices later                      half as hot; what has cooled down is tried again without precautions

Whether a transaction should touch a hot key is known from its access list, from the prediction for its kind, or from
how often its kind did. Guesses decide where a transaction runs, never what comes of it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from sequencer.primitives.transaction import Transaction

from .messages import SpeculativeResult
from .prediction import Kind, Location, Prediction, kind_of

MAX_HOT_KEYS = 1024
"""The coolest is forgotten first."""

MAX_KINDS_A_KEY = 64
HALF_LIFE_SLICES = 64

COOL = 0.4
"""Below, a key is forgotten: one conflict is remembered for two half-lives, and cared about until the first."""

CHAIN_HEAT = 1.0
"""As hot as one conflict makes a key."""

MIN_SHARE = 0.5
"""A kind is expected to touch a key when at least this share of its latest transactions did."""

STUBBORN = 3.0
"""Conflicts, of late, of transactions that were in the key's chain already: chains do not help there."""

SHARE_WEIGHT = 0.25
"""Of the newest transaction in a kind's share."""


@dataclass(slots=True)
class _HotKey:
    """How hot, how often chains failed there, and the share of each kind's transactions that touched it."""

    heat: float = 0.0
    failed_chains: float = 0.0
    shares: dict[Kind, float] = field(default_factory=dict)


class HotKeys:
    """What one engine remembers; one thread."""

    def __init__(self, max_keys: int = MAX_HOT_KEYS) -> None:
        """`max_keys` 0: it learns nothing."""
        self._max_keys = max_keys
        self._keys: dict[tuple[bytes, int | None], _HotKey] = {}
        self._of_kind: dict[Kind, set[Location]] = {}
        self._slices = 0
        self._failed_chains: set[Location] = set()

    def __len__(self) -> int:
        return len(self._keys)

    def note_conflict(self, transaction: Transaction, location: Location, *, was_chained: bool) -> None:
        """A result of `transaction` failed at `location`, where others change what it reads."""
        key = self._keys.get(location)
        if key is None:
            if not self._max_keys:
                return
            if len(self._keys) >= self._max_keys:
                self._forget(min(self._keys, key=lambda place: self._keys[place].heat))
            key = self._keys[location] = _HotKey()
        key.heat += 1
        if was_chained and location not in self._failed_chains:
            self._failed_chains.add(location)  # what follows in the same chain fails for the same reason
            key.failed_chains += 1
        self._note_share(location, key, kind_of(transaction), did_touch=True)

    def note_touched(self, transaction: Transaction, result: SpeculativeResult) -> None:
        """A result was taken: which hot keys it did touch, and which not."""
        keys = self._keys
        if not keys:
            return
        kind = kind_of(transaction)
        touched: set[tuple[bytes, int | None]] = {
            (address, slot) for address, slot, _ in result.slots if (address, slot) in keys
        }
        touched |= {(use[0], None) for use in result.accounts if (use[0], None) in keys}
        for location in touched | self._of_kind.get(kind, set()):
            self._note_share(Location(*location), keys[location], kind, did_touch=location in touched)

    def end_slice(self) -> None:
        """Time passes, for hot keys."""
        self._failed_chains.clear()
        self._slices += 1
        if self._slices % HALF_LIFE_SLICES:
            return
        for location, key in list(self._keys.items()):
            key.heat /= 2
            key.failed_chains /= 2
            if key.heat < COOL:
                self._forget(location)

    def expected(self, transaction: Transaction, prediction: Prediction) -> list[Location]:
        """The hot keys that `transaction` should touch."""
        keys = self._keys
        if not keys:
            return []
        kind = kind_of(transaction)
        found = {place for place in self._of_kind.get(kind, ()) if keys[place].shares[kind] >= MIN_SHARE}
        found.update(location for location, _ in prediction.locations if location in keys)
        found.update(location for location in _listed(transaction) if location in keys)
        return [location for location in found if keys[location].heat >= CHAIN_HEAT]

    def are_stubborn(self, locations: Iterable[Location]) -> bool:
        """Whether chains were of no use at one of these keys."""
        return any(self._keys[location].failed_chains >= STUBBORN for location in locations)

    def _forget(self, location: tuple[bytes, int | None]) -> None:
        for kind in self._keys.pop(location).shares:
            self._unlink(kind, location)

    def _unlink(self, kind: Kind, location: tuple[bytes, int | None]) -> None:
        self._of_kind[kind].discard(Location(*location))
        if not self._of_kind[kind]:
            del self._of_kind[kind]

    def _note_share(self, location: Location, key: _HotKey, kind: Kind, *, did_touch: bool) -> None:
        share = key.shares.get(kind)
        if share is not None:
            key.shares[kind] = share + SHARE_WEIGHT * (did_touch - share)
            return
        if len(key.shares) >= MAX_KINDS_A_KEY:
            oldest = next(iter(key.shares))
            del key.shares[oldest]
            self._unlink(oldest, location)
        key.shares[kind] = float(did_touch)
        self._of_kind.setdefault(kind, set()).add(location)


def _listed(transaction: Transaction) -> Iterable[Location]:
    for entry in transaction.access_list:
        yield Location(entry.address, None)
        for slot in entry.slots:
            yield Location(entry.address, slot)
