"""
The flat state at the head, and reverse changes that lead back to a while before the finalized head.

    accounts, storage, codes                        as they are at the head
    history    kind | key | block number -> value before that block
    changed    block number -> the keys that the block changed
    pending    large blocks of the native store that are not spread over these tables yet (`docs/spec/state.md`)

Unwinding block N puts the values of N's reverse changes back. The state at an older block M is, for each key, the
first reverse change after M, or else the value at the head. Reverse changes before that are pruned, a
bounded number of blocks at each commit. Code is named by its hash and never removed.
"""

from collections.abc import Iterable

from l1_bridge.errors import BraidError
from l1_bridge.types import BlockId
from sequencer.primitives.account import EMPTY_CODE_HASH, Account

from .changes import ChangeSet, StateChanges
from .flat import ADDRESS_BYTES, decode_account, decode_value, encode_account, encode_value, slot_key
from .native_environment import STORE_FAILURE, NativeState, is_unavailable
from .store import ReadTransaction, Store, Table, WriteTransaction

HEAD_KEY = b"head"
"""Number (8 bytes) and hash of the block whose state the flat tables hold."""

PRUNED_KEY = b"pruned"
"""Number of the oldest block whose state can be read."""

PRUNED_BLOCKS_A_COMMIT = 16
"""Bound of the pruning that one commit does; more than one, so that it catches up."""

_KINDS = {b"a": Table.ACCOUNTS, b"s": Table.STORAGE}


class StateUnavailable(BraidError):
    """The state of a block can not be read: it was pruned, unwound, or is not there yet."""

    def __init__(self, block: BlockId) -> None:
        super().__init__(f"state of block {block} is not available")
        self.block = block


class NotOnHead(BraidError):
    """A change was meant for another head than the one that the store holds: a bug, nothing was written."""

    def __init__(self, found: BlockId | None, expected: BlockId) -> None:
        super().__init__(f"the store's head is {found}, not {expected}")
        self.found = found
        self.expected = expected


def number_key(number: int) -> bytes:
    """A block number as a key; keys sort as numbers do."""
    return number.to_bytes(8, "big")


def encode_block_id(block: BlockId) -> bytes:
    """Number and hash, 40 bytes."""
    return number_key(block.number) + block.hash


def decode_block_id(data: bytes) -> BlockId:
    """Number and hash from their 40 bytes."""
    return BlockId(int.from_bytes(data[:8], "big"), data[8:])


def state_head(transaction: ReadTransaction) -> BlockId | None:
    """The block whose state the flat tables hold; None in a new store."""
    data = transaction.get(Table.META, HEAD_KEY)
    return None if data is None else decode_block_id(data)


def oldest_state(transaction: ReadTransaction) -> int:
    """Number of the oldest block whose state can be read."""
    return int.from_bytes(transaction.get(Table.META, PRUNED_KEY) or b"", "big")


def apply_changes(transaction: WriteTransaction, block: BlockId, changes: ChangeSet) -> StateChanges:
    """
    Make the flat state that of `block`, the head's child; the caller also writes the block's ref.

    Block 0 has no reverse changes: nothing is before it. Returns the changes with every slot that a deletion removed
    spelled out as 0, as caches need them.
    """
    complete = _spell_out_deletions(transaction, changes)
    reverse: list[bytes] = []
    for address, account in complete.accounts.items():
        _replace(transaction, b"a" + address, encode_account(account), block.number, reverse)
    for address, slots in complete.storage.items():
        for slot, value in slots.items():
            _replace(transaction, b"s" + slot_key(address, slot), encode_value(value), block.number, reverse)
    transaction.put_all(Table.CODES, complete.codes.items())
    if block.number:
        transaction.put(Table.CHANGED, number_key(block.number), _join(reverse))
    transaction.put(Table.META, HEAD_KEY, encode_block_id(block))
    return complete


def unapply(transaction: WriteTransaction, block: BlockId, parent: BlockId) -> None:
    """Make the flat state that of `parent`, whose child `block` is the head; raises NotOnHead."""
    head = state_head(transaction)
    if head != block:
        raise NotOnHead(head, block)
    number = number_key(block.number)
    for key in _split(transaction.get(Table.CHANGED, number) or b""):
        old = transaction.get(Table.HISTORY, key + number) or b""
        _set(transaction, _KINDS[key[:1]], key[1:], old)
        transaction.delete(Table.HISTORY, key + number)
    transaction.delete(Table.CHANGED, number)
    transaction.put(Table.META, HEAD_KEY, encode_block_id(parent))


def reverse_changes(transaction: ReadTransaction, number: int) -> StateChanges:
    """What leads from the state after block `number` back to the one before it."""
    accounts: dict[bytes, Account | None] = {}
    storage: dict[bytes, dict[int, int]] = {}
    for key in _split(transaction.get(Table.CHANGED, number_key(number)) or b""):
        old = transaction.get(Table.HISTORY, key + number_key(number)) or b""
        if key[:1] == b"a":
            accounts[key[1:]] = decode_account(old)
        else:
            slot = int.from_bytes(key[1 + ADDRESS_BYTES :], "big")
            storage.setdefault(key[1 : 1 + ADDRESS_BYTES], {})[slot] = decode_value(old)
    return StateChanges(accounts, storage)


def settle(transaction: WriteTransaction) -> None:
    """
    Spread blocks that the native store left pending over the flat tables and their reverse changes.

    An entry of `pending` has the key block number | kind | key, and the value length of the old value | it | new value.
    """
    oldest, reverse = oldest_state(transaction), dict[bytes, list[bytes]]()
    for entry, values in list(transaction.from_key(Table.PENDING, b"\0")):
        number, key, split = entry[:8], entry[8:], 1 + values[0]
        if int.from_bytes(number, "big") > oldest:
            transaction.put(Table.HISTORY, key + number, values[1:split])
            reverse.setdefault(number, []).append(key)
        _set(transaction, _KINDS[key[:1]], key[1:], values[split:])
    for number, keys in reverse.items():
        transaction.put(Table.CHANGED, number, _join(keys))
    transaction.clear(Table.PENDING)


def prune(transaction: WriteTransaction, finalized: int, limit: int = PRUNED_BLOCKS_A_COMMIT) -> int:
    """Drop reverse changes of up to `limit` blocks at or below `finalized`; returns how many blocks were left over."""
    oldest = oldest_state(transaction)
    target = min(finalized, oldest + limit)
    for block in range(oldest + 1, target + 1):
        number = number_key(block)
        for key in _split(transaction.get(Table.CHANGED, number) or b""):
            transaction.delete(Table.HISTORY, key + number)
        transaction.delete(Table.CHANGED, number)
    if target > oldest:
        transaction.put(Table.META, PRUNED_KEY, number_key(target))
    return finalized - max(target, oldest)


def _spell_out_deletions(transaction: ReadTransaction, changes: ChangeSet) -> StateChanges:
    deleted = {address for address, account in changes.accounts.items() if account is None} | changes.wiped
    storage = {address: dict(slots) for address, slots in changes.storage.items()}
    for address in deleted:
        slots = storage.setdefault(address, {})
        if address in changes.accounts and changes.accounts[address] is None:
            slots.update(dict.fromkeys(slots, 0))
        for key, _ in transaction.with_prefix(Table.STORAGE, address):
            slots.setdefault(int.from_bytes(key[ADDRESS_BYTES:], "big"), 0)
    return StateChanges(changes.accounts, storage, changes.codes, changes.wiped)


def _replace(transaction: WriteTransaction, key: bytes, new: bytes, block: int, reverse: list[bytes]) -> None:
    table = _KINDS[key[:1]]
    old = transaction.get(table, key[1:]) or b""
    if old == new:
        return
    _set(transaction, table, key[1:], new)
    if block:
        transaction.put(Table.HISTORY, key + number_key(block), old)
        reverse.append(key)


def _set(transaction: WriteTransaction, table: Table, key: bytes, value: bytes) -> None:
    if value:
        transaction.put(table, key, value)
    else:
        transaction.delete(table, key)


def _join(keys: Iterable[bytes]) -> bytes:
    return b"".join(keys)


def _split(joined: bytes) -> list[bytes]:
    keys, start = [], 0
    while start < len(joined):
        size = 1 + ADDRESS_BYTES + (32 if joined[start : start + 1] == b"s" else 0)
        keys.append(joined[start : start + size])
        start += size
    return keys


class StateAt:
    """
    A StateReader: the state at one block, from the head back to the oldest state kept.

    Every read checks that the block is still part of the chain, so a reader that is held while the chain grows goes
    on giving the same values, and one whose block was unwound or pruned raises StateUnavailable.
    """

    def __init__(self, store: Store, block: BlockId) -> None:
        self._store = store
        self._mark = encode_block_id(block)
        self.block = block
        self.native: NativeState | None = None if store.native is None else store.native.state_at(self._mark)
        """The same state for what runs in the extension; None where the `lmdb` package serves."""

    def account(self, address: bytes) -> Account | None:
        """The account at a 20-byte address."""
        return decode_account(self._look(b"a" + address))

    def storage(self, address: bytes, slot: int) -> int:
        """The value of one storage slot."""
        return decode_value(self._look(b"s" + slot_key(address, slot)))

    def code(self, code_hash: bytes) -> bytes:
        """The code with that hash; raises StateUnavailable for one that no account ever had."""
        if code_hash == EMPTY_CODE_HASH:
            return b""
        with self._store.read() as transaction:
            code = transaction.get(Table.CODES, code_hash)
        if code is None:
            raise StateUnavailable(self.block)
        return code

    def read_many(self, keys: Iterable[bytes]) -> dict[bytes, bytes]:
        """Encoded values by key (`a` | address, `s` | address | slot, `c` | code hash), in one look at the store."""
        if self.native is not None:
            wanted = list(keys)
            try:
                return dict(zip(wanted, self.native.encoded_many(wanted), strict=True))
            except STORE_FAILURE as failure:
                raise self._explain(failure) from None
        with self._store.read() as transaction:
            return {key: self._read_any(transaction, key) for key in keys}

    def check(self) -> None:
        """Raise StateUnavailable when this state can not be read."""
        with self._store.read() as transaction:
            if transaction.get(Table.META, HEAD_KEY) != self._mark:
                self._check_kept(transaction)

    def _look(self, key: bytes) -> bytes:
        if self.native is None:
            with self._store.read() as transaction:
                return self._read(transaction, key[:1], key[1:])
        try:
            return self.native.encoded(key)
        except STORE_FAILURE as failure:
            raise self._explain(failure) from None

    def _explain(self, failure: Exception) -> Exception:
        return StateUnavailable(self.block) if is_unavailable(failure) else failure

    def _read_any(self, transaction: ReadTransaction, key: bytes) -> bytes:
        if key[:1] == b"c":
            return transaction.get(Table.CODES, key[1:]) or b""
        return self._read(transaction, key[:1], key[1:])

    def _read(self, transaction: ReadTransaction, kind: bytes, key: bytes) -> bytes:
        if transaction.get(Table.META, HEAD_KEY) == self._mark:
            return transaction.get(_KINDS[kind], key) or b""
        self._check_kept(transaction)
        prefix = kind + key
        reverse = transaction.first_from(Table.HISTORY, prefix + number_key(self.block.number + 1))
        if reverse is not None and reverse[0][:-8] == prefix:
            return reverse[1]
        return transaction.get(_KINDS[kind], key) or b""

    def _check_kept(self, transaction: ReadTransaction) -> None:
        head = state_head(transaction)
        if head is None or not oldest_state(transaction) <= self.block.number <= head.number:
            raise StateUnavailable(self.block)
        if canonical_hash(transaction, self.block.number) != self.block.hash:
            raise StateUnavailable(self.block)


def canonical_hash(transaction: ReadTransaction, number: int) -> bytes | None:
    """Hash of the chain's block with that number: a ref begins with it."""
    ref = transaction.get(Table.REFS, number_key(number))
    return None if ref is None else ref[:32]
