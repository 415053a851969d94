"""
The first transaction of an L2 block, read for the L1 origin (isthmus/l1-attributes.md).

    0x7E | rlp([source hash, from, to, mint, value, gas, is system, data])
    data = selector of setL1BlockValuesIsthmus()
         | base fee scalar u32 | blob base fee scalar u32 | sequence number u64 | L1 time u64 | L1 number u64
         | base fee u256 | blob base fee u256 | L1 hash | batcher hash
         | operator fee scalar u32 | operator fee constant u64

Only what a batch says again is read: number and hash of the L1 block, and the
sequence number.
"""

import struct
from dataclasses import dataclass

from batcher.codec.errors import MalformedData, MalformedRlp
from batcher.codec.rlp_items import decode_item, decode_string, iterate_items
from contracts.keccak import keccak
from l1_bridge.types import BlockId

DEPOSIT_TYPE = 0x7E
"""EIP-2718 type of deposits; they are derived from L1 and never posted."""

ISTHMUS_SELECTOR = keccak(b"setL1BlockValuesIsthmus()")[:4]
"""First four bytes of the calldata."""

ISTHMUS_DATA_BYTES = 176
"""Calldata, selector included."""

_DATA_FIELD = 7
_FIELDS = 8
_LAYOUT = struct.Struct(">4s8xQ8xQ32x32x32s32x12x")


class MalformedAttributes(MalformedData):
    """The first transaction of a block is not an L1 attributes deposit of a level that we speak."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class BlockEpoch:
    """Which epoch a block belongs to, and where in it."""

    l1_origin: BlockId
    sequence_number: int


def is_deposit(transaction: bytes) -> bool:
    """The transaction is a deposit."""
    return transaction[:1] == bytes([DEPOSIT_TYPE])


def decode_epoch(transaction: bytes) -> BlockEpoch:
    """L1 origin and sequence number from an attributes deposit; raises `MalformedAttributes`."""
    if not is_deposit(transaction):
        raise MalformedAttributes("not a deposit")
    try:
        deposit = decode_item(transaction, 1, len(transaction))
        fields = list(iterate_items(transaction, deposit)) if deposit.is_list else []
        if len(fields) != _FIELDS or deposit.end != len(transaction):
            raise MalformedAttributes(f"a deposit is one list of {_FIELDS} fields")
        data = decode_string(transaction, fields[_DATA_FIELD])
    except MalformedRlp as error:
        raise MalformedAttributes(str(error)) from error
    if len(data) != ISTHMUS_DATA_BYTES or data[:4] != ISTHMUS_SELECTOR:
        raise MalformedAttributes(f"{len(data)} B of calldata with selector 0x{data[:4].hex()}")
    _, sequence_number, number, block_hash = _LAYOUT.unpack(data)
    return BlockEpoch(BlockId(number, block_hash), sequence_number)
