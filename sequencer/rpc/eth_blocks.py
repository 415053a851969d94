"""`eth_` methods that show blocks, whole or by their transactions' receipts; what is not there is null."""

from .backend import Backend
from .block_lookup import find_number, find_view
from .formatters import format_block, format_receipt, quantity
from .method import Method, method
from .parameters import (
    BlockReference,
    HashReference,
    NumberReference,
    Tag,
    optional,
    read_block_reference,
    read_boolean,
    read_hash,
    read_number_reference,
    required,
)


def get_block_by_number(backend: Backend, number: NumberReference, full_transactions: bool) -> object:
    """A block by number or tag; `pending` is the open block with the slices so far."""
    return _block(backend, number, full_transactions)


def get_block_by_hash(backend: Backend, hash: bytes, full_transactions: bool) -> object:
    """A block by its hash."""
    return _block(backend, HashReference(hash), full_transactions)


def _block(backend: Backend, reference: BlockReference, full_transactions: bool) -> object:
    view = find_view(backend, reference)
    if view is None:
        return None
    return format_block(view, full_transactions=full_transactions)


def get_block_receipts(backend: Backend, block: BlockReference) -> object:
    """All receipts of a block, in order."""
    view = find_view(backend, block)
    return None if view is None else [format_receipt(placed, view) for placed in view.placed]


def get_transaction_count_by_number(backend: Backend, number: NumberReference) -> object:
    """Number of transactions in a block, deposits included."""
    return _transaction_count(backend, number)


def get_transaction_count_by_hash(backend: Backend, hash: bytes) -> object:
    """Number of transactions in a block, deposits included."""
    return _transaction_count(backend, HashReference(hash))


def _transaction_count(backend: Backend, reference: BlockReference) -> object:
    view = find_view(backend, reference)
    return None if view is None else quantity(len(view.placed))


def get_uncle_count_by_number(backend: Backend, number: NumberReference) -> object:
    """Zero for every block: there are no uncles."""
    found = number is Tag.PENDING or find_number(backend, number) is not None
    return quantity(0) if found else None


def get_uncle_count_by_hash(backend: Backend, hash: bytes) -> object:
    """Zero for every block: there are no uncles."""
    return None if find_number(backend, HashReference(hash)) is None else quantity(0)


_NUMBER = required("block", read_number_reference)
_HASH = required("block hash", read_hash)
_FULL = optional("full transactions", read_boolean, False)

METHODS: tuple[Method, ...] = (
    method("eth_getBlockByNumber", get_block_by_number, _NUMBER, _FULL),
    method("eth_getBlockByHash", get_block_by_hash, _HASH, _FULL),
    method("eth_getBlockReceipts", get_block_receipts, required("block", read_block_reference)),
    method("eth_getBlockTransactionCountByNumber", get_transaction_count_by_number, _NUMBER),
    method("eth_getBlockTransactionCountByHash", get_transaction_count_by_hash, _HASH),
    method("eth_getUncleCountByBlockNumber", get_uncle_count_by_number, _NUMBER),
    method("eth_getUncleCountByBlockHash", get_uncle_count_by_hash, _HASH),
)
