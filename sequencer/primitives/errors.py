"""Facts that can be wrong with bytes that claim to be a transaction, receipt, header or block."""

from l1_bridge.errors import BraidError


class DecodingError(BraidError):
    """Bytes do not encode the value that they claim to; the message states the fact that is wrong."""


class TransactionDecodingError(DecodingError):
    """Bytes are not a canonical transaction of a type that this chain accepts."""


class UnsupportedTransactionType(TransactionDecodingError):
    """The type byte names no transaction of this chain (blob transactions among them)."""

    def __init__(self, transaction_type: int) -> None:
        super().__init__(f"transaction type {transaction_type:#04x} is not supported")
        self.transaction_type = transaction_type


class BadSignature(TransactionDecodingError):
    """The signature recovers to no key, or its s lies in the upper half of the curve order (EIP-2)."""
