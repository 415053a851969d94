"""
Slices of the open block as others see them: published only once their record is durable.

The digest over the outcomes' receipts in that record lets a restarted node prove that it rebuilt exactly what users
were told (law 6).
"""

from collections.abc import Iterable, Sequence

from l1_bridge.errors import CriticalError
from sequencer.execution.environment import BlockEnvironment
from sequencer.execution.interface import Included, Outcome
from sequencer.state.reader import StateReader


class PreconfirmationBroken(CriticalError):
    """A slice executed again after a restart gives other receipts than the ones that were published."""

    def __init__(self, block_number: int, slice_index: int) -> None:
        super().__init__(f"slice {slice_index} of block {block_number} has other receipts than were published")
        self.block_number = block_number
        self.slice_index = slice_index


def included_of(outcomes: Iterable[Outcome]) -> list[Included]:
    """Those of `outcomes` that stand in the block, in order."""
    return [outcome for outcome in outcomes if isinstance(outcome, Included)]


class PublishedBlock:
    """
    The open block as others may see it: slices whose records are durable, and the state after the last of them.

    Written by the event loop, read by any thread: each field is swapped whole.
    """

    def __init__(self, environment: BlockEnvironment, outcomes: Sequence[Included], state: StateReader) -> None:
        self.environment = environment
        self._outcomes = tuple(outcomes)
        self._state = state

    @property
    def outcomes(self) -> Sequence[Included]:
        """What is included so far, deposits first; it only grows."""
        return self._outcomes

    def view(self) -> StateReader:
        """The state after the last published slice."""
        return self._state

    def publish(self, included: Sequence[Included], state: StateReader) -> None:
        """Show one more slice."""
        self._state = state
        self._outcomes = (*self._outcomes, *included)
