"""
Many raw transactions in one call: decoded, and their senders recovered, on all cores where the extension is.

Recovery is what a transaction costs before it is executed (40 microseconds on one core), so whoever holds several hands
them in together. `decode_transaction` says what a transaction is; the extension only does it faster. What the
extension refuses, Python is asked about, so the reason is the same with and without it.
"""

from collections.abc import Sequence
from typing import TypeAlias

from sequencer.native import extension

from .errors import TransactionDecodingError
from .transaction import Transaction, decode_transaction

Decoding: TypeAlias = Transaction | TransactionDecodingError


def decode_transactions(raws: Sequence[bytes]) -> list[Decoding]:
    """A transaction, or why it is none, for each of `raws`; for any thread, the GIL is free meanwhile."""
    if extension is None:
        return [_decode(raw) for raw in raws]
    return explain_refusals(raws, extension.recover_transactions(raws))


def explain_refusals(raws: Sequence[bytes], found: Sequence[Decoding | None]) -> list[Decoding]:
    """What the extension found in `raws`, with Python's reason for each that it refused."""
    return [_decode(raw) if made is None else made for raw, made in zip(raws, found, strict=True)]


def _decode(raw: bytes) -> Decoding:
    try:
        return decode_transaction(raw)
    except TransactionDecodingError as reason:
        return reason
