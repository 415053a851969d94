"""`braid_` methods, beyond those of every node: a transaction's life, early receipts, raw blocks, access lists."""

from sequencer.mempool.statuses import TransactionState, TransactionStatus, chain_status

from .access_list_format import format_access_list
from .backend import Backend
from .block_lookup import get_number
from .errors import ResourceNotFound, ResourceUnavailable
from .eth_transactions import get_preconfirmed_receipt
from .formatters import format_raw_block, format_status
from .method import Method, Runs, method
from .parameters import (
    BlockReference,
    NumberReference,
    read_block_reference,
    read_hash,
    read_number_reference,
    required,
)


def transaction_status(backend: Backend, hash: bytes) -> object:
    """What became of a transaction: received to finalized, or dropped, replaced, rejected with the reason."""
    if backend.pool is not None:
        return format_status(hash, backend.pool.status(hash))
    position, heads = backend.chain.position(hash), backend.chain.heads
    if position is None:
        return format_status(hash, TransactionStatus(TransactionState.UNKNOWN))
    status = chain_status(position.number, safe_number=heads.safe.number, finalized_number=heads.finalized.number)
    return format_status(hash, status)


def raw_block(backend: Backend, number: NumberReference) -> object:
    """A sealed block in consensus encodings: header, and transactions with deposits."""
    height = get_number(backend, number)
    block = backend.chain.block(height)
    if block is None:
        raise ResourceNotFound("block")
    return format_raw_block(block)


def block_access_list(backend: Backend, reference: BlockReference) -> object:
    """Who read and wrote what in one of the last blocks (EIP-7928), and how often each transaction ran."""
    height = get_number(backend, reference)
    block = backend.chain.block(height)
    if block is None:
        raise ResourceNotFound("block")
    listed = backend.chain.access_list(height)
    if listed is None or len(listed.transactions) != len(block.transactions):
        raise ResourceUnavailable(f"access list of block {height} is not kept: it is too old, or of another process")
    return format_access_list(block, listed)


METHODS: tuple[Method, ...] = (
    method("braid_transactionStatus", transaction_status, required("transaction hash", read_hash), runs=Runs.ON_LOOP),
    method(
        "braid_getPreconfirmedReceipt",
        get_preconfirmed_receipt,
        required("transaction hash", read_hash),
        runs=Runs.ON_LOOP,
    ),
    method("braid_rawBlock", raw_block, required("block", read_number_reference)),
    method("braid_blockAccessList", block_access_list, required("block", read_block_reference)),
)
