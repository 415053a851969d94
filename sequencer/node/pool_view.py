"""
Bridges chain and mempool, which do not know each other: the head as the pool sees it, and the chain's events.

Events happen on the chain thread; the pool belongs to the event loop. They cross in order.
"""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from batcher.l2_source import L2BlockRef
from l1_bridge.types import BlockId
from sequencer.chain.chain import Chain
from sequencer.chain.heads import BlockImported, BlocksUnwound, ChainEvent, FinalizedAdvanced, Heads
from sequencer.execution.environment import next_base_fee
from sequencer.execution.fees import read_fee_parameters
from sequencer.mempool.head import PoolHead
from sequencer.mempool.mempool import Mempool
from sequencer.primitives.account import Account
from sequencer.primitives.block import Block
from sequencer.state.store import Store
from sequencer.state.world_state import StateAt, StateUnavailable, state_head

T = TypeVar("T")

ACCOUNTS_KEPT = 4096
"""Accounts of one head in memory: every admission asks twice for the same one."""


ATTRIBUTES_GAS = 200_000
"""More than the L1 attributes take at the head of every rollup block: a user's transaction has to fit beside them."""


class NewestState:
    """
    The state at a head, and, once the chain was unwound below it, at the head that the store has by then.

    The pool's questions come from another thread than the unwinding, so no order keeps them apart. Its answers are
    guesses about the next block in any case; the unwinding itself is heard of later, and puts the pool right.
    """

    def __init__(self, store: Store, block: BlockId) -> None:
        self._store = store
        self._state = StateAt(store, block)
        self._accounts: dict[bytes, Account | None] = {}

    def account(self, address: bytes) -> Account | None:
        """The account at a 20-byte address."""
        if address not in self._accounts:
            found = self._look(lambda state: state.account(address))
            if len(self._accounts) >= ACCOUNTS_KEPT:
                self._accounts.clear()
            self._accounts[address] = found
            return found
        return self._accounts[address]

    def storage(self, address: bytes, slot: int) -> int:
        """The value of one storage slot."""
        return self._look(lambda state: state.storage(address, slot))

    def code(self, code_hash: bytes) -> bytes:
        """The code with that hash: the same at every block."""
        return self._state.code(code_hash)

    def _look(self, read: Callable[[StateAt], T]) -> T:
        while True:  # each turn needs another unwinding
            try:
                return read(self._state)
            except StateUnavailable:
                with self._store.read() as transaction:
                    newest = state_head(transaction)
                if newest is None or newest == self._state.block:
                    raise
                self._state = StateAt(self._store, newest)
                self._accounts.clear()


class ChainPoolView:
    """A `HeadView` over the chain; the answer is made once for each set of heads."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._kept: Heads | None = None
        self._head: PoolHead | None = None

    def head(self) -> PoolHead:
        """The unsafe head now."""
        heads = self._chain.heads
        if self._kept is not heads:
            block = self._chain.block_by_hash(heads.unsafe.hash)
            if block is not None:
                self._head, self._kept = self._make(block, heads.unsafe, heads.safe, heads.finalized), heads
        # no such block: it is unwound this very moment, the heads follow, and the head before must do until then
        assert self._head is not None, "asked for the first time while the chain is unwound"
        return self._head

    def included_in(self, transaction_hash: bytes) -> int | None:
        """Number of the block that holds the transaction, None when no block of the chain does."""
        position = self._chain.position(transaction_hash)
        return None if position is None else position.number

    def _make(self, block: Block, unsafe: L2BlockRef, safe: L2BlockRef, finalized: L2BlockRef) -> PoolHead:
        state = NewestState(self._chain.store, BlockId(unsafe.number, unsafe.hash))
        is_optimism = self._chain.rules.is_optimism
        return PoolHead(
            number=unsafe.number,
            hash=unsafe.hash,
            base_fee=next_base_fee(self._chain.rules, block.header),
            gas_limit=max(block.header.gas_limit - (ATTRIBUTES_GAS if is_optimism else 0), 0),
            state=state,
            fees=read_fee_parameters(state) if is_optimism else None,
            safe_number=safe.number,
            finalized_number=finalized.number,
        )


class ChainEvents:
    """Carries the chain's events from the chain thread to the pool on the event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, mempool: Mempool) -> None:
        self._loop = loop
        self._mempool = mempool

    def hear(self, event: ChainEvent) -> None:
        """Listener of the chain; called on the chain thread."""
        self._loop.call_soon_threadsafe(self._deliver, event)

    def _deliver(self, event: ChainEvent) -> None:
        if isinstance(event, BlockImported):
            self._mempool.on_block_sealed(event.block.number, event.block.transactions)
        elif isinstance(event, BlocksUnwound) and event.blocks:
            transactions = [transaction for block in event.blocks for transaction in block.transactions]
            self._mempool.on_unwound(event.blocks[0].number - 1, transactions)
        elif isinstance(event, FinalizedAdvanced):
            self._mempool.on_finalized(event.ref.number)
