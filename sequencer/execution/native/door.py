"""The classes of the extension's engine, as Python types: what `door.rs` exports and `engine.py` uses."""

from collections.abc import Mapping
from typing import Protocol, TypeAlias

from sequencer.execution.environment import BlockEnvironment
from sequencer.execution.interface import CallMessage, Outcome, Overrides
from sequencer.primitives.block import AnyTransaction
from sequencer.state.changes import ChangeSet
from sequencer.state.reader import StateReader

Pairs: TypeAlias = tuple[tuple[bytes, bytes], ...]

AccessTuple: TypeAlias = tuple[tuple[bytes, ...], Pairs, Pairs, int, bytes | None]
"""Keys read, keys written with their values, written accounts with what they were, runs, the key of a conflict."""


class NativeBlock(Protocol):
    """An open block in the extension."""

    def apply(self, transactions: list[AnyTransaction]) -> list[Outcome]:
        """Execute one slice."""
        ...

    def wanted(self, transactions: list[AnyTransaction]) -> list[bytes]:
        """Keys that the transactions will look at and that this process does not hold."""
        ...

    def guess(self, values: list[tuple[bytes, bytes]]) -> None:
        """Encoded values by key that are not trusted: the next slice runs on them, and they are checked."""
        ...

    def expect(self, hints: Mapping[bytes, tuple[tuple[bytes, ...], tuple[bytes, ...]]]) -> None:
        """Keys read and keys written, by the transaction's hash."""
        ...

    def view(self) -> StateReader:
        """The state after the last slice."""
        ...

    def system_call(self, contract: bytes, data: bytes) -> tuple[bytes, str | None] | None:
        """Output and the name of the failure, if any; None where the contract has no code."""
        ...

    def credit(self, address: bytes, wei: int) -> None:
        """Add to a balance."""
        ...

    def changes(self) -> ChangeSet:
        """Everything so far."""
        ...

    def roots(self) -> tuple[bytes, bytes, bytes]:
        """Transactions root, receipts root, bloom."""
        ...

    def sealed(self, hash: bytes, changes: ChangeSet) -> None:
        """The block has this hash, and has made these changes."""
        ...

    def accesses(self) -> tuple[list[AccessTuple], list[AccessTuple], list[AccessTuple]]:
        """Before the first transaction, of each transaction, after the last."""
        ...


class NativeRoom(Protocol):
    """The engine in the extension."""

    @property
    def counts(self) -> tuple[int, int, int, int, int, int, int, int]:
        """In the order of `NativeCounts`."""
        ...

    def open_block(self, environment: BlockEnvironment, state: StateReader) -> NativeBlock:
        """Begin a block."""
        ...

    def call(
        self, environment: BlockEnvironment, state: StateReader, call: CallMessage, overrides: Overrides
    ) -> tuple[bytes, int, str | None]:
        """Output, gas used and the name of the failure, if any."""
        ...
