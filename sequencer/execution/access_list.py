"""
Who read and wrote what in a block: of every transaction, and put together in the shape of EIP-7928.

    engine -> BlockAccesses (by block access index, converted on request) -> BlockAccessList

Block access index 0 is what the protocol does before the first transaction, 1 to n are the transactions, n + 1 is what
it does after the last. What counts as read and as written is the same for every engine, and is said in
docs/spec/execution.md; how often a transaction ran, and against what it conflicted, is the engine's own story.

Keys and values are those of the flat state: `a` | address and `s` | address | slot, an account or a slot's value, empty
for nothing there (`sequencer.state.flat`).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, overload, runtime_checkable

from sequencer.primitives.account import EMPTY_CODE_HASH, Account
from sequencer.state.flat import ADDRESS_BYTES, decode_account, decode_value
from sequencer.state.reader import StateReader


@dataclass(frozen=True, slots=True)
class TransactionAccess:
    """
    What one included transaction, or the protocol itself, read and wrote.

    `reads` and `writes` ascend by key and hold each key once. `reads` are the accounts and slots that the final
    execution loaded, those of reverted frames included; `writes` are the keys whose value after the transaction, its
    fees paid, is another than before it, with the new value. An account that ends takes its storage with it.
    """

    reads: tuple[bytes, ...] = ()
    writes: tuple[tuple[bytes, bytes], ...] = ()
    executions: int = 1
    """How often it was executed, the guesses that did not hold included."""

    conflict: bytes | None = None
    """The first key whose value a guess had wrong; None when no guess failed, or nobody knows where."""

    accounts_before: Mapping[bytes, bytes] = field(default_factory=dict)
    """What accounts in `writes` were before, as far as the engine tells; others are asked of the parent state."""


class BlockAccesses(Sequence[TransactionAccess]):
    """
    One TransactionAccess for each included transaction, in order; cheap to make and to keep, converted on first use.

    Holds everything itself: it outlives the open block that gave it.
    """

    def __init__(self, count: int, convert: Callable[[], Sequence[TransactionAccess]]) -> None:
        """`convert` gives one entry a block access index: `count` transactions with an entry before and one after."""
        self._count = count
        self._convert: Callable[[], Sequence[TransactionAccess]] | None = convert
        self._entries: tuple[TransactionAccess, ...] = ()

    def by_index(self) -> tuple[TransactionAccess, ...]:
        """One entry a block access index, from 0 to the number of transactions plus one."""
        convert = self._convert
        if convert is not None:
            self._entries = tuple(convert())
            self._convert = None
        return self._entries

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> TransactionAccess: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[TransactionAccess, ...]: ...
    def __getitem__(self, index: int | slice) -> TransactionAccess | tuple[TransactionAccess, ...]:
        return self.by_index()[1:-1][index]

    def __iter__(self) -> Iterator[TransactionAccess]:
        return iter(self.by_index()[1:-1])


@dataclass(frozen=True, slots=True)
class SlotChanges:
    """A slot's new values: (block access index, value), ascending by index."""

    slot: int
    changes: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class AccountAccess:
    """
    Everything that happened to one account in a block: an entry of EIP-7928.

    Changes are (block access index, new value), ascending; a slot stands in `storage_changes` or in `storage_reads`.
    """

    address: bytes
    storage_changes: tuple[SlotChanges, ...] = ()
    storage_reads: tuple[int, ...] = ()
    balance_changes: tuple[tuple[int, int], ...] = ()
    nonce_changes: tuple[tuple[int, int], ...] = ()
    code_changes: tuple[tuple[int, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class BlockAccessList:
    """A block's accounts, ascending by address, and its transactions' own accesses in their order."""

    accounts: tuple[AccountAccess, ...]
    transactions: tuple[TransactionAccess, ...]


def build_block_access_list(
    accesses: BlockAccesses, parent: StateReader, code: Callable[[bytes], bytes]
) -> BlockAccessList:
    """
    Put a block's accesses together by account.

    Parameters
    ----------
    parent :
        The state before the block; asked only for accounts of which the engine did not tell it.
    code :
        The code with a hash that an account has after the block.
    """
    gathered: dict[bytes, _Gathered] = {}
    entries = accesses.by_index()
    for index, access in enumerate(entries):
        for key in access.reads:
            account = _gathered(gathered, key)
            if key[:1] == b"s":
                account.read.add(_slot(key))
        for key, value in access.writes:
            account = _gathered(gathered, key)
            if key[:1] == b"s":
                account.slots.setdefault(_slot(key), []).append((index, decode_value(value)))
                continue
            if not account.accounts:
                before = access.accounts_before.get(key)
                account.before = parent.account(key[1:]) if before is None else decode_account(before)
            account.accounts.append((index, decode_account(value)))
    return BlockAccessList(
        accounts=tuple(_account_access(address, gathered[address], code) for address in sorted(gathered)),
        transactions=entries[1:-1],
    )


@dataclass(slots=True)
class _Gathered:
    read: set[int] = field(default_factory=set)
    slots: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    before: Account | None = None
    accounts: list[tuple[int, Account | None]] = field(default_factory=list)


def _gathered(gathered: dict[bytes, _Gathered], key: bytes) -> _Gathered:
    address = key[1 : 1 + ADDRESS_BYTES]
    found = gathered.get(address)
    if found is None:
        found = gathered[address] = _Gathered()
    return found


def _slot(key: bytes) -> int:
    return int.from_bytes(key[1 + ADDRESS_BYTES :], "big")


def _account_access(address: bytes, found: _Gathered, code: Callable[[bytes], bytes]) -> AccountAccess:
    balances: list[tuple[int, int]] = []
    nonces: list[tuple[int, int]] = []
    codes: list[tuple[int, bytes]] = []
    before = found.before or Account()
    for index, account in found.accounts:
        after = account or Account()
        if after.balance != before.balance:
            balances.append((index, after.balance))
        if after.nonce != before.nonce:
            nonces.append((index, after.nonce))
        if after.code_hash != before.code_hash:
            codes.append((index, b"" if after.code_hash == EMPTY_CODE_HASH else code(after.code_hash)))
        before = after
    return AccountAccess(
        address=address,
        storage_changes=tuple(SlotChanges(slot, tuple(found.slots[slot])) for slot in sorted(found.slots)),
        storage_reads=tuple(sorted(found.read - found.slots.keys())),
        balance_changes=tuple(balances),
        nonce_changes=tuple(nonces),
        code_changes=tuple(codes),
    )


@dataclass(frozen=True, slots=True)
class AccessHint:
    """Keys of the flat state that one transaction is expected to read, and to write."""

    reads: tuple[bytes, ...] = ()
    writes: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class AccessHints:
    """
    What somebody says of the transactions of the next block, by their hash.

    Said by others and believed by nobody: a wrong hint, a missing or a superfluous one costs time, never a result.
    Every key has the form of a key (`is_key`); how many there are is bounded by whoever made the hints.
    """

    transactions: Mapping[bytes, AccessHint] = field(default_factory=dict)


NO_HINTS = AccessHints()


@runtime_checkable
class TakesHints(Protocol):
    """An engine that can make use of hints; others are left alone."""

    def expect(self, hints: AccessHints) -> None:
        """Hints for the block that is opened next; they replace earlier ones, and end with that block."""
        ...


def is_key(data: bytes) -> bool:
    """Whether `data` has the form of a key of the flat state."""
    return (data[:1], len(data)) in ((b"a", 1 + ADDRESS_BYTES), (b"s", 1 + ADDRESS_BYTES + 32))


def keys_of(accounts: Iterable[bytes], slots: Iterable[tuple[bytes, int]]) -> list[bytes]:
    """The keys of these accounts and slots, ascending."""
    keys = [b"a" + address for address in accounts]
    keys += [b"s" + address + slot.to_bytes(32, "big") for address, slot in slots]
    keys.sort()
    return keys
