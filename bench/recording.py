"""
A block's transactions as the simulator takes them: what each reads and writes, and how long it runs.

Reads and writes are those that the serial engine tells of its open block. An account counts as read by its own sender
alone, and as written where its nonce or its code changes: balances that are only added to merge at the commit and order
nobody. The share of each transaction in the block's time is the serial engine's, one after another, the least of three
passes; the whole is what the fastest engine of one thread took.
"""

import time
from collections.abc import Callable, Sequence

from sequencer.execution.access_list import TransactionAccess
from sequencer.execution.interface import OpenBlock
from sequencer.primitives.transaction import Transaction
from sequencer.state.flat import decode_account

from .simulator import SimulatedTransaction

PASSES = 3
"""A pass that was interrupted by others on the same cores would make one transaction heavy."""


def record_block(
    open_block: Callable[[], OpenBlock], transactions: Sequence[Transaction], block_seconds: float
) -> tuple[SimulatedTransaction, ...]:
    """Run the block again, on what `open_block` opens (the serial engine); the times add up to `block_seconds`."""
    seconds = [
        min(times) for times in zip(*(_run_times(open_block(), transactions) for _ in range(PASSES)), strict=True)
    ]
    opened = open_block()
    opened.apply(transactions)
    accesses = opened.accesses()[-len(transactions) :]
    opened.abandon()
    scale = 1e9 * block_seconds / sum(seconds)
    identities: dict[bytes, tuple[int, bytes]] = {}
    recorded = []
    for transaction, access, taken in zip(transactions, accesses, seconds, strict=True):
        reads = {key for key in access.reads if key[:1] == b"s"} | {b"a" + transaction.sender}
        writes = frozenset(_ordering_writes(access, identities))
        recorded.append(SimulatedTransaction(frozenset(reads), writes, max(round(scale * taken), 1)))
    return tuple(recorded)


def _run_times(opened: OpenBlock, transactions: Sequence[Transaction]) -> list[float]:
    seconds = []
    for transaction in transactions:
        start = time.perf_counter()
        opened.apply([transaction])
        seconds.append(time.perf_counter() - start)
    opened.abandon()
    return seconds


def _ordering_writes(access: TransactionAccess, identities: dict[bytes, tuple[int, bytes]]) -> list[bytes]:
    """Keys whose new value somebody may have to wait for; `identities` has nonce and code of accounts so far."""
    keys = []
    for key, value in access.writes:
        if key[:1] == b"s":
            keys.append(key)
            continue
        identity = _identity(value)
        before = identities.get(key) or _identity(access.accounts_before.get(key, b""))
        if identity != before:
            keys.append(key)
        identities[key] = identity
    return keys


def _identity(value: bytes) -> tuple[int, bytes]:
    account = decode_account(value)
    return (0, b"") if account is None else (account.nonce, account.code_hash)
