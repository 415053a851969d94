"""
The accounts that one transaction sees and changes: a flat, journaled view over a StateReader, without any trie.

py-evm drives it through the names of its own account database, which is why they are what they are. Three things
come out in the end:

* the changes, relative to the state below;
* the reads with their values, and of an account only the parts that were looked at: somebody who runs transactions
  ahead of their turn can tell whether the result still holds;
* balances that were only added to or taken from, with the least balance that this needed: they may have moved
  meanwhile without harm.

Warm addresses and slots (EIP-2929) and transient storage (EIP-1153) live here too: they end with the transaction.
"""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar, cast

from contracts.keccak import keccak
from sequencer.primitives.account import EMPTY_CODE_HASH, Account
from sequencer.state.changes import StateChanges
from sequencer.state.reader import StateReader, has_storage

BALANCE, NONCE, CODE = 1, 2, 4
"""Parts of an account that a transaction looked at; together a bit mask."""

_MISSING = object()

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class ReadSet:
    """
    What a transaction's outcome depends on, with the values it saw.

    `observed` says which parts of an account count. `minimums` has, where the balance itself was not observed, the
    balance in wei that the account must have had at least.
    """

    accounts: Mapping[bytes, Account | None]
    observed: Mapping[bytes, int]
    minimums: Mapping[bytes, int]
    slots: Mapping[tuple[bytes, int], int]


class FlatAccounts:
    """The state below as one transaction sees it; everything it does can be taken back to a checkpoint."""

    def __init__(self, state: StateReader) -> None:
        self._state = state
        self._loaded: dict[bytes, Account | None] = {}
        self._accounts: dict[bytes, Account | None] = {}
        self._loaded_slots: dict[tuple[bytes, int], int] = {}
        self._slots: dict[tuple[bytes, int], int] = {}
        self._codes: dict[bytes, bytes] = {}
        self._emptied: dict[bytes, bool] = {}
        self._touched: dict[bytes, bool] = {}
        self._warm_addresses: dict[bytes, bool] = {}
        self._warm_slots: dict[tuple[bytes, int], bool] = {}
        self._transient: dict[tuple[bytes, int], bytes] = {}
        self._observed: dict[bytes, int] = {}
        self._minimums: dict[bytes, int] = {}
        self._undo: list[tuple[dict[object, object], object, object]] = []

    # Checkpoints

    def record(self) -> int:
        """A checkpoint: give it to `discard` to take back everything since."""
        return len(self._undo)

    def discard(self, checkpoint: int) -> None:
        """Take back everything since `checkpoint`; what was read stays read."""
        undo = self._undo
        while len(undo) > checkpoint:
            table, key, previous = undo.pop()
            if previous is _MISSING:
                del table[key]
            else:
                table[key] = previous

    def commit(self, checkpoint: int) -> None:
        """Keep everything since `checkpoint`; an earlier one can still take it back."""

    def _put(self, table: dict[Key, Value], key: Key, value: Value) -> None:
        untyped = cast(dict[object, object], table)  # the undo list mixes tables; each entry returns to its own
        self._undo.append((untyped, key, untyped.get(key, _MISSING)))
        table[key] = value

    # Accounts

    def peek(self, address: bytes) -> Account | None:
        """The account, without a note that anything of it was looked at."""
        try:
            return self._accounts[address]
        except KeyError:
            account = self._state.account(address)
            self._loaded[address] = self._accounts[address] = account
            return account

    def observe(self, address: bytes, parts: int) -> Account | None:
        """The account, with a note that these parts of it were looked at."""
        self._observed[address] = self._observed.get(address, 0) | parts
        return self.peek(address)

    def account_exists(self, address: bytes) -> bool:
        """Whether there is an account; an empty one counts."""
        account = self.observe(address, CODE)
        if account is None or (account.nonce == 0 and account.code_hash == EMPTY_CODE_HASH):
            self.observe(address, BALANCE | NONCE)
        return account is not None

    def account_is_empty(self, address: bytes) -> bool:
        """No nonce, no balance, no code (EIP-161)."""
        account = self.observe(address, CODE)
        if account is None or account.code_hash == EMPTY_CODE_HASH:
            self.observe(address, NONCE)
            if account is None or account.nonce == 0:
                self.observe(address, BALANCE)
        return account is None or account.is_empty

    def account_has_code_or_nonce(self, address: bytes) -> bool:
        """Whether a contract can not be created here; storage that nobody can have written counts too (EIP-7610)."""
        account = self.observe(address, CODE | NONCE)
        if account is None:
            return False
        return account.nonce != 0 or account.code_hash != EMPTY_CODE_HASH or has_storage(self._state, address)

    def touch_account(self, address: bytes) -> None:
        """An account that is touched and empty ends with the transaction (EIP-161)."""
        account = self.peek(address)
        if account is not None and account.is_empty and address not in self._touched:
            self._put(self._touched, address, True)

    # Balance and nonce

    def get_balance(self, address: bytes) -> int:
        """Balance in wei."""
        account = self.observe(address, BALANCE)
        return 0 if account is None else account.balance

    def set_balance(self, address: bytes, balance: int) -> None:
        """Set the balance in wei; whoever computes the new one from the old has looked at it."""
        account = self.peek(address)
        if account is None:
            if balance:
                self._put(self._accounts, address, Account(balance=balance))
        elif account.balance != balance:
            self._put(self._accounts, address, Account(account.nonce, balance, account.code_hash))
        self.touch_account(address)

    def add_balance(self, address: bytes, amount: int) -> None:
        """Add wei (or take, when negative: after `require_balance`) without looking at the balance."""
        account = self.peek(address)
        self.set_balance(address, amount if account is None else account.balance + amount)

    def require_balance(self, address: bytes, amount: int) -> bool:
        """Whether the account holds `amount` wei; when it does, only that much was looked at."""
        account = self.peek(address)
        balance = 0 if account is None else account.balance
        if balance < amount:
            self.observe(address, BALANCE)
            return False
        before = self._loaded[address]
        at_least = amount - balance + (0 if before is None else before.balance)
        if at_least > self._minimums.get(address, 0):
            self._minimums[address] = at_least
        return True

    def get_nonce(self, address: bytes) -> int:
        """The account's nonce."""
        account = self.observe(address, NONCE)
        return 0 if account is None else account.nonce

    def set_nonce(self, address: bytes, nonce: int) -> None:
        """Set the nonce."""
        account = self.peek(address)
        if account is None:
            self._put(self._accounts, address, Account(nonce=nonce))
        else:
            self._put(self._accounts, address, Account(nonce, account.balance, account.code_hash))

    def increment_nonce(self, address: bytes) -> None:
        """Add one to the nonce."""
        self.set_nonce(address, self.get_nonce(address) + 1)

    # Code

    def get_code_hash(self, address: bytes) -> bytes:
        """Keccak of the code."""
        account = self.observe(address, CODE)
        return EMPTY_CODE_HASH if account is None else account.code_hash

    def get_code(self, address: bytes) -> bytes:
        """The code, b"" where there is none."""
        code_hash = self.get_code_hash(address)
        if code_hash == EMPTY_CODE_HASH:
            return b""
        own = self._codes.get(code_hash)
        return self._state.code(code_hash) if own is None else own

    def set_code(self, address: bytes, code: bytes) -> None:
        """Set the code; b"" removes it."""
        account = self.peek(address) or Account()
        code_hash = keccak(code)
        self._codes[code_hash] = code
        self._put(self._accounts, address, Account(account.nonce, account.balance, code_hash))

    def delete_code(self, address: bytes) -> None:
        """Remove the code."""
        self.set_code(address, b"")

    # Storage

    def get_storage(self, address: bytes, slot: int, from_journal: bool = True) -> int:
        """A slot's value now, or with `from_journal` False as it was before the transaction."""
        key = (address, slot)
        if from_journal:
            value = self._slots.get(key)
            if value is not None:
                return value
        loaded = self._loaded_slots.get(key)
        if loaded is None:
            loaded = self._loaded_slots[key] = self._state.storage(address, slot)
        return 0 if address in self._emptied else loaded

    def set_storage(self, address: bytes, slot: int, value: int) -> None:
        """Set a slot's value."""
        self._put(self._slots, (address, slot), value)

    def delete_storage(self, address: bytes) -> None:
        """Make all storage of the account zero (CREATE2 does, at an address without code or nonce)."""
        for key in [key for key in self._slots if key[0] == address]:
            self._put(self._slots, key, 0)
        self._put(self._emptied, address, True)

    # Warm addresses and slots, transient storage

    def is_address_warm(self, address: bytes) -> bool:
        """Whether the address was accessed in this transaction."""
        return address in self._warm_addresses

    def mark_address_warm(self, address: bytes) -> None:
        """Note that the address was accessed."""
        if address not in self._warm_addresses:
            self._put(self._warm_addresses, address, True)

    def is_storage_warm(self, address: bytes, slot: int) -> bool:
        """Whether the slot was accessed in this transaction."""
        return (address, slot) in self._warm_slots

    def mark_storage_warm(self, address: bytes, slot: int) -> None:
        """Note that the slot was accessed."""
        key = (address, slot)
        if key not in self._warm_slots:
            self._put(self._warm_slots, key, True)

    def get_transient_storage(self, address: bytes, slot: int) -> bytes:
        """A transient slot's value, without leading zeros."""
        return self._transient.get((address, slot), b"")

    def set_transient_storage(self, address: bytes, slot: int, value: bytes) -> None:
        """Set a transient slot's value."""
        self._put(self._transient, (address, slot), value)

    # Results

    def reads(self) -> ReadSet:
        """Everything that was read from the state below."""
        return ReadSet(self._loaded, self._observed, self._minimums, self._loaded_slots)

    def changes(self, destroyed: Iterable[bytes] = ()) -> StateChanges:
        """What is different from the state below, with the `destroyed` accounts gone (SELFDESTRUCT)."""
        gone = set(destroyed)
        for address in gone:
            self.peek(address)
        accounts: dict[bytes, Account | None] = {}
        for address, account in self._accounts.items():
            before = self._loaded[address]
            if address in gone or (account is not None and account.is_empty and self._is_over(address, before)):
                account = None
            if account is not before and account != before:
                accounts[address] = account
        wiped = frozenset(address for address in gone | self._emptied.keys() if self._loaded.get(address) is not None)
        return StateChanges(
            accounts=accounts,
            storage=self._changed_slots(gone),
            codes={
                account.code_hash: self._codes[account.code_hash]
                for account in accounts.values()
                if account is not None and account.code_hash in self._codes and account.code_hash != EMPTY_CODE_HASH
            },
            wiped=wiped,
        )

    def _is_over(self, address: bytes, before: Account | None) -> bool:
        """Whether an account that is empty now is empty by this transaction's doing."""
        return address in self._touched or self._accounts[address] is not before

    def _changed_slots(self, gone: set[bytes]) -> dict[bytes, dict[int, int]]:
        storage: dict[bytes, dict[int, int]] = {}
        for (address, slot), value in self._slots.items():
            before = 0 if address in self._emptied else self._loaded_slots.get((address, slot))
            if address not in gone and value != before:
                storage.setdefault(address, {})[slot] = value
        return storage
