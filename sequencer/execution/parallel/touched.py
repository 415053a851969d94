"""What the open block has changed since the workers last heard of it."""

from collections.abc import Iterable

from sequencer.state.changes import StateChanges
from sequencer.state.reader import StateReader


class TouchedState:
    """Keys alone; the values are read when they are sent."""

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self._accounts: set[bytes] = set()
        self._storage: dict[bytes, set[int]] = {}
        self._codes: dict[bytes, bytes] = {}
        self._wiped: set[bytes] = set()

    def __bool__(self) -> bool:
        return bool(self._accounts or self._storage or self._wiped)

    def note(self, changes: StateChanges, paid: Iterable[bytes]) -> None:
        """A transaction was committed, and these were paid."""
        self._accounts.update(changes.accounts)
        self._accounts.update(paid)
        self._codes.update(changes.codes)
        for address in changes.wiped:
            self._wiped.add(address)
            self._storage.pop(address, None)
        for address, slots in changes.storage.items():
            self._storage.setdefault(address, set()).update(slots)

    def take(self, state: StateReader) -> tuple[object, ...]:
        """Everything since the last time as a `Delta`, with the values that `state` has now."""
        accounts = []
        for address in self._accounts:
            account = state.account(address)
            parts = None if account is None else (account.nonce, account.balance, account.code_hash)
            accounts.append((address, parts))
        storage = [
            (address, slot, state.storage(address, slot)) for address, slots in self._storage.items() for slot in slots
        ]
        delta = (tuple(accounts), tuple(storage), tuple(self._codes.items()), tuple(self._wiped))
        self._forget()
        return delta
