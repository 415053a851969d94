"""What a block (or a slice, or one transaction) changes in the flat state."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from sequencer.primitives.account import EMPTY_CODE_HASH, Account

from .reader import StateReader, has_storage


class ChangeSet(Protocol):
    """What `StateChanges` has; those of the native engine are made when they are asked for."""

    @property
    def accounts(self) -> Mapping[bytes, Account | None]:
        """New accounts by address; None is deleted."""
        ...

    @property
    def storage(self) -> Mapping[bytes, Mapping[int, int]]:
        """New values by address and slot; 0 is deleted."""
        ...

    @property
    def codes(self) -> Mapping[bytes, bytes]:
        """New codes by hash."""
        ...

    @property
    def wiped(self) -> frozenset[bytes]:
        """Addresses whose storage starts from nothing."""
        ...


@dataclass(frozen=True, slots=True)
class StateChanges:
    """
    New values by key. An account of None is deleted, and all its storage with it; a slot of 0 is deleted.

    `storage` of an account in `wiped` starts from nothing: older slots are gone (only possible for an account that was
    destroyed; since Cancun that is one created in the same transaction).
    """

    accounts: Mapping[bytes, Account | None] = field(default_factory=dict)
    storage: Mapping[bytes, Mapping[int, int]] = field(default_factory=dict)
    codes: Mapping[bytes, bytes] = field(default_factory=dict)
    wiped: frozenset[bytes] = frozenset()


class ChangesOver:
    """A StateReader: `changes` laid over another reader."""

    def __init__(self, changes: ChangeSet, below: StateReader) -> None:
        self._changes = changes
        self._below = below

    def account(self, address: bytes) -> Account | None:
        """The account at a 20-byte address."""
        accounts = self._changes.accounts
        return accounts[address] if address in accounts else self._below.account(address)

    def storage(self, address: bytes, slot: int) -> int:
        """The value of one storage slot."""
        slots = self._changes.storage.get(address)
        if slots is not None and slot in slots:
            return slots[slot]
        if address in self._changes.wiped:
            return 0
        return self._below.storage(address, slot)

    def has_storage(self, address: bytes) -> bool:
        """Whether any slot of the account is not zero, as far as the state below can tell."""
        if any(self._changes.storage.get(address, {}).values()):
            return True
        return address not in self._changes.wiped and has_storage(self._below, address)

    def code(self, code_hash: bytes) -> bytes:
        """The code with that hash."""
        if code_hash == EMPTY_CODE_HASH:
            return b""
        found = self._changes.codes.get(code_hash)
        return self._below.code(code_hash) if found is None else found
