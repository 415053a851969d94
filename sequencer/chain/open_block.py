"""
The block that is being made: an engine's open block, and the pending view that other threads may read.

The chain thread applies slices; every other thread sees one immutable `PendingBlock`, swapped after each slice.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from l1_bridge.types import BlockId
from sequencer.execution.environment import BlockEnvironment
from sequencer.execution.interface import Included, OpenBlock, Outcome, SealedBlock
from sequencer.primitives.attributes import PayloadAttributes
from sequencer.primitives.block import AnyTransaction
from sequencer.primitives.deposit import DepositTransaction
from sequencer.state.commitment import StateCommitment
from sequencer.state.reader import StateReader

from .errors import BlockTakenAway, DepositLeftOut


@dataclass(frozen=True, slots=True)
class PendingBlock:
    """The open block after its last slice: what is included so far, and the state after it."""

    environment: BlockEnvironment
    included: tuple[Included, ...]
    state: StateReader


class OpenBlockHandle:
    """An open block over the head. `apply` on the chain thread only; `pending` from anywhere."""

    def __init__(
        self, parent: BlockId, environment: BlockEnvironment, attributes: PayloadAttributes, block: OpenBlock
    ) -> None:
        self.parent = parent
        self.environment = environment
        self.attributes = attributes
        self._block = block
        self._is_open = True
        self._pending = PendingBlock(environment, (), block.view())

    @property
    def pending(self) -> PendingBlock:
        """The block so far, as one immutable value."""
        return self._pending

    @property
    def outcomes(self) -> tuple[Included, ...]:
        """What is included so far, deposits first."""
        return self._pending.included

    @property
    def gas_used(self) -> int:
        """Gas of everything included so far."""
        included = self._pending.included
        return included[-1].receipt.cumulative_gas_used if included else 0

    def view(self) -> StateReader:
        """The state after the last slice; later slices do not change it."""
        return self._pending.state

    def apply(self, transactions: Sequence[AnyTransaction]) -> list[Outcome]:
        """Execute one slice; one outcome a transaction, in order. Raises BlockTakenAway when it is not open."""
        if not self._is_open:
            raise BlockTakenAway(self.environment.number)
        outcomes = self._block.apply(transactions)
        included = tuple(outcome for outcome in outcomes if isinstance(outcome, Included))
        self._pending = PendingBlock(self.environment, self._pending.included + included, self._block.view())
        return outcomes

    def apply_deposits(self, deposits: Sequence[DepositTransaction]) -> None:
        """Execute the deposits that begin the block; raises DepositLeftOut."""
        for deposit, outcome in zip(deposits, self.apply(deposits), strict=True):
            if not isinstance(outcome, Included):
                raise DepositLeftOut(self.environment.number, deposit.source_hash, type(outcome).__name__)

    def seal(self, commitment: StateCommitment) -> SealedBlock:
        """Finish the block; nothing can be applied afterwards. Raises BlockTakenAway when it is not open."""
        if not self._is_open:
            raise BlockTakenAway(self.environment.number)
        self._is_open = False
        return self._block.seal(commitment)

    def abandon(self) -> None:
        """Throw the block away; harmless afterwards."""
        self._is_open = False
        self._block.abandon()
