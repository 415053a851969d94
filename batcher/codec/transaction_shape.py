"""
Where the fields of a signed transaction stand, by its type: what span batches have to know of transactions.

    0  nonce, gas_price, gas, to, value, data, v, r, s
    1  chain_id, nonce, gas_price, gas, to, value, data, access_list, y, r, s
    2  chain_id, nonce, priority_fee, max_fee, gas, to, value, data, access_list, y, r, s
    4  chain_id, nonce, priority_fee, max_fee, gas, to, value, data, access_list, authorization_list, y, r, s

The variable fields of a span batch, its `tx_data`, are checked as strictly as op-node's decoder does: the form of each
field, but neither ranges nor signatures.
"""

from dataclasses import dataclass

from batcher.codec.errors import MalformedRlp
from batcher.codec.rlp_items import decode_item, find_items, iterate_items

_ADDRESS_ITEM_BYTES = 21
_HASH_ITEM_BYTES = 33
_MAX_WORD_ITEM_BYTES = 33
_MAX_UINT64_ITEM_BYTES = 9
_MAX_UINT8_ITEM_BYTES = 2
_ADDRESS_PREFIX = 0x94
_HASH_PREFIX = 0xA0
_EMPTY_LIST = 0xC0


@dataclass(frozen=True, slots=True)
class TransactionShape:
    """One type of transaction."""

    type: int
    first_field: int
    """Fields before the nonce: the chain id, but in legacy transactions."""
    prices: int
    """Fields that say what gas costs, between nonce and gas limit."""
    has_access_list: bool
    has_authorizations: bool

    @property
    def fields(self) -> int:
        """Of the transaction: beside prices and lists, nonce, gas, to, value, data and three of the signature."""
        return self.first_field + self.prices + 8 + self.has_access_list + self.has_authorizations

    @property
    def data_fields(self) -> int:
        """Of its `tx_data`: value, prices, data and the lists."""
        return self.prices + 2 + self.has_access_list + self.has_authorizations

    @property
    def needs_recipient(self) -> bool:
        """Set-code transactions create no contracts."""
        return self.has_authorizations


SHAPES = {
    0: TransactionShape(0, 0, 1, False, False),
    1: TransactionShape(1, 1, 1, True, False),
    2: TransactionShape(2, 1, 2, True, False),
    4: TransactionShape(4, 1, 2, True, True),
}
"""The types that a span batch may hold, since Isthmus."""


def check_transaction_data(data: bytes, start: int, end: int, shape: TransactionShape) -> list[int]:
    """
    Where the fields of a `tx_data` list begin, and where the last one ends.

    Raises
    ------
    MalformedRlp
        A field is missing, too many, or not of the form that it must have.
    """
    starts = find_items(data, start, end, shape.data_fields)
    # op-node reads amounts of set-code transactions as 256-bit integers, those of others as integers of any size.
    limit = _MAX_WORD_ITEM_BYTES if shape.has_authorizations else None
    for index in range(shape.prices + 1):
        require_integer(data, starts[index], starts[index + 1], limit)
    index = shape.prices + 1
    _require_string(data, starts[index])
    if shape.has_access_list:
        _require_access_list(data, starts[index + 1], starts[index + 2])
    if shape.has_authorizations:
        _require_authorizations(data, starts[index + 2], starts[index + 3])
    return starts


def require_integer(data: bytes, start: int, end: int, limit: int | None) -> None:
    """Raise `MalformedRlp` unless the item is an integer without leading zeros that takes at most `limit` bytes."""
    first = data[start]
    if first == 0x80 or 0 < first < 0x80:
        return
    payload = start + 1 if first < 0xB8 else start + first - 0xB6
    if first >= 0xC0 or first == 0 or data[payload] == 0:
        raise MalformedRlp("not an integer, or one with a leading zero", start)
    if limit is not None and end - start > limit:
        raise MalformedRlp("integer is too large", start)


def _require_string(data: bytes, start: int) -> None:
    if data[start] >= 0xC0:
        raise MalformedRlp("a list stands where bytes belong", start)


def _require_fixed(data: bytes, start: int, end: int, prefix: int, size: int) -> None:
    if data[start] != prefix or end - start != size:
        raise MalformedRlp(f"not a string of {size - 1} bytes", start)


def _require_access_list(data: bytes, start: int, end: int) -> None:
    if data[start] == _EMPTY_LIST:
        return
    for entry_start, entry_end in _iterate_lists(data, start, end):
        address, keys, keys_end = find_items(data, entry_start, entry_end, 2)
        _require_fixed(data, address, keys, _ADDRESS_PREFIX, _ADDRESS_ITEM_BYTES)
        keys_item = decode_item(data, keys, keys_end)
        if not keys_item.is_list:
            raise MalformedRlp("storage keys are not a list", keys)
        if (keys_item.end - keys_item.start) % _HASH_ITEM_BYTES:
            raise MalformedRlp("storage keys are not of 32 bytes each", keys)
        prefixes = data[keys_item.start : keys_item.end : _HASH_ITEM_BYTES]
        if prefixes.strip(bytes((_HASH_PREFIX,))):
            raise MalformedRlp("storage keys are not of 32 bytes each", keys)


def _require_authorizations(data: bytes, start: int, end: int) -> None:
    """Tuples of chain id, address, nonce, parity (any byte), r, s."""
    for entry_start, entry_end in _iterate_lists(data, start, end):
        at = find_items(data, entry_start, entry_end, 6)
        require_integer(data, at[0], at[1], _MAX_WORD_ITEM_BYTES)
        _require_fixed(data, at[1], at[2], _ADDRESS_PREFIX, _ADDRESS_ITEM_BYTES)
        require_integer(data, at[2], at[3], _MAX_UINT64_ITEM_BYTES)
        require_integer(data, at[3], at[4], _MAX_UINT8_ITEM_BYTES)
        require_integer(data, at[4], at[5], _MAX_WORD_ITEM_BYTES)
        require_integer(data, at[5], at[6], _MAX_WORD_ITEM_BYTES)


def _iterate_lists(data: bytes, start: int, end: int) -> list[tuple[int, int]]:
    """Where the lists in a list begin and end."""
    outer = decode_item(data, start, end)
    if not outer.is_list:
        raise MalformedRlp("not a list", start)
    entries: list[tuple[int, int]] = []
    position = outer.start
    for item in iterate_items(data, outer):
        if not item.is_list:
            raise MalformedRlp("not a list of lists", position)
        entries.append((position, item.end))
        position = item.end
    return entries
