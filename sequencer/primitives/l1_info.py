"""
L1 attributes: the first transaction of each L2 block, which tells L2 about its L1 origin.

Calldata of `setL1BlockValuesIsthmus()`, 176 bytes, packed (specs, isthmus/l1-attributes.md):

    selector 4 | base fee scalar u32 | blob base fee scalar u32 | sequence number u64 | L1 time u64 | L1 number u64 |
    base fee u256 | blob base fee u256 | L1 hash 32 | batcher hash 32 | operator fee scalar u32 | constant u64
"""

import struct
from dataclasses import dataclass

from l1_bridge.deposits import l1_info_source_hash
from l1_bridge.types import BlockId

from .deposit import DepositTransaction
from .errors import DecodingError
from .predeploys import L1_ATTRIBUTES_DEPOSITOR, L1_BLOCK

SELECTOR = bytes.fromhex("098999be")
"""First four bytes of keccak("setL1BlockValuesIsthmus()")."""

CALLDATA_BYTES = 176

ATTRIBUTES_GAS_LIMIT = 1_000_000
"""Gas of the attributes transaction since Regolith."""

_FORMAT = struct.Struct(">4sIIQQQ32s32s32s32sIQ")


@dataclass(frozen=True, slots=True)
class L1BlockInfo:
    """What an L2 block knows of its L1 origin; fees in wei; scalars as the system config has them."""

    number: int
    timestamp: int
    base_fee: int
    blob_base_fee: int
    hash: bytes
    sequence_number: int
    batcher_address: bytes
    base_fee_scalar: int
    blob_base_fee_scalar: int
    operator_fee_scalar: int
    operator_fee_constant: int

    @property
    def origin(self) -> BlockId:
        """The L1 block."""
        return BlockId(number=self.number, hash=self.hash)

    def encode_calldata(self) -> bytes:
        """The attributes transaction's 176 bytes of calldata."""
        return _FORMAT.pack(
            SELECTOR,
            self.base_fee_scalar,
            self.blob_base_fee_scalar,
            self.sequence_number,
            self.timestamp,
            self.number,
            self.base_fee.to_bytes(32, "big"),
            self.blob_base_fee.to_bytes(32, "big"),
            self.hash,
            self.batcher_address.rjust(32, b"\0"),
            self.operator_fee_scalar,
            self.operator_fee_constant,
        )

    def to_deposit(self) -> DepositTransaction:
        """The attributes transaction itself."""
        return DepositTransaction(
            source_hash=l1_info_source_hash(self.hash, self.sequence_number),
            sender=L1_ATTRIBUTES_DEPOSITOR,
            to=L1_BLOCK,
            mint=0,
            value=0,
            gas_limit=ATTRIBUTES_GAS_LIMIT,
            is_system=False,
            data=self.encode_calldata(),
        )


def decode_l1_info(calldata: bytes) -> L1BlockInfo:
    """Read an attributes transaction's calldata; raise DecodingError when it is not of Isthmus form."""
    if len(calldata) != CALLDATA_BYTES or calldata[:4] != SELECTOR:
        raise DecodingError("L1 attributes are not of Isthmus form")
    (_, base_scalar, blob_scalar, sequence, time, number, base_fee, blob_fee, l1_hash, batcher, operator, constant) = (
        _FORMAT.unpack(calldata)
    )
    return L1BlockInfo(
        number=number,
        timestamp=time,
        base_fee=int.from_bytes(base_fee, "big"),
        blob_base_fee=int.from_bytes(blob_fee, "big"),
        hash=l1_hash,
        sequence_number=sequence,
        batcher_address=batcher[12:],
        base_fee_scalar=base_scalar,
        blob_base_fee_scalar=blob_scalar,
        operator_fee_scalar=operator,
        operator_fee_constant=constant,
    )
