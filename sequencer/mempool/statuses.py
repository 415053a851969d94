"""
The life of a transaction, as `braid_transactionStatus` tells it.

    received <-> queued          in the pool: ready, or waiting for something that is named
        -> preconfirmed          executed in the open block, its slice is durable
        -> sealed -> safe -> finalized      what the chain says of its block
    dropped | replaced | rejected           ended without a block, with the reason (kept for a bounded number of them)
"""

from dataclasses import dataclass
from enum import Enum


class TransactionState(Enum):
    """Where a transaction stands; the value is what users see."""

    UNKNOWN = "unknown"
    RECEIVED = "received"
    QUEUED = "queued"
    PRECONFIRMED = "preconfirmed"
    SEALED = "sealed"
    SAFE = "safe"
    FINALIZED = "finalized"
    DROPPED = "dropped"
    """The pool gave it up: full, or waited too long."""
    REPLACED = "replaced"
    """Another transaction of the sender took its nonce."""
    REJECTED = "rejected"
    """It was found invalid for good when its turn came."""


@dataclass(frozen=True, slots=True)
class TransactionStatus:
    """A transaction's state with what belongs to it; parts that do not apply are None."""

    state: TransactionState
    reason: str | None = None
    """Queued: what it waits for. Ended: why."""
    block_number: int | None = None
    slice_index: int | None = None
    index: int | None = None
    """Preconfirmed: its place among the block's user transactions."""


def chain_status(block_number: int, *, safe_number: int, finalized_number: int) -> TransactionStatus:
    """Status of a transaction that the chain holds in that block."""
    if block_number <= finalized_number:
        state = TransactionState.FINALIZED
    elif block_number <= safe_number:
        state = TransactionState.SAFE
    else:
        state = TransactionState.SEALED
    return TransactionStatus(state=state, block_number=block_number)
