"""
What the methods read: Protocols for the parts of the node below and beside the RPC, and the one value that holds them.

The chain's reads are thread-safe and block; methods that use them run on reader threads (`job_pool`). The event loop
itself reads only what is in memory: heads, the open block's outcomes, the pool.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from batcher.l2_source import L2BlockRef
from l1_bridge.errors import BraidError
from l1_bridge.rollup_config import RollupConfig
from l1_bridge.types import L1Header
from sequencer.execution.access_list import BlockAccessList
from sequencer.execution.environment import BlockEnvironment, Rules
from sequencer.execution.interface import Engine
from sequencer.mempool.statuses import TransactionStatus
from sequencer.primitives.block import Block
from sequencer.primitives.receipt import Receipt
from sequencer.primitives.transaction import Transaction
from sequencer.state.reader import StateReader

from .job_pool import JobPool
from .open_block_index import OpenBlockIndex, PendingSource
from .preconfirmation import Preconfirmations
from .settings import RpcSettings


class HeadsReader(Protocol):
    """The three heads of the chain, one immutable value."""

    @property
    def unsafe(self) -> L2BlockRef:
        """Newest block."""
        ...

    @property
    def safe(self) -> L2BlockRef:
        """Newest block that is derived from L1."""
        ...

    @property
    def finalized(self) -> L2BlockRef:
        """Newest block that is derived from finalized L1."""
        ...


class Position(Protocol):
    """Where a transaction stands."""

    @property
    def number(self) -> int:
        """Of the block."""
        ...

    @property
    def index(self) -> int:
        """In the block."""
        ...


class SlotProof(Protocol):
    """Merkle proof of one storage slot."""

    @property
    def slot(self) -> int:
        """The slot."""
        ...

    @property
    def value(self) -> int:
        """Its value; 0 when there is none."""
        ...

    @property
    def nodes(self) -> Sequence[bytes]:
        """RLP nodes from the storage root down."""
        ...


class ProofOfAccount(Protocol):
    """Merkle proof of one account and some of its slots (EIP-1186)."""

    @property
    def nonce(self) -> int:
        """Of the account; 0 when there is none."""
        ...

    @property
    def balance(self) -> int:
        """Wei."""
        ...

    @property
    def code_hash(self) -> bytes:
        """Of the account."""
        ...

    @property
    def storage_root(self) -> bytes:
        """Root of its storage trie."""
        ...

    @property
    def nodes(self) -> Sequence[bytes]:
        """RLP nodes from the state root down."""
        ...

    @property
    def storage(self) -> Sequence[SlotProof]:
        """In the order they were asked for."""
        ...


class BlockSource(Protocol):
    """Sealed canonical blocks and their indexes; None for what is not there."""

    def block(self, number: int) -> Block | None:
        """The block at that height."""
        ...

    def block_by_hash(self, block_hash: bytes) -> Block | None:
        """The block with that hash."""
        ...

    def receipts(self, number: int) -> tuple[Receipt, ...] | None:
        """All receipts of that block."""
        ...

    def ref(self, number: int) -> L2BlockRef | None:
        """The block's place in the chain and its L1 origin."""
        ...

    def number_of(self, block_hash: bytes) -> int | None:
        """Height of the block with that hash."""
        ...

    def position(self, transaction_hash: bytes) -> Position | None:
        """Where that transaction stands."""
        ...

    def access_list(self, number: int) -> BlockAccessList | None:
        """Who read and wrote what in that block; None when that is not kept. Raises UnknownBlock."""
        ...


class StateSource(Protocol):
    """State of sealed blocks; raises UnknownBlock or StateUnavailable where it is not there."""

    def state_at(self, number: int) -> StateReader:
        """State after that block."""
        ...

    def environment_of(self, number: int) -> BlockEnvironment:
        """What that block told its transactions."""
        ...

    def proof(self, number: int, address: bytes, slots: Sequence[int]) -> ProofOfAccount:
        """Proofs against that block's state root."""
        ...


class ChainReader(BlockSource, StateSource, Protocol):
    """All that the RPC asks the chain."""

    @property
    def rules(self) -> Rules:
        """The chain's rule set."""
        ...

    @property
    def heads(self) -> HeadsReader:
        """The heads now."""
        ...


class Pool(Protocol):
    """Transactions on their way into a block."""

    async def submit_many(self, raws: Sequence[bytes]) -> list[bytes | BraidError]:
        """Take in durably what one request brought; for each its hash, or an error with a reason for the sender."""
        ...

    def submit_decoded(
        self,
        raws: Sequence[bytes],
        found: Sequence[Transaction],
        on_answered: Callable[[Sequence[bytes | BraidError]], None],
    ) -> None:
        """The same for what is decoded already."""
        ...

    def pending_nonce(self, address: bytes, executed: int) -> int:
        """The nonce after all that is known of that sender, whose nonce in the open block is `executed`."""
        ...

    def transaction(self, transaction_hash: bytes) -> Transaction | None:
        """One that waits or is being executed."""
        ...

    def status(self, transaction_hash: bytes) -> TransactionStatus:
        """What became of one."""
        ...


class L1Progress(Protocol):
    """L1 as the node's derivation and heads tracker know it; None: nothing known yet."""

    @property
    def current_l1(self) -> L1Header | None:
        """Derivation has read everything before this block."""
        ...

    @property
    def head_l1(self) -> L1Header | None:
        """Newest known."""
        ...

    @property
    def safe_l1(self) -> L1Header | None:
        """L1's safe block."""
        ...

    @property
    def finalized_l1(self) -> L1Header | None:
        """L1's finalized block."""
        ...


@dataclass(frozen=True, slots=True)
class Backend:
    """Everything a method may use. `pool` is None where no transactions are taken, `rollup` on a plain chain."""

    chain: ChainReader
    engine: Engine
    pool: Pool | None
    rollup: RollupConfig | None
    l1_progress: L1Progress | None
    open_block: OpenBlockIndex
    preconfirmations: Preconfirmations
    readers: JobPool
    callers: JobPool
    settings: RpcSettings
    monotonic: Callable[[], float]
    """Seconds of a clock that only moves forward; bounds the time of one request."""

    async def read(self, function: Callable[..., object], *arguments: object) -> object:
        """Run a blocking read on a reader thread, within its time limit."""
        return await self.readers.run(function, arguments, self.settings.read_timeout_seconds)

    def close(self) -> None:
        """End the threads."""
        self.readers.close()
        self.callers.close()


def make_backend(
    *,
    chain: ChainReader,
    engine: Engine,
    pending: PendingSource,
    pool: Pool | None,
    rollup: RollupConfig | None,
    l1_progress: L1Progress | None,
    settings: RpcSettings,
    monotonic: Callable[[], float] = time.monotonic,
) -> Backend:
    """
    A backend with threads of its own; give them back by `close`.

    `pending` shows published slices alone. The node tells `preconfirmations` of slices and chain events.
    """
    return Backend(
        chain=chain,
        engine=engine,
        pool=pool,
        rollup=rollup,
        l1_progress=l1_progress,
        open_block=OpenBlockIndex(pending),
        preconfirmations=Preconfirmations(settings.max_sync_waiters),
        readers=JobPool("reader", settings.reader_threads, settings.max_waiting_jobs),
        callers=JobPool("caller", settings.caller_threads, settings.max_waiting_jobs),
        settings=settings,
        monotonic=monotonic,
    )
