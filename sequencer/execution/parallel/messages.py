"""
What travels between the engine and its workers: compact tuples in `marshal` form behind a digest.

    to a worker     SOURCE   pickled StateSource, first of all
                    ADVANCE  hash of a block's parent, its own hash, what it changed
                    BLOCK    whether committed state that is known may be kept, pickled (environment, ticket)
                    DELTA    what the open block has changed since the last one
                    BATCH    batch id, slice number, fees, accounts and slots to prefetch, transactions
                    VALUES   batch id, flat values by flat key that the worker asked for; None: it will not hear them
    from a worker   READY
                    RESULTS  batch id, one result a transaction (None: no result), reads by tier, troubles with Redis
                    ASK      batch id, flat keys of the parent block's state without which the batch can not go on

The digest is compared before anything is decoded, so bytes that are not a whole message never reach the decoder.
"""

import hashlib
import marshal
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias, cast

from sequencer.execution.fees import FeeParameters
from sequencer.execution.transaction_execution import TransactionResult
from sequencer.primitives.receipt import BLOOM_BYTES, Log, compute_logs_bloom
from sequencer.primitives.transaction import AccessListEntry, Authorization, Transaction
from sequencer.state.changes import ChangeSet
from sequencer.state.metrics import TROUBLE_KINDS, TierCounts

from .metrics import WorkerReads

SOURCE, BLOCK, DELTA, BATCH, READY, RESULTS, ADVANCE, ASK, VALUES = range(9)

MAX_ASKED_KEYS = 8192
"""Keys in one question, at most."""

DIGEST_BYTES = 8
MAX_MESSAGE_BYTES = 1 << 30

AccountParts: TypeAlias = tuple[int, int, bytes]
"""Nonce, balance in wei, code hash."""

Slot: TypeAlias = tuple[bytes, int]
"""Address and slot."""

_EMPTY_BLOOM = bytes(BLOOM_BYTES)


class MalformedMessage(ValueError):
    """Bytes are not a whole message."""


class AccountUse(NamedTuple):
    """
    One account that a transaction loaded: what it looked at, what it needed, and what it made of it.

    `observed` and `minimum` are as in `ReadSet`; `after` counts only when `is_changed`.
    """

    address: bytes
    observed: int
    minimum: int
    before: AccountParts | None
    after: AccountParts | None
    is_changed: bool


class SpeculativeResult(NamedTuple):
    """What a transaction did in a worker, over the state that the worker saw."""

    status: int
    gas_used: int
    logs: tuple[tuple[bytes, tuple[bytes, ...], bytes], ...]
    bloom: bytes
    accounts: tuple[AccountUse, ...]
    slots: tuple[tuple[bytes, int, int], ...]
    """Slots that were read, with their values."""
    storage: tuple[tuple[bytes, int, int], ...]
    """Slots that were written, with their new values."""
    codes: tuple[tuple[bytes, bytes], ...]
    wiped: tuple[bytes, ...]
    payments: tuple[tuple[bytes, int], ...]
    microseconds: int
    """How long it took; for scheduling alone."""


class Delta(NamedTuple):
    """New values in the open block's state; an account of None is gone, `wiped` accounts lost their older storage."""

    accounts: tuple[tuple[bytes, AccountParts | None], ...]
    storage: tuple[tuple[bytes, int, int], ...]
    codes: tuple[tuple[bytes, bytes], ...]
    wiped: tuple[bytes, ...]


class Batch(NamedTuple):
    """Transactions for one worker, in their order, and the keys that they are expected to read."""

    batch_id: int
    slice_number: int
    fees: tuple[int, ...] | None
    accounts: tuple[bytes, ...]
    slots: tuple[Slot, ...]
    transactions: tuple[tuple[object, ...], ...]


def seal(kind: int, content: object) -> bytes:
    """A message with its digest; `content` is of tuples, bytes, integers, None."""
    data = marshal.dumps(cast(bytes, (kind, content)))  # the type of what can be marshalled has no name
    return hashlib.blake2b(data, digest_size=DIGEST_BYTES).digest() + data


def unseal(message: bytes) -> tuple[int, object]:
    """Kind and content of a message; raises MalformedMessage."""
    data = message[DIGEST_BYTES:]
    if hashlib.blake2b(data, digest_size=DIGEST_BYTES).digest() != message[:DIGEST_BYTES]:
        raise MalformedMessage(f"{len(message)} bytes do not have their digest")
    kind, content = cast("tuple[int, object]", marshal.loads(data))
    return kind, content


def pack_changes(changes: ChangeSet) -> tuple[object, ...]:
    """Changes in the order of `Delta`; an account that ends loses its storage."""
    ended = [address for address, account in changes.accounts.items() if account is None]
    return (
        tuple(
            (address, None if account is None else (account.nonce, account.balance, account.code_hash))
            for address, account in changes.accounts.items()
        ),
        tuple((address, slot, value) for address, slots in changes.storage.items() for slot, value in slots.items()),
        tuple(changes.codes.items()),
        (*changes.wiped, *ended),
    )


def pack_transaction(transaction: Transaction) -> tuple[object, ...]:
    """What a worker needs of a transaction: not its signature, the sender is known."""
    return (
        transaction.type,
        transaction.chain_id,
        transaction.nonce,
        transaction.max_priority_fee_per_gas,
        transaction.max_fee_per_gas,
        transaction.gas_limit,
        transaction.to,
        transaction.value,
        transaction.data,
        tuple((entry.address, entry.slots) for entry in transaction.access_list),
        tuple(
            (entry.chain_id, entry.address, entry.nonce, entry.y_parity, entry.r, entry.s)
            for entry in transaction.authorizations
        ),
        transaction.raw,
        transaction.sender,
        transaction.max_fee_per_blob_gas,
        transaction.blob_hashes,
    )


_Packed: TypeAlias = tuple[
    int,
    int | None,
    int,
    int,
    int,
    int,
    bytes | None,
    int,
    bytes,
    tuple[tuple[bytes, tuple[int, ...]], ...],
    tuple[tuple[int, bytes, int, int, int, int], ...],
    bytes,
    bytes,
    int,
    tuple[bytes, ...],
]


def unpack_transaction(packed: tuple[object, ...]) -> Transaction:
    """The transaction, without signature and hash."""
    (kind, chain_id, nonce, tip, cap, gas_limit, to, value, data, accesses, entries, raw, sender, blob_cap, blobs) = (
        cast(_Packed, packed)
    )
    return Transaction(
        type=kind,
        chain_id=chain_id,
        nonce=nonce,
        max_priority_fee_per_gas=tip,
        max_fee_per_gas=cap,
        gas_limit=gas_limit,
        to=to,
        value=value,
        data=data,
        access_list=tuple(AccessListEntry(address, slots) for address, slots in accesses),
        authorizations=tuple(Authorization(*entry) for entry in entries),
        y_parity=0,
        r=0,
        s=0,
        raw=raw,
        hash=b"",
        sender=sender,
        max_fee_per_blob_gas=blob_cap,
        blob_hashes=blobs,
    )


def pack_fees(fees: FeeParameters | None) -> tuple[int, ...] | None:
    """The block's fee parameters; None under plain Ethereum rules."""
    if fees is None:
        return None
    return (
        fees.l1_base_fee,
        fees.l1_blob_base_fee,
        fees.base_fee_scalar,
        fees.blob_base_fee_scalar,
        fees.operator_fee_scalar,
        fees.operator_fee_constant,
    )


def pack_result(result: TransactionResult, microseconds: int) -> tuple[object, ...]:
    """A worker's result, in the order of `SpeculativeResult`."""
    reads, changes = result.reads, result.changes
    observed, minimums, changed = reads.observed, reads.minimums, changes.accounts
    accounts = []
    for address, before in reads.accounts.items():
        parts = None if before is None else (before.nonce, before.balance, before.code_hash)
        after = changed.get(address)
        accounts.append(
            (
                address,
                observed.get(address, 0),
                minimums.get(address, 0),
                parts,
                None if after is None else (after.nonce, after.balance, after.code_hash),
                address in changed,
            )
        )
    return (
        result.status,
        result.gas_used,
        tuple((log.address, log.topics, log.data) for log in result.logs),
        compute_logs_bloom(result.logs) if result.logs else b"",
        tuple(accounts),
        tuple((address, slot, value) for (address, slot), value in reads.slots.items()),
        tuple((address, slot, value) for address, slots in changes.storage.items() for slot, value in slots.items()),
        tuple(changes.codes.items()),
        tuple(changes.wiped),
        tuple((payment.recipient, payment.amount) for payment in result.payments),
        microseconds,
    )


def pack_results(batch_id: int, results: Sequence[tuple[object, ...] | None], reads: WorkerReads) -> bytes:
    """The message that answers a batch."""
    counts = (*_tiers(reads.tiers), reads.overlay, reads.kept, *_tiers(reads.prefetched))
    return seal(RESULTS, (batch_id, tuple(results), counts, reads.troubles))


def unpack_results(content: object) -> tuple[int, list[SpeculativeResult | None], WorkerReads]:
    """Batch id, results and reads; raises MalformedMessage when the shape is wrong."""
    try:
        batch_id, packed, counts, troubles = cast(
            "tuple[int, tuple[tuple[object, ...] | None, ...], tuple[int, ...], tuple[int, ...]]", content
        )
        results = [None if item is None else SpeculativeResult._make(item) for item in packed]
        hits, misses, store, overlay, kept, *prefetched = counts
        if len(troubles) != len(TROUBLE_KINDS):
            raise MalformedMessage(f"{len(troubles)} counts of troubles")
        reads = WorkerReads(TierCounts(hits, misses, store), overlay, kept, TierCounts(*prefetched), tuple(troubles))
    except (TypeError, ValueError) as reason:
        raise MalformedMessage(str(reason)) from None
    return batch_id, results, reads


def unpack_question(content: object) -> tuple[int, tuple[bytes, ...]]:
    """Batch id and flat keys; raises MalformedMessage."""
    try:
        batch_id, keys = cast("tuple[int, tuple[bytes, ...]]", content)
        is_sound = len(keys) <= MAX_ASKED_KEYS and all(key[:1] in b"asc" for key in keys)
    except (TypeError, ValueError) as reason:
        raise MalformedMessage(str(reason)) from None
    if not is_sound:
        raise MalformedMessage("a question for too much, or for what is no key")
    return batch_id, keys


def read_logs(result: SpeculativeResult) -> tuple[Log, ...]:
    """The logs as receipts have them."""
    return tuple(Log(address, topics, data) for address, topics, data in result.logs)


def _tiers(counts: TierCounts) -> tuple[int, int, int]:
    return counts.redis_hits, counts.redis_misses, counts.store_reads
