"""
What a transaction will probably read and write, and how long it will take: learned from earlier ones of its kind.

Transactions are of one kind when they call the same contract with the same selector. Of each kind a few samples are
looked at; every storage slot that they touched is explained, where possible, by a rule that gives the slot of the next
transaction of that kind:

    fixed      the same slot each time
    mapped     keccak(word | position): a mapping's entry, the word being the sender or a word of the data
    nested     keccak(word | keccak(other word | position))

Predictions decide what is prefetched and which transactions share a worker. Wrong ones cost speed alone.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from contracts.keccak import keccak
from sequencer.execution.access_list import NO_HINTS, AccessHint, AccessHints
from sequencer.execution.flat_accounts import BALANCE
from sequencer.primitives.transaction import Transaction

from .messages import SpeculativeResult

MAX_KINDS = 4096
"""Kinds that are remembered; the oldest is forgotten first."""

MAX_SAMPLES = 4
"""How many transactions of a kind are explained, until a conflict says that more should be."""

MAX_RULES = 64
MAX_POSITIONS = 12
"""Mappings are looked for among a contract's first slots."""

MAX_WORDS = 4
"""Words of the data that may be keys of a mapping."""

FIXED_SLOTS = 1 << 64
"""Slots below are never hashes."""

UNKNOWN_MICROSECONDS = 600.0
"""Guess for a kind that was never seen."""

TRANSFER_MICROSECONDS = 100.0

SMOOTHING = 0.2
"""Weight of the newest measurement in a kind's running mean."""


Kind: TypeAlias = tuple[bytes, bytes]


class Location(NamedTuple):
    """A slot, or an account when `slot` is None."""

    address: bytes
    slot: int | None


class _Rule(NamedTuple):
    """How to find a slot: `words` are indexes into the transaction's words, innermost key first; none means fixed."""

    address: bytes
    number: int | None
    words: tuple[int, ...]


@dataclass(slots=True)
class _Kind:
    """What is known of one kind of transaction. `rules` counts in how many samples a rule held, and wrote."""

    microseconds: float = UNKNOWN_MICROSECONDS
    samples: int = 0
    wanted: int = MAX_SAMPLES
    rules: dict[_Rule, list[int]] = field(default_factory=dict)
    active: tuple[tuple[_Rule, bool], ...] = ()


@dataclass(frozen=True, slots=True)
class Prediction:
    """Locations with whether they are written, the expected time, and whether workers would run it for nothing."""

    locations: tuple[tuple[Location, bool], ...]
    microseconds: float
    is_for_its_turn: bool = False
    is_hot: bool = False
    """Whether hot keys are among the locations."""


class Predictor:
    """What one engine has learned; one thread."""

    def __init__(self) -> None:
        self._kinds: dict[Kind, _Kind] = {}
        self.hints: AccessHints = NO_HINTS
        """What is said of the open block's transactions; where there is a hint it stands for what was learned."""

    def predict(self, transaction: Transaction) -> Prediction:
        """What `transaction` will probably touch besides its sender and recipient, and for how long it will run."""
        kind = self._kinds.get(kind_of(transaction))
        hint = self.hints.transactions.get(transaction.hash)
        if hint is not None:
            return Prediction(_hinted(hint), UNKNOWN_MICROSECONDS if kind is None else kind.microseconds)
        if kind is None:
            return Prediction((), UNKNOWN_MICROSECONDS)
        if not kind.active:
            return Prediction((), kind.microseconds)
        words = _words(transaction)
        found = []
        for rule, is_written in kind.active:
            slot = rule.number if not rule.words else _hashed_slot(rule, words)
            found.append((Location(rule.address, slot), is_written))
        return Prediction(tuple(found), kind.microseconds)

    def learn(self, transaction: Transaction, result: SpeculativeResult, *, is_conflict: bool = False) -> None:
        """Take note of what a transaction did."""
        key = kind_of(transaction)
        kind = self._kinds.get(key)
        if kind is None:
            if len(self._kinds) >= MAX_KINDS:
                del self._kinds[next(iter(self._kinds))]
            kind = self._kinds[key] = _Kind(microseconds=float(result.microseconds))
        kind.microseconds += SMOOTHING * (result.microseconds - kind.microseconds)
        if is_conflict and kind.samples >= kind.wanted:
            kind.wanted = kind.samples + 1
        if kind.samples < kind.wanted:
            _explain(kind, transaction, result)


def _hinted(hint: AccessHint) -> tuple[tuple[Location, bool], ...]:
    """
    What a hint says, as predictions are: slots tie transactions together, accounts are there to be prefetched.

    Of an account that is written mostly the balance moves, and that is no conflict.
    """
    written = set(hint.writes)
    found = []
    for key in dict.fromkeys((*hint.reads, *hint.writes)):
        is_slot = key[:1] == b"s"
        location = Location(key[1:21], int.from_bytes(key[21:], "big") if is_slot else None)
        found.append((location, is_slot and key in written))
    return tuple(found)


def hinted_keys(transactions: Iterable[Transaction], hints: AccessHints) -> tuple[set[bytes], set[tuple[bytes, int]]]:
    """Accounts and slots that hints name for these transactions."""
    accounts: set[bytes] = set()
    slots: set[tuple[bytes, int]] = set()
    found = (hints.transactions.get(item.hash) for item in transactions) if hints.transactions else ()
    for hint in found:
        for key in () if hint is None else (*hint.reads, *hint.writes):
            if key[:1] == b"s":
                slots.add((key[1:21], int.from_bytes(key[21:], "big")))
            else:
                accounts.add(key[1:])
    return accounts, slots


def kind_of(transaction: Transaction) -> Kind:
    """What is called, and the selector."""
    return transaction.to or b"", transaction.data[:4]


def _words(transaction: Transaction) -> list[bytes]:
    """What may be the key of a mapping: the sender, then the data's first words."""
    data = transaction.data
    words = [bytes(12) + transaction.sender]
    words += [data[start : start + 32].ljust(32, b"\0") for start in range(4, min(len(data), 4 + 32 * MAX_WORDS), 32)]
    return words


def _hashed_slot(rule: _Rule, words: list[bytes]) -> int:
    hashed = (rule.number or 0).to_bytes(32, "big")
    for index in rule.words:
        if index < len(words):
            hashed = keccak(words[index] + hashed)
    return int.from_bytes(hashed, "big")


def _explain(kind: _Kind, transaction: Transaction, result: SpeculativeResult) -> None:
    words = _words(transaction)
    written = {(address, slot) for address, slot, _ in result.storage}
    seen: dict[_Rule, bool] = {}
    for address, slot, _ in result.slots:
        seen[_rule_for(address, slot, words)] = (address, slot) in written
    for address, slot in written:
        seen[_rule_for(address, slot, words)] = True
    for address, observed, _, before, after, is_changed in result.accounts:
        if address in (transaction.sender, transaction.to):
            is_written = address != transaction.sender and is_changed and _is_hot(observed, before, after)
            if not is_written:
                continue
        else:
            is_written = is_changed and _is_hot(observed, before, after)
        seen[_Rule(address, None, ())] = is_written
    kind.samples += 1
    for rule, is_written in seen.items():
        if rule in kind.rules or len(kind.rules) < MAX_RULES:
            counts = kind.rules.setdefault(rule, [0, 0])
            counts[0] += 1
            counts[1] += is_written
    kind.active = tuple(
        (rule, 2 * writes > seen_count)
        for rule, (seen_count, writes) in kind.rules.items()
        if 2 * seen_count >= kind.samples
    )


def _is_hot(observed: int, before: tuple[int, int, bytes] | None, after: tuple[int, int, bytes] | None) -> bool:
    """Whether a changed account would be a conflict for others of its kind: more than a moved balance."""
    if before is None or after is None:
        return True
    return bool(observed & BALANCE) or before[0] != after[0] or before[2] != after[2]


def _rule_for(address: bytes, slot: int, words: list[bytes]) -> _Rule:
    if slot >= FIXED_SLOTS:
        for rule in _mapped(address, slot, words):
            return rule
    return _Rule(address, slot, ())


def _mapped(address: bytes, slot: int, words: list[bytes]) -> Iterable[_Rule]:
    hashed = slot.to_bytes(32, "big")
    for position in range(MAX_POSITIONS):
        start = position.to_bytes(32, "big")
        for index, word in enumerate(words):
            inner = keccak(word + start)
            if inner == hashed:
                yield _Rule(address, position, (index,))
            for other, outer in enumerate(words):
                if keccak(outer + inner) == hashed:
                    yield _Rule(address, position, (index, other))
