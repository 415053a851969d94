"""What a run showed: figures, and whatever contradicts."""

from collections.abc import Sequence
from dataclasses import dataclass

from .comparison import Compared
from .postings import Postings


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one configuration."""

    compared: Compared
    postings: Postings
    rounds: int
    """Of traffic."""
    event: str
    """Figures of what happened during the traffic; empty when nothing did."""
    contradictions: Sequence[str]
    """Where L1 holds something else than was asked for, a transaction is gone, or an event was not seen."""

    def problems(self) -> list[str]:
        """Everything that must not be; none when the run passed."""
        return [*self.compared.differences, *self.contradictions]

    def describe(self) -> str:
        """Its figures, in two or three lines."""
        lines = [self.compared.describe(), f"on L1: {self.postings.describe()}", self.event]
        return "\n".join(f"  {line}" for line in lines if line)
