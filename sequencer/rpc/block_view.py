"""
A block with what the RPC shows of its transactions beyond their consensus encodings: place, own gas, log indexes.

Sealed blocks and the open block (its slices so far) come in the same form; the open one has no hash.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sequencer.primitives.block import AnyTransaction, Block
from sequencer.primitives.deposit import DepositTransaction
from sequencer.primitives.errors import DecodingError
from sequencer.primitives.header import Header
from sequencer.primitives.l1_info import L1BlockInfo, decode_l1_info
from sequencer.primitives.predeploys import L1_BLOCK
from sequencer.primitives.receipt import Receipt


@dataclass(frozen=True, slots=True)
class PlacedTransaction:
    """A transaction at its place; `gas_used` is its own, `first_log_index` counts the block's logs before it."""

    transaction: AnyTransaction
    receipt: Receipt
    index: int
    gas_used: int
    first_log_index: int


@dataclass(frozen=True, slots=True)
class BlockView:
    """A header, its hash (None while the block is open), and its transactions with their receipts."""

    header: Header
    hash: bytes | None
    placed: tuple[PlacedTransaction, ...]
    l1_info: L1BlockInfo | None
    """What the block knows of its L1 origin; None on a plain chain and in block 0."""
    size: int | None = None
    """Bytes of the block's encoding; None while the block is open."""

    def find(self, transaction_hash: bytes) -> PlacedTransaction | None:
        """The transaction with that hash, if it stands here."""
        return next((placed for placed in self.placed if placed.transaction.hash == transaction_hash), None)


def view_sealed(block: Block, receipts: Sequence[Receipt]) -> BlockView:
    """The view of a sealed block."""
    return BlockView(
        header=block.header,
        hash=block.hash,
        placed=tuple(_place(block.transactions, receipts)),
        l1_info=l1_info_of(block.transactions),
        size=len(block.encode()),
    )


def l1_info_of(transactions: Sequence[AnyTransaction]) -> L1BlockInfo | None:
    """L1 attributes from a block's first transaction; None where there are none."""
    if not transactions:
        return None
    first = transactions[0]
    if not isinstance(first, DepositTransaction) or first.to != L1_BLOCK:
        return None
    try:
        return decode_l1_info(first.data)
    except DecodingError:
        return None


def _place(transactions: Sequence[AnyTransaction], receipts: Sequence[Receipt]) -> Iterator[PlacedTransaction]:
    last: PlacedTransaction | None = None
    for transaction, receipt in zip(transactions, receipts, strict=True):
        last = place_after(last, transaction, receipt)
        yield last


def place_after(last: PlacedTransaction | None, transaction: AnyTransaction, receipt: Receipt) -> PlacedTransaction:
    """The place of the transaction that comes after `last` (None: the first of its block)."""
    return PlacedTransaction(
        transaction=transaction,
        receipt=receipt,
        index=0 if last is None else last.index + 1,
        gas_used=receipt.cumulative_gas_used - (0 if last is None else last.receipt.cumulative_gas_used),
        first_log_index=0 if last is None else last.first_log_index + len(last.receipt.logs),
    )
