"""How the layers above read a state: one immutable view at one block (or inside the open block)."""

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

from sequencer.primitives.account import Account


class StateReader(Protocol):
    """An immutable state. Missing accounts are None, missing slots are 0."""

    def account(self, address: bytes) -> Account | None:
        """The account at a 20-byte address."""
        ...

    def storage(self, address: bytes, slot: int) -> int:
        """The value of one storage slot."""
        ...

    def code(self, code_hash: bytes) -> bytes:
        """The code with that hash; b"" for EMPTY_CODE_HASH."""
        ...


@runtime_checkable
class StorageTeller(Protocol):
    """A state that knows whether an account has storage at all."""

    def has_storage(self, address: bytes) -> bool:
        """Whether any slot of the account is not zero."""
        ...


def has_storage(state: object, address: bytes) -> bool:
    """
    Whether an account without nonce and code has storage all the same (EIP-7610); False where `state` can not tell.

    No account has, of those that came into being since EIP-161; so a chain as young as ours need not ask.
    """
    return isinstance(state, StorageTeller) and state.has_storage(address)


class PrefetchingReader(StateReader, Protocol):
    """A state that can load many keys in one round trip before they are asked for one by one."""

    def prefetch(self, accounts: Iterable[bytes], slots: Iterable[tuple[bytes, int]]) -> None:
        """Load these; a key that can not be loaded is simply read later."""
        ...
