"""
L1 retrieval: which transactions of an L1 block carry batches (derivation.md, "L1 Retrieval").

A transaction counts when it goes to the inbox, comes from the batcher of the system config as of that very block, and
has a type that carries data: 0, 1, 2, or 0x7E where L1 is itself an OP Stack chain. Blob transactions (type 3) carry
their data in blobs, which are not read: they are counted and left out. Set-code transactions (type 4) never count.
Whether the transaction succeeded does not matter.
"""

from collections.abc import Iterable

from l1_bridge.types import L1Transaction

from . import metrics

CALLDATA_TYPES = frozenset({0, 1, 2, 0x7E})
BLOB_TYPE = 3


def select_batcher_data(transactions: Iterable[L1Transaction], inbox: bytes, batcher: bytes) -> tuple[bytes, ...]:
    """Data of the batcher transactions of one L1 block, in order."""
    data: list[bytes] = []
    for transaction in transactions:
        if transaction.to != inbox:
            continue
        verdict = _judge(transaction, batcher)
        metrics.TRANSACTIONS.labels(verdict).inc()
        if verdict == "read":
            data.append(transaction.data)
    return tuple(data)


def _judge(transaction: L1Transaction, batcher: bytes) -> str:
    if transaction.type not in CALLDATA_TYPES and transaction.type != BLOB_TYPE:
        return "type"
    if transaction.sender != batcher:
        return "foreign"
    return "blobs" if transaction.type == BLOB_TYPE else "read"
