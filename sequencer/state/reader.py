"""How the layers above read a state: one immutable view at one block (or inside the open block)."""

from collections.abc import Iterable
from typing import Protocol

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


class PrefetchingReader(StateReader, Protocol):
    """A state that can load many keys in one round trip before they are asked for one by one."""

    def prefetch(self, accounts: Iterable[bytes], slots: Iterable[tuple[bytes, int]]) -> None:
        """Load these; a key that can not be loaded is simply read later."""
        ...
