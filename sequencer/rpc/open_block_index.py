"""
The open block as the RPC shows it: slices so far, found by transaction hash.

It follows the open block incrementally, so that asking for one preconfirmed receipt costs no walk over the whole block.
What it shows is what its source publishes: a slice appears when its record is durable, never earlier.
"""

from collections.abc import Sequence
from threading import Lock
from typing import Protocol

from sequencer.execution.environment import BlockEnvironment
from sequencer.execution.interface import Included, Outcome
from sequencer.primitives.account import EMPTY_TRIE_ROOT
from sequencer.primitives.header import Header
from sequencer.primitives.l1_info import L1BlockInfo
from sequencer.primitives.receipt import merge_blooms
from sequencer.state.reader import StateReader

from .block_view import BlockView, PlacedTransaction, l1_info_of, place_after


class OpenBlockReader(Protocol):
    """The block that grows now."""

    @property
    def environment(self) -> BlockEnvironment:
        """Its values besides state."""
        ...

    @property
    def outcomes(self) -> Sequence[Outcome]:
        """Of all published slices, in order; it only grows."""
        ...

    def view(self) -> StateReader:
        """State after the last published slice."""
        ...


class PendingSource(Protocol):
    """Who has the open block."""

    @property
    def current(self) -> OpenBlockReader | None:
        """The open block, if one is."""
        ...


class OpenBlockIndex:
    """Transactions of the open block by hash; safe to use from several threads."""

    def __init__(self, source: PendingSource) -> None:
        self._source = source
        self._lock = Lock()
        self._block: OpenBlockReader | None = None
        self._seen = 0
        self._placed: list[PlacedTransaction] = []
        self._by_hash: dict[bytes, PlacedTransaction] = {}
        self._l1_info: L1BlockInfo | None = None

    def block(self) -> OpenBlockReader | None:
        """The open block itself."""
        return self._source.current

    def find(self, transaction_hash: bytes) -> tuple[PlacedTransaction, BlockView] | None:
        """A transaction of the open block, with a view that holds this one alone."""
        with self._lock:
            block = self._follow()
            placed = self._by_hash.get(transaction_hash)
            if block is None or placed is None:
                return None
            return placed, BlockView(_header(block.environment, [placed]), None, (placed,), self._l1_info)

    def view(self) -> BlockView | None:
        """The whole open block; None when there is none."""
        with self._lock:
            block = self._follow()
            if block is None:
                return None
            return BlockView(_header(block.environment, self._placed), None, tuple(self._placed), self._l1_info)

    def _follow(self) -> OpenBlockReader | None:
        """Take in what came since last time; begin anew when the open block is another one."""
        block = self._source.current
        if block is not self._block:
            self._block, self._seen, self._placed, self._by_hash, self._l1_info = block, 0, [], {}, None
        if block is None:
            return None
        fresh = block.outcomes[self._seen :]
        self._seen += len(fresh)
        for outcome in fresh:
            if isinstance(outcome, Included):
                last = self._placed[-1] if self._placed else None
                placed = place_after(last, outcome.transaction, outcome.receipt)
                self._placed.append(placed)
                self._by_hash[outcome.transaction.hash] = placed
        if self._l1_info is None and self._placed:
            self._l1_info = l1_info_of([self._placed[0].transaction])
        return block


def _header(environment: BlockEnvironment, placed: Sequence[PlacedTransaction]) -> Header:
    """What is known of the header; roots that only sealing gives are zero."""
    return Header(
        parent_hash=environment.parent_hash,
        fee_recipient=environment.fee_recipient,
        state_root=bytes(32),
        transactions_root=bytes(32),
        receipts_root=bytes(32),
        logs_bloom=merge_blooms([one.receipt.bloom for one in placed]),
        number=environment.number,
        gas_limit=environment.gas_limit,
        gas_used=placed[-1].receipt.cumulative_gas_used if placed else 0,
        timestamp=environment.timestamp,
        extra_data=environment.extra_data,
        prev_randao=environment.prev_randao,
        base_fee_per_gas=environment.base_fee_per_gas,
        withdrawals_root=EMPTY_TRIE_ROOT,
        parent_beacon_block_root=environment.parent_beacon_block_root,
    )
