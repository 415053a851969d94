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
    contradictions: Sequence[str]
    """Where L1 holds something else than the configuration asked for."""

    def problems(self) -> list[str]:
        """Everything that must not be; none when the run passed."""
        return [*self.compared.differences, *self.contradictions]

    def describe(self) -> str:
        """Its figures, in two lines."""
        return f"  {self.compared.describe()}\n  on L1: {self.postings.describe()}"
