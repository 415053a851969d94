"""How often what happened in a native engine, since it began."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NativeCounts:
    """
    Transactions that reached their turn, runs that did not hold, second runs; slices by how they ran.

    Of parallel slices, some were finished in sequence: broken ones, whose threads broke down, and those cut short,
    since too little of what threads ran held. A misled slice ran on a value that the store does not have, and once more
    on the store's.
    """

    executed: int
    conflicts: int
    reexecuted: int
    sequential_slices: int
    parallel_slices: int
    broken_slices: int
    misled_slices: int = 0
    cut_short_slices: int = 0
