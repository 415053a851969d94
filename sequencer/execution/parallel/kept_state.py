"""
The parent block's state as the ordered commit reads it: from the durable store, many keys in one look, each once.

The commit validates against this and against nothing that a worker, or Redis, said.
"""

from collections.abc import Iterable, Mapping
from typing import Protocol, runtime_checkable

from contracts.keccak import keccak
from sequencer.primitives.account import Account
from sequencer.state.flat import decode_account, decode_value, encode_account, encode_value, slot_key
from sequencer.state.reader import StateReader, has_storage
from sequencer.state.world_state import StateUnavailable

MAX_KEPT = 200_000
"""Accounts, and slots, that are kept; others are read again. Views of the open block read here too, for anybody."""


MAX_KEPT_CODE_BYTES = 64 << 20
"""Codes are kept from block to block, up to this much."""


class KeptCodes:
    """Codes by hash, which never change."""

    def __init__(self) -> None:
        self._codes: dict[bytes, bytes] = {}
        self._size = 0

    def read(self, code_hash: bytes, state: StateReader) -> bytes:
        """The code, from `state` when it is not kept."""
        code = self._codes.get(code_hash)
        if code is None:
            code = state.code(code_hash)
            self._keep(code_hash, code)
        return code

    def learn(self, codes: Iterable[tuple[bytes, bytes]]) -> None:
        """
        Somebody else has read, or made, these: hash and code.

        A code of another hash is not taken: what runs it would read nothing that the commit could find wrong.
        """
        for code_hash, code in codes:
            if code_hash not in self._codes and keccak(code) == code_hash:
                self._keep(code_hash, code)

    def _keep(self, code_hash: bytes, code: bytes) -> None:
        if self._size + len(code) > MAX_KEPT_CODE_BYTES:
            self._codes.clear()
            self._size = 0
        self._codes[code_hash] = code
        self._size += len(code)


@runtime_checkable
class BulkState(Protocol):
    """A state that reads many keys in one look (`StateAt.read_many`)."""

    def read_many(self, keys: Iterable[bytes]) -> Mapping[bytes, bytes]:
        """Flat values by flat key."""
        ...


class KeptState:
    """A PrefetchingReader over an immutable state; what was read is kept."""

    def __init__(self, state: StateReader, codes: KeptCodes) -> None:
        self._state = state
        self._codes = codes
        self._bulk = state if isinstance(state, BulkState) else None
        self._accounts: dict[bytes, Account | None] = {}
        self._slots: dict[tuple[bytes, int], int] = {}

    def account(self, address: bytes) -> Account | None:
        """The account at a 20-byte address."""
        try:
            return self._accounts[address]
        except KeyError:
            account = self._state.account(address)
            if len(self._accounts) < MAX_KEPT:
                self._accounts[address] = account
            return account

    def storage(self, address: bytes, slot: int) -> int:
        """The value of one storage slot."""
        key = (address, slot)
        value = self._slots.get(key)
        if value is None:
            value = self._state.storage(address, slot)
            if len(self._slots) < MAX_KEPT:
                self._slots[key] = value
        return value

    def has_storage(self, address: bytes) -> bool:
        """Whether any slot of the account is not zero, as far as the state below can tell."""
        return has_storage(self._state, address)

    def code(self, code_hash: bytes) -> bytes:
        """The code with that hash."""
        return self._codes.read(code_hash, self._state)

    def prefetch(self, accounts: Iterable[bytes], slots: Iterable[tuple[bytes, int]]) -> None:
        """Load these in one look."""
        if self._bulk is None or max(len(self._accounts), len(self._slots)) > MAX_KEPT // 2:
            return
        missing_accounts = [address for address in accounts if address not in self._accounts]
        missing_slots = [key for key in slots if key not in self._slots]
        if not missing_accounts and not missing_slots:
            return
        keys = [b"a" + address for address in missing_accounts]
        keys += [b"s" + slot_key(address, slot) for address, slot in missing_slots]
        values = self._bulk.read_many(keys)
        for address in missing_accounts:
            self._accounts[address] = decode_account(values[b"a" + address])
        for address, slot in missing_slots:
            self._slots[address, slot] = decode_value(values[b"s" + slot_key(address, slot)])

    def read_flat(self, keys: Iterable[bytes]) -> dict[bytes, bytes]:
        """Flat values by flat key, for a worker that has no store; a code that there is not is empty."""
        if self._bulk is not None:
            return dict(self._bulk.read_many(keys))
        return {key: self._read_flat(key) for key in keys}

    def _read_flat(self, key: bytes) -> bytes:
        if key[:1] == b"a":
            return encode_account(self.account(key[1:]))
        if key[:1] == b"s":
            return encode_value(self.storage(key[1:21], int.from_bytes(key[21:], "big")))
        try:
            return self.code(key[1:])
        except StateUnavailable:
            return b""
