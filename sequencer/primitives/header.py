"""
Block headers at Prague level (both rule sets), and the EIP-1559 parameters that an OP Stack header carries.

Sources: Yellow Paper 4.3, EIP-1559, EIP-4895, EIP-4844, EIP-4788, EIP-7685; specs, holocene/exec-engine.md for
`extraData`, and isthmus/exec-engine.md: `withdrawalsRoot` is the storage root of the message passer.
"""

from dataclasses import dataclass
from hashlib import sha256

from contracts.keccak import keccak
from l1_bridge.rlp_codec import encode_integer, encode_rlp

from .errors import DecodingError
from .fields import RlpItem, decode_list, read_bytes, read_int, read_list, read_sized
from .receipt import BLOOM_BYTES

EMPTY_OMMERS_HASH = keccak(b"\xc0")
"""Hash of an empty list of uncles: every block since the merge."""

EMPTY_REQUESTS_HASH = sha256(b"").digest()
"""Requests hash of a block without execution requests (EIP-7685)."""

HOLOCENE_EXTRA_DATA_BYTES = 9
"""Version byte 0, denominator u32, elasticity u32."""


@dataclass(frozen=True, slots=True)
class Header:
    """A block header; times in seconds, gas price in wei. `hash` is computed at each use: keep it with the block."""

    parent_hash: bytes
    fee_recipient: bytes
    state_root: bytes
    transactions_root: bytes
    receipts_root: bytes
    logs_bloom: bytes
    number: int
    gas_limit: int
    gas_used: int
    timestamp: int
    extra_data: bytes
    prev_randao: bytes
    base_fee_per_gas: int
    withdrawals_root: bytes
    parent_beacon_block_root: bytes
    blob_gas_used: int = 0
    excess_blob_gas: int = 0
    requests_hash: bytes = EMPTY_REQUESTS_HASH

    def encode(self) -> bytes:
        """The RLP encoding."""
        return encode_rlp(self.to_rlp())

    def to_rlp(self) -> list[bytes]:
        """The list of fields that RLP encodes."""
        return [
            self.parent_hash,
            EMPTY_OMMERS_HASH,
            self.fee_recipient,
            self.state_root,
            self.transactions_root,
            self.receipts_root,
            self.logs_bloom,
            b"",  # difficulty: zero since the merge
            encode_integer(self.number),
            encode_integer(self.gas_limit),
            encode_integer(self.gas_used),
            encode_integer(self.timestamp),
            self.extra_data,
            self.prev_randao,
            bytes(8),  # nonce: zero since the merge
            encode_integer(self.base_fee_per_gas),
            self.withdrawals_root,
            encode_integer(self.blob_gas_used),
            encode_integer(self.excess_blob_gas),
            self.parent_beacon_block_root,
            self.requests_hash,
        ]

    def compute_hash(self) -> bytes:
        """The block hash."""
        return keccak(self.encode())


def header_from_rlp(item: RlpItem) -> Header:
    """A header from its decoded RLP list; raise DecodingError with the field that is wrong."""
    fields = read_list(item, "header", 21)
    if read_sized(fields[1], 32, "ommers hash") != EMPTY_OMMERS_HASH:
        raise DecodingError("header names uncles")
    if read_int(fields[7], 256, "difficulty") != 0 or read_sized(fields[14], 8, "nonce") != bytes(8):
        raise DecodingError("header has difficulty or a nonce")
    return Header(
        parent_hash=read_sized(fields[0], 32, "parent hash"),
        fee_recipient=read_sized(fields[2], 20, "fee recipient"),
        state_root=read_sized(fields[3], 32, "state root"),
        transactions_root=read_sized(fields[4], 32, "transactions root"),
        receipts_root=read_sized(fields[5], 32, "receipts root"),
        logs_bloom=read_sized(fields[6], BLOOM_BYTES, "logs bloom"),
        number=read_int(fields[8], 64, "number"),
        gas_limit=read_int(fields[9], 64, "gas limit"),
        gas_used=read_int(fields[10], 64, "gas used"),
        timestamp=read_int(fields[11], 64, "timestamp"),
        extra_data=read_bytes(fields[12], "extra data"),
        prev_randao=read_sized(fields[13], 32, "prev randao"),
        base_fee_per_gas=read_int(fields[15], 256, "base fee"),
        withdrawals_root=read_sized(fields[16], 32, "withdrawals root"),
        blob_gas_used=read_int(fields[17], 64, "blob gas used"),
        excess_blob_gas=read_int(fields[18], 64, "excess blob gas"),
        parent_beacon_block_root=read_sized(fields[19], 32, "parent beacon block root"),
        requests_hash=read_sized(fields[20], 32, "requests hash"),
    )


def decode_header(data: bytes) -> Header:
    """Decode an RLP header; raise DecodingError with the fact that is wrong."""
    return header_from_rlp(decode_list(data, "header"))


def encode_holocene_extra_data(denominator: int, elasticity: int) -> bytes:
    """`extraData` that tells the next block how to compute its base fee."""
    return b"\0" + denominator.to_bytes(4, "big") + elasticity.to_bytes(4, "big")


def decode_holocene_extra_data(extra_data: bytes) -> tuple[int, int]:
    """(denominator, elasticity) from `extraData`; raise DecodingError where a Holocene header can not hold it."""
    if len(extra_data) != HOLOCENE_EXTRA_DATA_BYTES or extra_data[0] != 0:
        raise DecodingError(f"extra data {extra_data.hex()} is not of Holocene form")
    denominator, elasticity = int.from_bytes(extra_data[1:5], "big"), int.from_bytes(extra_data[5:9], "big")
    if denominator == 0 or elasticity == 0:
        raise DecodingError("extra data holds a zero EIP-1559 parameter")
    return denominator, elasticity


def compute_base_fee(parent: Header, denominator: int, elasticity: int) -> int:
    """Base fee in wei of the block after `parent` (EIP-1559), with the given parameters."""
    target = parent.gas_limit // elasticity
    base_fee = parent.base_fee_per_gas
    if parent.gas_used == target:
        return base_fee
    if parent.gas_used > target:
        return base_fee + max(base_fee * (parent.gas_used - target) // target // denominator, 1)
    return max(base_fee - base_fee * (target - parent.gas_used) // target // denominator, 0)
