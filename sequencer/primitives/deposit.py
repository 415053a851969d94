"""
Deposit transactions, type 0x7E: what L1 tells L2 to execute (specs, deposits.md).

They have no signature and pay no fee; the source hash makes each one unique. They come from L1 alone: over RPC and
in batches they are refused.
"""

from dataclasses import dataclass
from functools import cached_property

from contracts.keccak import keccak
from l1_bridge.deposits import DepositEvent
from l1_bridge.rlp_codec import encode_integer, encode_rlp

from .errors import DecodingError, TransactionDecodingError
from .fields import decode_list, read_bytes, read_int, read_list, read_recipient, read_sized

DEPOSIT_TYPE = 0x7E


@dataclass(frozen=True)
class DepositTransaction:
    """A deposit; `mint` and `value` in wei, `to` is None for a creation."""

    source_hash: bytes
    sender: bytes
    to: bytes | None
    mint: int
    value: int
    gas_limit: int
    is_system: bool
    data: bytes

    @property
    def type(self) -> int:
        """The EIP-2718 type byte."""
        return DEPOSIT_TYPE

    @cached_property
    def raw(self) -> bytes:
        """The EIP-2718 encoding."""
        return bytes([DEPOSIT_TYPE]) + encode_rlp(
            [
                self.source_hash,
                self.sender,
                self.to or b"",
                encode_integer(self.mint),
                encode_integer(self.value),
                encode_integer(self.gas_limit),
                encode_integer(int(self.is_system)),
                self.data,
            ]
        )

    @cached_property
    def hash(self) -> bytes:
        """The transaction hash."""
        return keccak(self.raw)

    @classmethod
    def from_event(cls, event: DepositEvent) -> "DepositTransaction":
        """The deposit that a `TransactionDeposited` event orders."""
        return cls(
            source_hash=event.source_hash,
            sender=event.sender,
            to=event.to,
            mint=event.mint,
            value=event.value,
            gas_limit=event.gas_limit,
            is_system=False,
            data=event.data,
        )


def decode_deposit(raw: bytes) -> DepositTransaction:
    """Decode a canonical deposit transaction; raise TransactionDecodingError with the fact that is wrong."""
    if raw[:1] != bytes([DEPOSIT_TYPE]):
        raise TransactionDecodingError("not a deposit transaction")
    items = decode_list(raw[1:], "deposit transaction", TransactionDecodingError)
    try:
        read_list(items, "deposit transaction", 8)
        return DepositTransaction(
            source_hash=read_sized(items[0], 32, "source hash"),
            sender=read_sized(items[1], 20, "from"),
            to=read_recipient(items[2], "to"),
            mint=read_int(items[3], 128, "mint"),
            value=read_int(items[4], 256, "value"),
            gas_limit=read_int(items[5], 64, "gas limit"),
            is_system=bool(read_int(items[6], 1, "is system")),
            data=read_bytes(items[7], "data"),
        )
    except TransactionDecodingError:
        raise
    except DecodingError as reason:
        raise TransactionDecodingError(str(reason)) from None
