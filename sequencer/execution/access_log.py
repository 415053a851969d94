"""
What the engines on py-evm keep of each commit, so that a block's accesses can be told later.

Nothing is computed here until somebody asks: an entry holds what the commit had in its hands anyway.
"""

from collections.abc import Iterable
from typing import NamedTuple

from sequencer.state.changes import StateChanges
from sequencer.state.flat import encode_account, encode_value, slot_key

from .access_list import BlockAccesses, TransactionAccess, keys_of
from .block_state import Settled


class _Entry(NamedTuple):
    """One commit."""

    accounts: tuple[bytes, ...]
    slots: tuple[tuple[bytes, int], ...]
    changes: StateChanges
    settled: Settled
    executions: int = 1
    conflict: bytes | None = None


class AccessLog:
    """Grows with the open block; one thread writes."""

    def __init__(self) -> None:
        self._opening: list[_Entry] = []
        self._entries: list[_Entry] = []
        self._closing: list[_Entry] = []

    def note_opening(self, changes: StateChanges, settled: Settled) -> None:
        """What the protocol did before the first transaction; which keys it read is not kept."""
        self._opening.append(_Entry((), (), changes, settled))

    def note_closing(self, changes: StateChanges, settled: Settled) -> None:
        """What the protocol did after the last transaction."""
        self._closing.append(_Entry((), (), changes, settled))

    def note(
        self,
        accounts: Iterable[bytes],
        slots: Iterable[tuple[bytes, int]],
        changes: StateChanges,
        settled: Settled,
        executions: int = 1,
        conflict: bytes | None = None,
    ) -> None:
        """A transaction was committed that had loaded these accounts and slots."""
        self._entries.append(_Entry(tuple(accounts), tuple(slots), changes, settled, executions, conflict))

    def accesses(self) -> BlockAccesses:
        """Of the transactions so far."""
        opening, entries, closing = tuple(self._opening), tuple(self._entries), tuple(self._closing)
        return BlockAccesses(
            len(entries), lambda: [_outside(opening), *(_access(entry) for entry in entries), _outside(closing)]
        )


def _outside(entries: Iterable[_Entry]) -> TransactionAccess:
    """Several commits as one; a value that came back to what it was stays noted."""
    writes: dict[bytes, bytes] = {}
    before: dict[bytes, bytes] = {}
    for entry in entries:
        access = _access(entry)
        writes.update(access.writes)
        before = {**access.accounts_before, **before}
    return TransactionAccess(writes=tuple(sorted(writes.items())), accounts_before=before)


def _access(entry: _Entry) -> TransactionAccess:
    before = entry.settled.before
    after = {**entry.changes.accounts, **entry.settled.paid}
    written = [address for address, account in after.items() if account != before[address]]
    writes = [(b"a" + address, encode_account(after[address])) for address in written]
    for address, slots in entry.changes.storage.items():
        writes += [(b"s" + slot_key(address, slot), encode_value(value)) for slot, value in slots.items()]
    return TransactionAccess(
        reads=tuple(keys_of(entry.accounts, entry.slots)),
        writes=tuple(sorted(writes)),
        executions=entry.executions,
        conflict=entry.conflict,
        accounts_before={b"a" + address: encode_account(before[address]) for address in written},
    )
