"""
The state of a block that is still open: changes so far over the parent's state, and immutable views of it.

Transactions are executed over the whole of it, one flat overlay. Views are made of layers that never change again, one
for each slice; neighbours of like size are merged, so a view over n slices has at most about log2(n) layers.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sequencer.primitives.account import EMPTY_CODE_HASH, Account
from sequencer.state.changes import ChangesOver, StateChanges
from sequencer.state.reader import StateReader, has_storage

from .transaction_execution import Payment


def merge_changes(older: StateChanges, newer: StateChanges) -> StateChanges:
    """Both, one after the other, as one."""
    storage = {address: slots for address, slots in older.storage.items() if address not in newer.wiped}
    for address, slots in newer.storage.items():
        storage[address] = {**storage[address], **slots} if address in storage else slots
    return StateChanges(
        accounts={**older.accounts, **newer.accounts},
        storage=storage,
        codes={**older.codes, **newer.codes},
        wiped=older.wiped | newer.wiped,
    )


class Settled(NamedTuple):
    """What became of accounts in one step: as they were before it, and those that payments changed as they are now."""

    before: Mapping[bytes, Account | None]
    paid: Mapping[bytes, Account | None]


class BlockState:
    """A StateReader that grows; one thread writes, views may be read by any."""

    def __init__(self, parent: StateReader) -> None:
        self._parent = parent
        self._accounts: dict[bytes, Account | None] = {}
        self._storage: dict[bytes, dict[int, int]] = {}
        self._codes: dict[bytes, bytes] = {}
        self._wiped: set[bytes] = set()
        self._slice: list[StateChanges] = []
        self._layers: list[tuple[int, StateChanges]] = []
        self._view: StateReader = parent

    def account(self, address: bytes) -> Account | None:
        """The account at a 20-byte address."""
        accounts = self._accounts
        return accounts[address] if address in accounts else self._parent.account(address)

    def storage(self, address: bytes, slot: int) -> int:
        """The value of one storage slot."""
        slots = self._storage.get(address)
        if slots is not None and slot in slots:
            return slots[slot]
        return 0 if address in self._wiped else self._parent.storage(address, slot)

    def has_storage(self, address: bytes) -> bool:
        """Whether any slot of the account is not zero, as far as the parent's state can tell."""
        if any(self._storage.get(address, {}).values()):
            return True
        return address not in self._wiped and has_storage(self._parent, address)

    def code(self, code_hash: bytes) -> bytes:
        """The code with that hash."""
        if code_hash == EMPTY_CODE_HASH:
            return b""
        found = self._codes.get(code_hash)
        return self._parent.code(code_hash) if found is None else found

    def has_changed(self, address: bytes, slot: int | None) -> bool:
        """Whether the block has set this account, or slot, so far."""
        if slot is None:
            return address in self._accounts
        return address in self._wiped or slot in self._storage.get(address, ())

    def apply(self, changes: StateChanges, payments: Sequence[Payment] = ()) -> Settled:
        """Take over what one transaction did, then pay the fee recipients."""
        first = {address: self.account(address) for address in changes.accounts}
        self._overlay(changes)
        self._slice.append(changes)
        paid: dict[bytes, Account | None] = {}
        for payment in payments:
            before = self.account(payment.recipient)
            after = _paid(before, payment.amount)
            if after != before:
                first.setdefault(payment.recipient, before)
                self._accounts[payment.recipient] = paid[payment.recipient] = after
        if paid:
            self._slice.append(StateChanges(accounts=paid))
        return Settled(first, paid)

    def end_slice(self) -> None:
        """Everything so far becomes visible in `view`."""
        if not self._slice:
            return
        weight, layer = len(self._slice), _fold(self._slice)
        self._slice = []
        while self._layers and self._layers[-1][0] <= 2 * weight:
            older_weight, older = self._layers.pop()
            weight, layer = weight + older_weight, merge_changes(older, layer)
        self._layers.append((weight, layer))
        view = self._parent
        for _, changes in self._layers:
            view = ChangesOver(changes, view)
        self._view = view

    @property
    def view(self) -> StateReader:
        """The state after the last slice; it never changes."""
        return self._view

    def changes(self) -> StateChanges:
        """Everything so far, as one."""
        return StateChanges(
            accounts=dict(self._accounts),
            storage={address: dict(slots) for address, slots in self._storage.items()},
            codes=dict(self._codes),
            wiped=frozenset(self._wiped),
        )

    def _overlay(self, changes: StateChanges) -> None:
        self._accounts.update(changes.accounts)
        self._codes.update(changes.codes)
        for address in changes.wiped:
            self._storage.pop(address, None)
            self._wiped.add(address)
        for address, slots in changes.storage.items():
            self._storage.setdefault(address, {}).update(slots)


def _fold(parts: list[StateChanges]) -> StateChanges:
    """All parts, in order, as one; linear in their size."""
    block = BlockState(_Nothing())
    for part in parts:
        block._overlay(part)
    return block.changes()


def _paid(account: Account | None, amount: int) -> Account | None:
    """The account after a payment; even a payment of nothing ends an empty account (EIP-161)."""
    if account is None:
        return Account(balance=amount) if amount else None
    if amount == 0:
        return None if account.is_empty else account
    return Account(account.nonce, account.balance + amount, account.code_hash)


class _Nothing:
    """The state without accounts."""

    def account(self, address: bytes) -> Account | None:
        return None

    def storage(self, address: bytes, slot: int) -> int:
        return 0

    def code(self, code_hash: bytes) -> bytes:
        return b""
