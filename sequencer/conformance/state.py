"""
A whole state in memory: what a fixture says is there before, what an engine makes of it, and its root.

Small as they are, the tries are made anew from all accounts each time, so nothing is taken over from the engine.
"""

from collections.abc import Mapping

from contracts.keccak import keccak
from sequencer.primitives.account import EMPTY_CODE_HASH, EMPTY_TRIE_ROOT, Account
from sequencer.state.changes import ChangeSet, StateChanges
from sequencer.state.commitment import TrieUpdate
from sequencer.state.tries import commitment_over

from .fields import read_address, read_data, read_number, read_object


class FixtureState:
    """A StateReader that can tell whether an account has storage; it never changes, `after` gives the next one."""

    def __init__(
        self,
        accounts: Mapping[bytes, Account],
        slots: Mapping[bytes, Mapping[int, int]],
        codes: Mapping[bytes, bytes],
    ) -> None:
        """`slots` has no zeros, and no account without slots."""
        self._accounts = accounts
        self._slots = slots
        self._codes = codes

    def account(self, address: bytes) -> Account | None:
        """The account at a 20-byte address."""
        return self._accounts.get(address)

    def storage(self, address: bytes, slot: int) -> int:
        """The value of one storage slot."""
        slots = self._slots.get(address)
        return 0 if slots is None else slots.get(slot, 0)

    def has_storage(self, address: bytes) -> bool:
        """Whether any slot of the account is not zero."""
        return address in self._slots

    def code(self, code_hash: bytes) -> bytes:
        """The code with that hash."""
        return b"" if code_hash == EMPTY_CODE_HASH else self._codes[code_hash]

    def equals(self, other: "FixtureState") -> bool:
        """Whether both hold the same accounts and slots."""
        return self._accounts == other._accounts and self._slots == other._slots

    def after(self, changes: ChangeSet) -> "FixtureState":
        """The state with `changes` made."""
        accounts, slots = dict(self._accounts), dict(self._slots)
        for address in changes.wiped:
            slots.pop(address, None)
        for address, values in changes.storage.items():
            merged = {slot: value for slot, value in {**slots.get(address, {}), **values}.items() if value}
            if merged:
                slots[address] = merged
            else:
                slots.pop(address, None)
        for address, account in changes.accounts.items():
            if account is None:
                accounts.pop(address, None)
                slots.pop(address, None)
            else:
                accounts[address] = account
        return FixtureState(accounts, slots, {**self._codes, **changes.codes})

    def root(self) -> bytes:
        """The state root."""
        everything = StateChanges(accounts=self._accounts, storage=self._slots)
        return commitment_over(None, EMPTY_TRIE_ROOT).compute(everything).state_root


class FixtureCommitment:
    """A StateCommitment that keeps the state it was asked to commit to, in `state`."""

    def __init__(self, parent: FixtureState) -> None:
        self.state = parent

    def storage_root(self, address: bytes) -> bytes:
        """Nobody asks on plain Ethereum: only OP headers hold a storage root."""
        return EMPTY_TRIE_ROOT

    def compute(self, changes: ChangeSet) -> TrieUpdate:
        """The root after `changes`."""
        self.state = self.state.after(changes)
        return TrieUpdate(state_root=self.state.root(), storage_roots={}, nodes=())


def read_state(value: object, name: str) -> FixtureState:
    """
    The state of `{address: {"balance", "nonce", "code", "storage"}}`; raises MalformedField.

    Parts of an account may be missing, as tools that record what a block touches leave them out.
    """
    accounts: dict[bytes, Account] = {}
    slots: dict[bytes, dict[int, int]] = {}
    codes: dict[bytes, bytes] = {}
    for key, content in read_object(value, name).items():
        address, place = read_address(key, name), f"{name}.{key}"
        parts = read_object(content, place)
        code = read_data(parts.get("code"), f"{place}.code")
        code_hash = keccak(code) if code else EMPTY_CODE_HASH
        codes[code_hash] = code
        accounts[address] = Account(
            nonce=read_number(parts.get("nonce", 0), f"{place}.nonce", 64),
            balance=read_number(parts.get("balance", 0), f"{place}.balance"),
            code_hash=code_hash,
        )
        pairs = {
            read_number(slot, f"{place}.storage"): read_number(word, f"{place}.storage.{slot}")
            for slot, word in read_object(parts.get("storage") or {}, f"{place}.storage").items()
        }
        filled = {slot: word for slot, word in pairs.items() if word}
        if filled:
            slots[address] = filled
    return FixtureState(accounts, slots, codes)
