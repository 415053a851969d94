"""
The open block as far as it was published: what the pending view may show (law 6).

An engine's open block already holds a slice whose record is still being synced; that slice may yet be lost in a crash.
So whoever publishes slices hands the block's immutable snapshot over here, once the slice's record is durable.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from sequencer.execution.environment import BlockEnvironment
from sequencer.execution.interface import Included, Outcome
from sequencer.state.reader import StateReader

from .open_block_index import PendingSource
from .preconfirmation import Preconfirmations


class BlockSnapshot(Protocol):
    """The open block after one slice; immutable."""

    @property
    def environment(self) -> BlockEnvironment:
        """The block's values besides state."""
        ...

    @property
    def included(self) -> tuple[Included, ...]:
        """What is included so far, deposits first."""
        ...

    @property
    def state(self) -> StateReader:
        """State after the slice."""
        ...


@dataclass(slots=True)
class _PublishedBlock:
    """One open block; its snapshot is swapped as slices are published, so it keeps its identity while it grows."""

    snapshot: BlockSnapshot

    @property
    def environment(self) -> BlockEnvironment:
        return self.snapshot.environment

    @property
    def outcomes(self) -> Sequence[Outcome]:
        return self.snapshot.included

    def view(self) -> StateReader:
        return self.snapshot.state


class PublishedSlices:
    """A PendingSource; `chain` tells whether the block is still the open one."""

    def __init__(self, chain: PendingSource, preconfirmations: Preconfirmations) -> None:
        self._chain = chain
        self._preconfirmations = preconfirmations
        self._block: _PublishedBlock | None = None

    @property
    def current(self) -> _PublishedBlock | None:
        """The open block with its published slices; None before the first one and after the block's end."""
        block, opened = self._block, self._chain.current
        if block is None or opened is None or opened.environment != block.environment:
            return None
        return block

    def publish(self, snapshot: BlockSnapshot, outcomes: Sequence[Outcome]) -> None:
        """A slice is durable: show `snapshot`, and wake who waits for a transaction among `outcomes`."""
        block = self._block
        if block is not None and block.environment == snapshot.environment and _continues(block, snapshot):
            block.snapshot = snapshot
        else:
            self._block = _PublishedBlock(snapshot)
        self._preconfirmations.on_slice(outcomes)


def _continues(block: _PublishedBlock, snapshot: BlockSnapshot) -> bool:
    """Whether the snapshot is of the same open block, not of one that was opened again with equal values."""
    before = block.snapshot.included
    return len(snapshot.included) >= len(before) and (not before or snapshot.included[len(before) - 1] is before[-1])
