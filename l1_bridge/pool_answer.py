"""
What a node's pool means when it refuses a transaction.

JSON-RPC has no codes for this, so the words decide; they are those of
go-ethereum, which reth, Nethermind, Erigon, anvil and our own node follow more
or less. Words that are not known count as temporary: trying again is harmless.
"""

import enum

from l1_bridge.errors import L1Refused

REVERT_CODE = 3
"""JSON-RPC: execution reverted."""

REVERT_WORDS = ("revert", "invalid opcode", "out of gas", "gas required exceeds", "invalid jump", "stack underflow")


TOO_MANY_BLOBS = "too many blobs"
"""go-ethereum's words for a transaction with more than it takes."""

BLOB_LIMIT_WORDS = (TOO_MANY_BLOBS, "blob limit exceeded")


class PoolAnswer(enum.Enum):
    """What to do with a refused transaction."""

    ALREADY_THERE = enum.auto()
    """The pool has it: as good as taken."""
    UNDERPRICED = enum.auto()
    """Another one has its nonce, or fees are below what the pool takes: offer more."""
    NONCE_USED = enum.auto()
    """A transaction with its nonce is mined: look for a receipt."""
    OTHER_KIND = enum.auto()
    """The account is reserved for the other kind, blob or plain: what is in the pool has to go first."""
    UNFUNDED = enum.auto()
    """The account can not pay for it."""
    TEMPORARY = enum.auto()
    """Nothing wrong with the transaction itself, or not known what: try again."""
    NEVER = enum.auto()
    """No pool will take this transaction."""


WORDS: tuple[tuple[str, PoolAnswer], ...] = (
    ("already known", PoolAnswer.ALREADY_THERE),
    ("already imported", PoolAnswer.ALREADY_THERE),
    ("alreadyknown", PoolAnswer.ALREADY_THERE),
    ("known transaction", PoolAnswer.ALREADY_THERE),
    ("already reserved", PoolAnswer.OTHER_KIND),
    ("insufficient funds", PoolAnswer.UNFUNDED),
    ("insufficient balance", PoolAnswer.UNFUNDED),
    ("underpriced", PoolAnswer.UNDERPRICED),
    ("less than block base fee", PoolAnswer.UNDERPRICED),
    ("less than the block's base fee", PoolAnswer.UNDERPRICED),
    ("fee cap less than", PoolAnswer.UNDERPRICED),
    ("feetoolow", PoolAnswer.UNDERPRICED),
    ("nonce too low", PoolAnswer.NONCE_USED),
    ("nonce is too low", PoolAnswer.NONCE_USED),
    ("oldnonce", PoolAnswer.NONCE_USED),
    ("exceeds block gas limit", PoolAnswer.NEVER),
    ("exceeds transaction gas limit", PoolAnswer.NEVER),
    ("intrinsic gas too low", PoolAnswer.NEVER),
    ("intrinsic gas too high", PoolAnswer.NEVER),
    ("floor data gas", PoolAnswer.NEVER),
    ("oversized data", PoolAnswer.NEVER),
    *((words, PoolAnswer.NEVER) for words in BLOB_LIMIT_WORDS),
    ("missing sidecar", PoolAnswer.NEVER),
    ("invalid sidecar", PoolAnswer.NEVER),
    ("max initcode size exceeded", PoolAnswer.NEVER),
    ("invalid sender", PoolAnswer.NEVER),
    ("invalid chain id", PoolAnswer.NEVER),
    ("transaction type not supported", PoolAnswer.NEVER),
)
"""Searched in this order in the lower-case message."""


def classify_refusal(message: str) -> PoolAnswer:
    """What the pool means by `message`."""
    lowered = message.lower()
    return next((answer for words, answer in WORDS if words in lowered), PoolAnswer.TEMPORARY)


def is_blob_limit(message: str) -> bool:
    """Whether it is the number of blobs that is refused: fewer may be taken."""
    return any(words in message.lower() for words in BLOB_LIMIT_WORDS)


def is_revert(error: L1Refused) -> bool:
    """Whether an estimate was refused because the transaction would fail, whatever is paid."""
    message = error.message.lower()
    return error.code == REVERT_CODE or any(words in message for words in REVERT_WORDS)
