"""What the native engine counts."""

from dataclasses import fields

from prometheus_client import Counter

from .counts import NativeCounts

TRANSACTIONS = Counter("braid_execution_native_transactions", "What became of runs on threads.", ["what"])
"""executed: reached their turn. conflicts: a run ahead of its turn did not hold. reexecuted: ran a second time."""

SLICES = Counter("braid_execution_native_slices", "Slices, by how they ran.", ["mode"])
"""
broken: threads broke down; cut_short: too little held. The rest of such a slice went in sequence. misled: a value from
Redis was not the store's, and the slice ran again on the store alone.
"""

for _what in ("executed", "conflicts", "reexecuted"):
    TRANSACTIONS.labels(_what)
for _mode in ("sequential", "parallel", "broken", "misled", "cut_short"):
    SLICES.labels(_mode)


def record(before: NativeCounts, after: NativeCounts) -> None:
    """One slice was executed between `before` and `after`."""
    for field in fields(NativeCounts):
        grown = getattr(after, field.name) - getattr(before, field.name)
        if not grown:
            continue
        if field.name.endswith("_slices"):
            SLICES.labels(field.name.removesuffix("_slices")).inc(grown)
        else:
            TRANSACTIONS.labels(field.name).inc(grown)
