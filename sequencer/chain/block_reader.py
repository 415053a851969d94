"""Reads of blocks and their indexes from any thread, with the newest blocks kept in memory as they were imported."""

import threading
from collections import OrderedDict

from batcher.l2_source import L2BlockRef
from l1_bridge.types import BlockId
from sequencer.execution.environment import BLOCKHASH_WINDOW, BlockEnvironment, Rules
from sequencer.primitives.block import Block
from sequencer.primitives.receipt import Receipt
from sequencer.state.store import Store
from sequencer.state.world_state import canonical_hash

from . import records
from .records import TransactionPosition

KEPT_BLOCKS = 128
"""Blocks in memory: decoding one costs a signature recovery a transaction."""


class BlockReader:
    """The chain's blocks by number, by hash and by transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: OrderedDict[bytes, tuple[Block, tuple[Receipt, ...]]] = OrderedDict()
        self._lock = threading.Lock()

    def remember(self, block: Block, receipts: tuple[Receipt, ...]) -> None:
        """Keep a block in memory; which blocks are part of the chain is decided by the store at each read."""
        with self._lock:
            self._kept[block.hash] = (block, receipts)
            while len(self._kept) > KEPT_BLOCKS:
                self._kept.popitem(last=False)

    def block(self, number: int) -> Block | None:
        """The block with that number."""
        entry = self._entry(number)
        return None if entry is None else entry[0]

    def block_by_hash(self, block_hash: bytes) -> Block | None:
        """The block with that hash."""
        number = self.number_of(block_hash)
        block = None if number is None else self.block(number)
        return block if block is not None and block.hash == block_hash else None

    def receipts(self, number: int) -> tuple[Receipt, ...] | None:
        """Receipts of the block with that number."""
        entry = self._entry(number)
        return None if entry is None else entry[1]

    def ref(self, number: int) -> L2BlockRef | None:
        """The ref of the block with that number."""
        with self._store.read() as transaction:
            return records.get_ref_or_none(transaction, number)

    def number_of(self, block_hash: bytes) -> int | None:
        """Number of the block with that hash."""
        with self._store.read() as transaction:
            return records.get_number_or_none(transaction, block_hash)

    def position(self, transaction_hash: bytes) -> TransactionPosition | None:
        """Where the transaction stands."""
        with self._store.read() as transaction:
            return records.get_position_or_none(transaction, transaction_hash)

    def derived_from(self, number: int) -> BlockId | None:
        """The L1 block that the block was derived from."""
        with self._store.read() as transaction:
            return records.get_derived_from_or_none(transaction, number)

    def hashes(self, newest: int, count: int) -> tuple[bytes, ...]:
        """Hashes of up to `count` blocks from `newest` downward."""
        with self._store.read() as transaction:
            return records.get_hashes(transaction, newest, count)

    def environment(self, block: Block, rules: Rules) -> BlockEnvironment:
        """The environment that the block's own transactions saw."""
        header = block.header
        ancestors = self.hashes(header.number - 1, BLOCKHASH_WINDOW) if header.number else (header.parent_hash,)
        return BlockEnvironment(
            rules=rules,
            number=header.number,
            timestamp=header.timestamp,
            gas_limit=header.gas_limit,
            base_fee_per_gas=header.base_fee_per_gas,
            fee_recipient=header.fee_recipient,
            prev_randao=header.prev_randao,
            parent_beacon_block_root=header.parent_beacon_block_root,
            parent_hash=header.parent_hash,
            extra_data=header.extra_data,
            recent_hashes=ancestors,
        )

    def _entry(self, number: int) -> tuple[Block, tuple[Receipt, ...]] | None:
        if number < 0:
            return None
        with self._store.read() as transaction:
            block_hash = canonical_hash(transaction, number)
            if block_hash is None:
                return None
            with self._lock:
                kept = self._kept.get(block_hash)
            if kept is not None:
                return kept
            block = records.get_block_or_none(transaction, number)
            receipts = records.get_receipts_or_none(transaction, number)
        if block is None or receipts is None:
            return None
        self.remember(block, receipts)
        return block, receipts
