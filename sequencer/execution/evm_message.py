"""
What goes into the EVM, and what comes out: the values on both sides of `evm`, for those who run nothing themselves.

They stand apart so that a node whose engine is native never loads py-evm: that is a third of its start.
"""

from dataclasses import dataclass

from sequencer.primitives.receipt import Log


@dataclass(frozen=True, slots=True)
class EvmMessage:
    """The outermost message of a transaction; `to` None creates a contract at `created`. Value and price in wei."""

    sender: bytes
    to: bytes | None
    value: int
    data: bytes
    gas: int
    gas_price: int
    created: bytes | None = None
    blob_hashes: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class EvmResult:
    """How a message ended; `error` is None on success. `refund` counts gas from cleared storage, not yet capped."""

    gas_left: int
    refund: int
    output: bytes
    error: str | None
    logs: tuple[Log, ...]
    destroyed: tuple[bytes, ...]
