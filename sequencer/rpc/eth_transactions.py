"""
`eth_` methods that take transactions in and show them again.

A hash is given back only when the pool has made the transaction durable. Receipts are those of sealed blocks; whoever
does not want to wait for the seal sends synchronously (EIP-7966), or asks `braid_getPreconfirmedReceipt`.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import structlog

from l1_bridge.errors import BraidError, TemporaryError
from sequencer.mempool.errors import AdmissionError
from sequencer.mempool.statuses import TransactionState
from sequencer.primitives.transaction import Transaction

from . import metrics
from .backend import Backend, Pool
from .block_lookup import find_included, find_view
from .errors import (
    SYNC_DROPPED,
    SYNC_TIMEOUT,
    InternalError,
    ResourceUnavailable,
    RpcError,
    TransactionRejected,
)
from .formatters import data, format_pool_transaction, format_receipt, format_transaction
from .method import Method, OnAnswered, Runs, method
from .parameters import (
    BlockReference,
    HashReference,
    NumberReference,
    optional_or_none,
    read_count,
    read_data,
    read_hash,
    read_number_reference,
    read_uint64,
    required,
)

logger = structlog.get_logger(__name__)

ENDED = (TransactionState.DROPPED, TransactionState.REPLACED, TransactionState.REJECTED)
"""States from which no transaction comes back."""


async def send_raw_transaction(backend: Backend, raw: bytes) -> object:
    """Take a signed transaction in; its hash comes back once it is durable."""
    return data(await _submit(_pool(backend), raw))


async def send_raw_transactions(backend: Backend, calls: Sequence[list[object]]) -> list[object | RpcError]:
    """The same for several of one batch: decoded together, durable by one sync."""
    pool = _pool(backend)
    raws = [raw for (raw,) in calls if isinstance(raw, bytes)]
    return [_answer(answer) for answer in await pool.submit_many(raws)]


def send_decoded_transactions(
    backend: Backend, raws: Sequence[bytes], found: Sequence[Transaction], on_answered: OnAnswered
) -> None:
    """The same for several that came at one time, decoded on their way in."""

    def answered(answers: Sequence[bytes | BraidError]) -> None:
        on_answered([_answer(answer) for answer in answers])

    _pool(backend).submit_decoded(raws, found, answered)


async def send_raw_transaction_sync(backend: Backend, raw: bytes, timeout_milliseconds: int | None) -> object:
    """Take a signed transaction in and wait for its receipt, preconfirmed or sealed (EIP-7966)."""
    pool, settings = _pool(backend), backend.settings
    seconds = settings.sync_timeout_seconds
    if timeout_milliseconds:
        seconds = min(timeout_milliseconds / 1000, settings.max_sync_timeout_seconds)
    hash = await _submit(pool, raw)
    try:
        async with asyncio.timeout(seconds):
            return await _wait_for_receipt(backend, pool, hash)
    except TimeoutError:
        reason = f"the transaction was added to the pool but has no receipt after {seconds:g} s"
        raise RpcError(SYNC_TIMEOUT, reason, data(hash)) from None


async def _wait_for_receipt(backend: Backend, pool: Pool, hash: bytes) -> object:
    while True:
        with backend.preconfirmations.listening(hash) as settled:
            found = await get_preconfirmed_receipt(backend, hash)
            if found is not None:
                return found
            status = pool.status(hash)
            if status.state in ENDED:
                reason = status.reason or status.state.value
                raise RpcError(SYNC_DROPPED, f"the transaction was not included: {reason}", data(hash))
            await settled.wait()


async def get_preconfirmed_receipt(backend: Backend, hash: bytes) -> object:
    """The receipt as soon as the transaction's slice is published; of a sealed block later on; null before."""
    found = backend.open_block.find(hash)
    if found is not None:
        return format_receipt(*found)
    return await backend.read(_sealed_receipt, backend, hash)


async def get_transaction_receipt(backend: Backend, hash: bytes) -> object:
    """The receipt of a transaction in a sealed block; null before that."""
    if backend.settings.preconfirmed_receipts:
        return await get_preconfirmed_receipt(backend, hash)
    return await backend.read(_sealed_receipt, backend, hash)


def _sealed_receipt(backend: Backend, hash: bytes) -> object:
    found = find_included(backend, hash)
    return None if found is None else format_receipt(*found)


async def get_transaction_by_hash(backend: Backend, hash: bytes) -> object:
    """A transaction in a sealed block, in the open one, or in the pool."""
    found = backend.open_block.find(hash)
    if found is not None:
        return format_transaction(*found)
    waiting = None if backend.pool is None else backend.pool.transaction(hash)
    sealed = await backend.read(_sealed_transaction, backend, hash)
    if sealed is None and waiting is not None:
        return format_pool_transaction(waiting)
    return sealed


def _sealed_transaction(backend: Backend, hash: bytes) -> object:
    found = find_included(backend, hash)
    return None if found is None else format_transaction(*found)


def get_transaction_by_number_and_index(backend: Backend, number: NumberReference, index: int) -> object:
    """The transaction at a place of a block given by number or tag."""
    return _transaction_at(backend, number, index)


def get_transaction_by_hash_and_index(backend: Backend, hash: bytes, index: int) -> object:
    """The transaction at a place of a block given by hash."""
    return _transaction_at(backend, HashReference(hash), index)


def _transaction_at(backend: Backend, reference: BlockReference, index: int) -> object:
    view = find_view(backend, reference)
    if view is None or index >= len(view.placed):
        return None
    return format_transaction(view.placed[index], view)


def _pool(backend: Backend) -> Pool:
    if backend.pool is None:
        raise ResourceUnavailable("this node takes no transactions")
    return backend.pool


async def _submit(pool: Pool, raw: bytes) -> bytes:
    (answer,) = await pool.submit_many((raw,))
    if isinstance(answer, bytes):
        return answer
    raise _refusal(answer)


def _answer(answer: bytes | BraidError) -> object | RpcError:
    return data(answer) if isinstance(answer, bytes) else _refusal(answer)


def _refusal(reason: BraidError) -> RpcError:
    """What the sender hears of it."""
    if isinstance(reason, AdmissionError):
        text = str(reason)
        return ResourceUnavailable(text) if isinstance(reason, TemporaryError) else TransactionRejected(text)
    if isinstance(reason, TemporaryError):
        return ResourceUnavailable("the pool can not take transactions now, try again")
    metrics.INTERNAL_ERRORS.inc()
    logger.error("rpc_submission_failed", reason=repr(reason))
    return InternalError()


_RAW = required("transaction", read_data)
_HASH = required("transaction hash", read_hash)
_INDEX = required("index", read_uint64)

METHODS: tuple[Method, ...] = (
    replace(
        method("eth_sendRawTransaction", send_raw_transaction, _RAW, runs=Runs.ON_LOOP),
        together=send_raw_transactions,
        decoded=send_decoded_transactions,
    ),
    method(
        "eth_sendRawTransactionSync",
        send_raw_transaction_sync,
        _RAW,
        optional_or_none("timeout in milliseconds", read_count),
        runs=Runs.ON_LOOP,
    ),
    method("eth_getTransactionByHash", get_transaction_by_hash, _HASH, runs=Runs.ON_LOOP),
    method("eth_getTransactionReceipt", get_transaction_receipt, _HASH, runs=Runs.ON_LOOP),
    method(
        "eth_getTransactionByBlockNumberAndIndex",
        get_transaction_by_number_and_index,
        required("block", read_number_reference),
        _INDEX,
    ),
    method(
        "eth_getTransactionByBlockHashAndIndex",
        get_transaction_by_hash_and_index,
        required("block hash", read_hash),
        _INDEX,
    ),
)
