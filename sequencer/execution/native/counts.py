"""How often what happened in a native engine, since it began."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NativeCounts:
    """Transactions that reached their turn, runs that did not hold, second runs; slices by how they ran."""

    executed: int
    conflicts: int
    reexecuted: int
    sequential_slices: int
    parallel_slices: int
    broken_slices: int
