"""
What a worker knows of committed state, kept from block to block.

    BLOCK over the state that is known            everything stays
    ADVANCE from the state that is known          what the block changed is taken over, the rest stays
    BLOCK over any other state, or not trusted    nothing stays: it is read again, from Redis and the store

The two sides do not have to agree on what is known: a hash says which state it is, and whoever has missed something
starts over. Wrong values would cost re-runs at the transactions' turns, and no more.
"""

from collections.abc import Iterable, Mapping

from sequencer.primitives.account import EMPTY_CODE_HASH, Account
from sequencer.state.flat import decode_account, decode_value
from sequencer.state.reader import has_storage

from .kept_state import KeptCodes
from .messages import Delta
from .source import CountingReader

MAX_KNOWN = 200_000
"""Accounts, or slots: above, a worker starts over with the next block."""


class CommittedState:
    """A StateReader over the parent block's state, which changes with the parent; one thread."""

    def __init__(self) -> None:
        self.codes = KeptCodes()
        self.kept_reads = 0
        """Reads that needed nothing below."""
        self._reader: CountingReader | None = None
        self._block_hash = b""
        self._accounts: dict[bytes, Account | None] = {}
        self._slots: dict[bytes, dict[int, int]] = {}
        self._size = 0

    @property
    def reader(self) -> CountingReader:
        """What is below; there is one once a block has begun."""
        if self._reader is None:
            raise RuntimeError("no block has begun")
        return self._reader

    def begin(self, block_hash: bytes, reader: CountingReader, *, may_keep: bool) -> None:
        """From now on the state is that of the block with this hash, which `reader` reads."""
        if not may_keep or block_hash != self._block_hash or max(self._size, len(self._accounts)) > MAX_KNOWN:
            self._accounts.clear()
            self._slots.clear()
            self._size = 0
        self._block_hash = block_hash
        self._reader = reader

    def advance(self, parent_hash: bytes, block_hash: bytes, delta: Delta) -> None:
        """A block was made: take over what it changed, if it stands on the state that is known."""
        if parent_hash != self._block_hash:
            return
        self._block_hash = block_hash
        for address in delta.wiped:
            self._slots.pop(address, None)
        for address, parts in delta.accounts:
            self._accounts[address] = None if parts is None else Account(*parts)
        for address, slot, value in delta.storage:
            self._slots.setdefault(address, {})[slot] = value
        self._size += len(delta.storage)
        self.codes.learn(delta.codes)

    def take(self, values: Mapping[bytes, bytes]) -> None:
        """Flat values that were asked for."""
        for key, value in values.items():
            if key[:1] == b"a":
                self._accounts[key[1:]] = decode_account(value)
            elif key[:1] == b"s":
                self._keep_slot(key[1:21], int.from_bytes(key[21:], "big"), decode_value(value))
            else:
                self.codes.learn(((key[1:], value),))

    def prefetch(self, accounts: Iterable[bytes], slots: Iterable[tuple[bytes, int]]) -> None:
        """Load what is not known yet in one round trip."""
        missing = [address for address in accounts if address not in self._accounts]
        missing_slots = [key for key in slots if key[1] not in self._slots.get(key[0], ())]
        if missing or missing_slots:
            self.reader.prefetch(missing, missing_slots)

    def account(self, address: bytes) -> Account | None:
        """The account at a 20-byte address."""
        try:
            account = self._accounts[address]
        except KeyError:
            account = self._accounts[address] = self.reader.account(address)
        else:
            self.kept_reads += 1
        return account

    def storage(self, address: bytes, slot: int) -> int:
        """The value of one storage slot."""
        value = self._slots.get(address, {}).get(slot)
        if value is None:
            value = self.reader.storage(address, slot)
            self._keep_slot(address, slot, value)
        else:
            self.kept_reads += 1
        return value

    def has_storage(self, address: bytes) -> bool:
        """Whether any slot of the account is not zero, as far as the state below can tell."""
        return has_storage(self.reader, address)

    def code(self, code_hash: bytes) -> bytes:
        """The code with that hash."""
        return b"" if code_hash == EMPTY_CODE_HASH else self.codes.read(code_hash, self.reader)

    def _keep_slot(self, address: bytes, slot: int, value: int) -> None:
        self._slots.setdefault(address, {})[slot] = value
        self._size += 1
