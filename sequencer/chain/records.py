"""
Blocks, receipts and their indexes in the store: what one commit writes beside the state, and how it is read back.

A ref is 120 bytes: hash 32 | parent hash 32 | time 8 | L1 origin number 8, hash 32 | sequence number 8.
"""

import struct
from dataclasses import dataclass

from batcher.l2_source import L2BlockRef
from l1_bridge.rlp_codec import decode_rlp, encode_rlp
from l1_bridge.types import ZERO_HASH, BlockId
from sequencer.primitives.block import Block, decode_block
from sequencer.primitives.receipt import Receipt, decode_receipt
from sequencer.state.store import ReadTransaction, Table, WriteTransaction
from sequencer.state.world_state import decode_block_id, encode_block_id, number_key

from .attributes_builder import read_l1_info

NO_ORIGIN = BlockId(0, ZERO_HASH)
"""L1 origin of the blocks of a chain that has no L1."""

_REF = struct.Struct(">32s32sQQ32sQ")
_POSITION = struct.Struct(">QI")


@dataclass(frozen=True, slots=True)
class TransactionPosition:
    """Where a transaction stands: block number, and index in the block from 0."""

    number: int
    index: int


def make_ref(block: Block, is_optimism: bool) -> L2BlockRef:
    """The ref of a block after genesis; its L1 origin is what its first transaction says, under OP rules."""
    origin, sequence_number = NO_ORIGIN, 0
    if is_optimism:
        info = read_l1_info(block)
        origin, sequence_number = info.origin, info.sequence_number
    header = block.header
    return L2BlockRef(header.number, block.hash, header.parent_hash, header.timestamp, origin, sequence_number)


def put_block(transaction: WriteTransaction, block: Block, receipts: tuple[Receipt, ...], ref: L2BlockRef) -> None:
    """Write the block with its receipts and every index that leads to it."""
    number = number_key(block.number)
    transaction.put(Table.BLOCKS, number, block.encode())
    transaction.put(Table.RECEIPTS, number, encode_rlp([receipt.encode() for receipt in receipts]))
    transaction.put(Table.REFS, number, _encode_ref(ref))
    transaction.put(Table.NUMBERS, block.hash, number)
    transaction.put_all(
        Table.TRANSACTIONS,
        ((entry.hash, _POSITION.pack(block.number, index)) for index, entry in enumerate(block.transactions)),
    )


def delete_block(transaction: WriteTransaction, block: Block) -> None:
    """Remove all that `put_block` wrote, and the mark of what the block was derived from."""
    number = number_key(block.number)
    for table in (Table.BLOCKS, Table.RECEIPTS, Table.REFS, Table.DERIVED):
        transaction.delete(table, number)
    transaction.delete(Table.NUMBERS, block.hash)
    for entry in block.transactions:
        transaction.delete(Table.TRANSACTIONS, entry.hash)


def get_block_or_none(transaction: ReadTransaction, number: int) -> Block | None:
    """The block with that number."""
    data = transaction.get(Table.BLOCKS, number_key(number))
    return None if data is None else decode_block(data)


def get_receipts_or_none(transaction: ReadTransaction, number: int) -> tuple[Receipt, ...] | None:
    """Receipts of the block with that number, in the order of its transactions."""
    data = transaction.get(Table.RECEIPTS, number_key(number))
    if data is None:
        return None
    return tuple(decode_receipt(item) for item in decode_rlp(data) if isinstance(item, bytes))


def get_ref_or_none(transaction: ReadTransaction, number: int) -> L2BlockRef | None:
    """The ref of the block with that number."""
    data = transaction.get(Table.REFS, number_key(number))
    if data is None:
        return None
    block_hash, parent_hash, timestamp, origin_number, origin_hash, sequence_number = _REF.unpack(data)
    origin = BlockId(origin_number, origin_hash)
    return L2BlockRef(number, block_hash, parent_hash, timestamp, origin, sequence_number)


def get_number_or_none(transaction: ReadTransaction, block_hash: bytes) -> int | None:
    """Number of the chain's block with that hash."""
    data = transaction.get(Table.NUMBERS, block_hash)
    return None if data is None else int.from_bytes(data, "big")


def get_position_or_none(transaction: ReadTransaction, transaction_hash: bytes) -> TransactionPosition | None:
    """Where the transaction with that hash stands."""
    data = transaction.get(Table.TRANSACTIONS, transaction_hash)
    return None if data is None else TransactionPosition(*_POSITION.unpack(data))


def get_hashes(transaction: ReadTransaction, newest: int, count: int) -> tuple[bytes, ...]:
    """Hashes of up to `count` blocks from `newest` downward, newest first."""
    oldest = max(newest - count + 1, 0)
    hashes = []
    for key, ref in transaction.from_key(Table.REFS, number_key(oldest)):
        if int.from_bytes(key, "big") > newest:
            break
        hashes.append(ref[:32])
    return tuple(reversed(hashes))


def put_derived_from(transaction: WriteTransaction, number: int, l1_block: BlockId) -> None:
    """Remember from which L1 block on the L2 block follows from L1 alone."""
    transaction.put(Table.DERIVED, number_key(number), encode_block_id(l1_block))


def delete_derived_from(transaction: WriteTransaction, number: int) -> None:
    """Forget from which L1 block the L2 block followed."""
    transaction.delete(Table.DERIVED, number_key(number))


def get_derived_from_or_none(transaction: ReadTransaction, number: int) -> BlockId | None:
    """The L1 block from which on the L2 block follows from L1 alone; None while it is unsafe."""
    data = transaction.get(Table.DERIVED, number_key(number))
    return None if data is None else decode_block_id(data)


def _encode_ref(ref: L2BlockRef) -> bytes:
    origin = ref.l1_origin
    return _REF.pack(ref.hash, ref.parent_hash, ref.timestamp, origin.number, origin.hash, ref.sequence_number)
