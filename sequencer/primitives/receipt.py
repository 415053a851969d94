"""
Receipts and logs in their consensus encoding (Yellow Paper 4.4.1; deposits.md, "Deposit Receipt").

Gas used by one transaction, its price, fees and contract address are not part of the encoding: they follow from the
block, and `rpc` computes them when somebody asks.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from contracts.keccak import keccak
from l1_bridge.rlp_codec import encode_integer, encode_rlp

from .deposit import DEPOSIT_TYPE
from .errors import DecodingError
from .fields import RlpItem, decode_list, read_bytes, read_int, read_list, read_sized

BLOOM_BYTES = 256

_EMPTY_BLOOM = bytes(BLOOM_BYTES)

CANYON_DEPOSIT_RECEIPT_VERSION = 1
"""Since Canyon a deposit's receipt says so, and its nonce is part of the encoding."""


@dataclass(frozen=True, slots=True)
class Log:
    """What a contract emitted: up to four 32-byte topics, and data."""

    address: bytes
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class Receipt:
    """Outcome of an included transaction; `status` is 1 for success; gas counts from the block's first transaction."""

    type: int
    status: int
    cumulative_gas_used: int
    bloom: bytes
    logs: tuple[Log, ...]
    deposit_nonce: int | None = None
    deposit_receipt_version: int | None = None
    raw: bytes = field(default=b"", init=False, compare=False, repr=False)
    """The encoding once somebody asked for it; who makes receipts natively puts it here at once. Empty: not made."""

    def encode(self) -> bytes:
        """The consensus encoding, with the type byte where there is one; made once."""
        if not self.raw:
            object.__setattr__(self, "raw", self._encode())  # derived from the other fields: no value changes
        return self.raw

    def _encode(self) -> bytes:
        fields: list[RlpItem] = [
            encode_integer(self.status),
            encode_integer(self.cumulative_gas_used),
            self.bloom,
            [[log.address, list(log.topics), log.data] for log in self.logs],
        ]
        if self.deposit_nonce is not None:
            fields.append(encode_integer(self.deposit_nonce))
            if self.deposit_receipt_version is not None:
                fields.append(encode_integer(self.deposit_receipt_version))
        payload = encode_rlp(fields)
        return bytes([self.type]) + payload if self.type else payload


def decode_receipt(data: bytes) -> Receipt:
    """Decode a consensus encoding; raise DecodingError with the fact that is wrong."""
    kind = data[0] if data and data[0] < 0x80 else 0
    items = decode_list(data[1:] if kind else data, "receipt")
    if not (len(items) == 4 or (kind == DEPOSIT_TYPE and len(items) in (5, 6))):
        raise DecodingError(f"receipt of type {kind} has {len(items)} items")
    return Receipt(
        type=kind,
        status=read_int(items[0], 1, "status"),
        cumulative_gas_used=read_int(items[1], 64, "cumulative gas used"),
        bloom=read_sized(items[2], BLOOM_BYTES, "bloom"),
        logs=tuple(_read_log(item) for item in read_list(items[3], "logs")),
        deposit_nonce=read_int(items[4], 64, "deposit nonce") if len(items) > 4 else None,
        deposit_receipt_version=read_int(items[5], 64, "deposit receipt version") if len(items) > 5 else None,
    )


def _read_log(item: RlpItem) -> Log:
    address, topics, data = read_list(item, "log", 3)
    return Log(
        address=read_sized(address, 20, "log address"),
        topics=tuple(read_sized(topic, 32, "log topic") for topic in read_list(topics, "log topics")),
        data=read_bytes(data, "log data"),
    )


def compute_logs_bloom(logs: Iterable[Log]) -> bytes:
    """The 2048-bit bloom filter over the addresses and topics of `logs`."""
    bits = 0
    for value in {value for log in logs for value in (log.address, *log.topics)}:
        digest = keccak(value)
        for offset in (0, 2, 4):
            bits |= 1 << (int.from_bytes(digest[offset : offset + 2], "big") & 0x7FF)
    return bits.to_bytes(BLOOM_BYTES, "big")


def merge_blooms(blooms: Sequence[bytes]) -> bytes:
    """The bloom of a block from those of its receipts."""
    bits = 0
    for bloom in blooms:
        if bloom != _EMPTY_BLOOM:  # most receipts have no logs
            bits |= int.from_bytes(bloom, "big")
    return bits.to_bytes(BLOOM_BYTES, "big")
