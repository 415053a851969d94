"""
The native engine (Rust, `sequencer/native/src/engine` and `block_stm`) as an Engine.

    apply     one call a slice, without the GIL: planned, run in sequence or on threads, committed in order
    seal      roots of transactions and receipts in Rust; the state root over the commitment that is given
    call      one message over any state

It is the default where the extension is installed. Whatever it does, the serial engine says what is right: headers and
receipts are the same to the byte (law 2).
"""

from collections.abc import Sequence

import structlog

from sequencer.execution.access_list import AccessHints, BlockAccesses, TransactionAccess
from sequencer.execution.environment import BlockEnvironment
from sequencer.execution.interface import (
    CallMessage,
    CallResult,
    Included,
    Outcome,
    Overrides,
    SealedBlock,
    SystemCallFailed,
)
from sequencer.execution.sealing import BodyRoots, seal_block
from sequencer.native import absence, extension
from sequencer.primitives.block import AnyTransaction
from sequencer.primitives.header import Header
from sequencer.state.commitment import StateCommitment
from sequencer.state.reader import StateReader

from .counts import NativeCounts
from .door import AccessTuple, NativeBlock, NativeRoom
from .metrics import record
from .prefetch import Prefetch

log = structlog.get_logger(__name__)

DEFAULT_THREADS = 2


class NativeEngineAbsent(ImportError):
    """The native engine was asked for, and the extension is not there; the message says why."""

    def __init__(self) -> None:
        super().__init__(f"the native engine is not there: {absence}")


class NativeEngine:
    """Engine (see `interface`) on threads; what it has read and learned lives from block to block."""

    def __init__(
        self,
        threads: int = DEFAULT_THREADS,
        *,
        prefetch: Prefetch | None = None,
        is_cached: bool = True,
        is_always_parallel: bool = False,
    ) -> None:
        """
        Raises NativeEngineAbsent without the extension.

        Parameters
        ----------
        prefetch :
            Asked once a slice for what this process does not hold. The slice runs on its answer while the store is
            asked for the same, and again when the store says other. None: the store alone, which is faster (ADR 0021).
        is_cached :
            Keep committed state in this process, from block to block.
        is_always_parallel :
            Put every slice of two transactions or more on threads, whether that pays or not: for tests.
        """
        if extension is None:
            raise NativeEngineAbsent
        self.threads = threads
        self.prefetch = prefetch
        self._hints: AccessHints | None = None
        self._room: NativeRoom = extension.NativeEngine(
            threads, is_cached=is_cached, is_always_parallel=is_always_parallel
        )

    @property
    def counts(self) -> NativeCounts:
        """How often what happened so far."""
        return NativeCounts(*self._room.counts)

    def open_block(self, parent: Header, environment: BlockEnvironment, state: StateReader) -> "NativeOpenBlock":
        """Begin the block after `parent`, whose state is `state`."""
        block = self._room.open_block(environment, state)
        hints, self._hints = self._hints, None
        if hints is not None:
            block.expect({hash_: (hint.reads, hint.writes) for hash_, hint in hints.transactions.items()})
        return NativeOpenBlock(environment, block, state, self)

    def expect(self, hints: AccessHints) -> None:
        """Hints for the next block that is opened: what to load first, and which transaction waits for which."""
        self._hints = hints

    def call(
        self, environment: BlockEnvironment, state: StateReader, message: CallMessage, overrides: Overrides
    ) -> CallResult:
        """Run one message without a trace in state."""
        output, gas_used, error = self._room.call(environment, state, message, dict(overrides))
        return CallResult(output=output, gas_used=gas_used, error=error)

    def close(self) -> None:
        """Nothing to give back: threads live as long as a slice."""


class NativeOpenBlock:
    """A block that grows by slices in the extension."""

    def __init__(
        self, environment: BlockEnvironment, block: NativeBlock, state: StateReader, engine: NativeEngine
    ) -> None:
        self._environment = environment
        self._block = block
        self._state = state
        self._engine = engine
        self._included: list[Included] = []

    def apply(self, transactions: Sequence[AnyTransaction]) -> list[Outcome]:
        """Execute one slice in order; one outcome a transaction, in the same order."""
        slice_ = list(transactions)
        prefetch, before = self._engine.prefetch, self._engine.counts
        if prefetch is not None:
            self._block.guess(list(prefetch.load(self._state, self._block.wanted(slice_)).items()))
        outcomes = self._block.apply(slice_)
        after = self._engine.counts
        record(before, after)
        if prefetch is not None and after.misled_slices > before.misled_slices:
            log.warning("redis_was_wrong", number=self._environment.number, meaning="the slice ran again on the store")
            prefetch.doubt(self._state)
        self._included += [outcome for outcome in outcomes if isinstance(outcome, Included)]
        return outcomes

    def view(self) -> StateReader:
        """The state after the last slice, immutable."""
        return self._block.view()

    def system_call(self, contract: bytes, data: bytes) -> bytes:
        """Call `contract` as the protocol does, after the slices so far; its output. Raises SystemCallFailed."""
        result = self._block.system_call(contract, data)
        if result is None:
            raise SystemCallFailed(contract, "there is no code")
        output, error = result
        if error is not None:
            raise SystemCallFailed(contract, error)
        return output

    def credit(self, address: bytes, wei: int) -> None:
        """Add to a balance; a credit of nothing ends an empty account (EIP-161)."""
        self._block.credit(address, wei)

    def accesses(self) -> BlockAccesses:
        """What the transactions so far read and wrote."""
        block = self._block
        return BlockAccesses(len(self._included), lambda: _read_accesses(block))

    def seal(self, commitment: StateCommitment) -> SealedBlock:
        """Finish the block over its parent's trie."""
        changes = self._block.changes()
        body = BodyRoots(*self._block.roots())
        sealed = seal_block(self._environment, self._included, changes, commitment, self.accesses(), body)
        self._block.sealed(sealed.block.hash, changes)
        return sealed

    def abandon(self) -> None:
        """Nothing to give back."""


def _read_accesses(block: NativeBlock) -> list[TransactionAccess]:
    opening, transactions, closing = block.accesses()
    return [_outside(opening), *(TransactionAccess(*_fields(entry)) for entry in transactions), _outside(closing)]


def _fields(
    entry: AccessTuple,
) -> tuple[tuple[bytes, ...], tuple[tuple[bytes, bytes], ...], int, bytes | None, dict[bytes, bytes]]:
    reads, writes, before, executions, conflict = entry
    return reads, writes, executions, conflict, dict(before)


def _outside(entries: Sequence[AccessTuple]) -> TransactionAccess:
    """What the protocol did, several calls as one; what it only read is not listed."""
    writes: dict[bytes, bytes] = {}
    before: dict[bytes, bytes] = {}
    for _, written, accounts, _, _ in entries:
        writes.update(written)
        before = {**dict(accounts), **before}
    return TransactionAccess(writes=tuple(sorted(writes.items())), accounts_before=before)
