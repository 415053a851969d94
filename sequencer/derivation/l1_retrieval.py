"""
L1 retrieval: which transactions of an L1 block carry batches, and their data (derivation.md, "L1 Retrieval").

A transaction counts when it goes to the inbox, comes from the batcher of the system config as of that very block, and
has a type that carries data: 0, 1, 2, or 0x7E where L1 is itself an OP Stack chain. Blob transactions (type 3) carry
their data in blobs, one piece each; their calldata is ignored. Set-code transactions (type 4) never count. Whether the
transaction succeeded does not matter. A blob that holds no data is as if it was not there; one that can not be had is
waited for.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeAlias

from batcher.codec.blob import decode_blob
from batcher.codec.errors import MalformedBlob
from l1_bridge.types import L1Transaction

from . import metrics

CALLDATA_TYPES = frozenset({0, 1, 2, 0x7E})
BLOB_TYPE = 3


@dataclass(frozen=True, slots=True)
class BlobReference:
    """Data that stands in a blob."""

    hash: bytes
    """Versioned hash (EIP-4844)."""


BatcherData: TypeAlias = bytes | BlobReference
"""One piece of data of the batcher: calldata, or a blob that is still to be had."""


def select_batcher_data(transactions: Iterable[L1Transaction], inbox: bytes, batcher: bytes) -> tuple[BatcherData, ...]:
    """Data of the batcher transactions of one L1 block, in order."""
    data: list[BatcherData] = []
    for transaction in transactions:
        if transaction.to != inbox:
            continue
        verdict = _judge(transaction, batcher)
        metrics.TRANSACTIONS.labels(verdict).inc()
        if verdict == "read":
            data.append(transaction.data)
        elif verdict == "blobs":
            data += map(BlobReference, transaction.blob_hashes)
    return tuple(data)


def find_blob_hashes(transactions: Iterable[L1Transaction], inbox: bytes, batcher: bytes) -> tuple[bytes, ...]:
    """Versioned hashes of the blobs that `select_batcher_data` will name."""
    return tuple(
        hash
        for transaction in transactions
        if transaction.to == inbox and _judge(transaction, batcher) == "blobs"
        for hash in transaction.blob_hashes
    )


def guess_data(
    transactions: Iterable[L1Transaction], inbox: bytes, batcher: bytes, blobs: Mapping[bytes, bytes]
) -> Iterator[bytes]:
    """What `select_batcher_data` and `open_blobs` will give, without what lacks now; nothing of it is counted."""
    for transaction in transactions:
        if transaction.to != inbox:
            continue
        verdict = _judge(transaction, batcher)
        if verdict == "read":
            yield transaction.data
        for hash in transaction.blob_hashes if verdict == "blobs" else ():
            with suppress(KeyError, MalformedBlob):
                yield decode_blob(blobs[hash])


def open_blobs(data: Sequence[BatcherData], blobs: Mapping[bytes, bytes]) -> tuple[bytes, ...]:
    """The data, with what stands in `blobs` in the place of references to it."""
    opened: list[bytes] = []
    for piece in data:
        if not isinstance(piece, BlobReference):
            opened.append(piece)
            continue
        try:
            opened.append(decode_blob(blobs[piece.hash]))
            metrics.BLOBS.labels("read").inc()
        except MalformedBlob:
            metrics.BLOBS.labels("malformed").inc()
    return tuple(opened)


def _judge(transaction: L1Transaction, batcher: bytes) -> str:
    if transaction.type not in CALLDATA_TYPES and transaction.type != BLOB_TYPE:
        return "type"
    if transaction.sender != batcher:
        return "foreign"
    return "blobs" if transaction.type == BLOB_TYPE else "read"
