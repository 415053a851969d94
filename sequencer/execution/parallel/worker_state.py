"""
The open block's state as a worker sees it: its own guesses, over what the parent has committed, over the parent block.

Guesses of the slice are visible to the transactions that the same worker runs later: so a chain of dependent
transactions on one worker is right from the start. They are forgotten with the slice, since then the commits come.
"""

from sequencer.primitives.account import EMPTY_CODE_HASH, Account
from sequencer.state.changes import StateChanges
from sequencer.state.reader import has_storage

from .committed_state import CommittedState
from .messages import Delta


class SpeculativeState:
    """A StateReader over one block's parent; one thread."""

    def __init__(self, below: CommittedState) -> None:
        self._below = below
        self._accounts: dict[bytes, Account | None] = {}
        self._slots: dict[tuple[bytes, int], int] = {}
        self._codes: dict[bytes, bytes] = {}
        self._wiped: set[bytes] = set()
        self._guessed_accounts: dict[bytes, Account | None] = {}
        self._guessed_slots: dict[tuple[bytes, int], int] = {}
        self._guessed_wiped: set[bytes] = set()
        self.overlay_reads = 0
        """Reads that the open block's own changes answered."""

    def account(self, address: bytes) -> Account | None:
        """The account at a 20-byte address."""
        for accounts in (self._guessed_accounts, self._accounts):
            if address in accounts:
                self.overlay_reads += 1
                return accounts[address]
        return self._below.account(address)

    def storage(self, address: bytes, slot: int) -> int:
        """The value of one storage slot."""
        key = (address, slot)
        value = self._guessed_slots.get(key)
        if value is None and address in self._guessed_wiped:
            value = 0
        if value is None:
            value = self._slots.get(key)
        if value is None and address in self._wiped:
            value = 0
        if value is None:
            return self._below.storage(address, slot)
        self.overlay_reads += 1
        return value

    def has_storage(self, address: bytes) -> bool:
        """Whether any slot of the account is not zero, as far as the state below can tell."""
        return has_storage(self._below, address)

    def code(self, code_hash: bytes) -> bytes:
        """The code with that hash."""
        if code_hash == EMPTY_CODE_HASH:
            return b""
        found = self._codes.get(code_hash)
        return self._below.code(code_hash) if found is None else found

    def has(self, address: bytes, slot: int | None = None) -> bool:
        """Whether the open block itself has set this account (or slot), so that nothing below needs to be loaded."""
        if slot is None:
            return address in self._accounts
        return (address, slot) in self._slots

    def apply(self, delta: Delta) -> None:
        """What the parent has committed since the last time."""
        for address in delta.wiped:
            self._wiped.add(address)
            for key in [key for key in self._slots if key[0] == address]:
                del self._slots[key]
        self._accounts.update(
            (address, None if parts is None else Account(*parts)) for address, parts in delta.accounts
        )
        self._slots.update(((address, slot), value) for address, slot, value in delta.storage)
        self._below.codes.learn(delta.codes)

    def guess(self, changes: StateChanges) -> None:
        """What a transaction of this slice seems to do."""
        self._guessed_accounts.update(changes.accounts)
        self._codes.update(changes.codes)
        for address in changes.wiped:
            self._guessed_wiped.add(address)
            for key in [key for key in self._guessed_slots if key[0] == address]:
                del self._guessed_slots[key]
        for address, slots in changes.storage.items():
            for slot, value in slots.items():
                self._guessed_slots[address, slot] = value

    def forget_guesses(self) -> None:
        """A slice begins."""
        self._guessed_accounts.clear()
        self._guessed_slots.clear()
        self._guessed_wiped.clear()
