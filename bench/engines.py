"""
The engines that are compared, in one table: each with a label, a way to make it, and a way to read what it counted.

An engine that is not there (no extension) is left out, and the reason is part of the result.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sequencer.execution.interface import Engine
from sequencer.execution.parallel.engine import ParallelEngine
from sequencer.execution.parallel.source import StateSource
from sequencer.execution.serial import SerialEngine
from sequencer.native import absence, is_available

WORKERS = 2
NATIVE_THREADS = (1, 2)

SERIAL, PARALLEL = "serial", f"parallel {WORKERS}"
NATIVE_ONE, NATIVE_TWO = "native 1", "native 2"


@dataclass(frozen=True, slots=True)
class Counts:
    """What an engine says of its work so far, in transactions; None where it does not count that."""

    speculated: int | None = None
    conflicts: int | None = None
    reexecuted: int | None = None
    sequential_slices: int | None = None
    prefetched: int | None = None
    """Keys that workers loaded ahead."""
    from_redis: int | None = None
    """How many of them came from Redis."""

    def since(self, before: "Counts", runs: int) -> "Counts":
        """The difference, a run."""
        return Counts(*(_difference(getattr(self, name), getattr(before, name), runs) for name in self.__slots__))


def read_counts(engine: Engine) -> Counts:
    """The counts of any engine; what it lacks is None."""
    counts = getattr(engine, "counts", None)
    executed = getattr(counts, "executed", None)
    tiers = getattr(getattr(counts, "reads", None), "prefetched", None)
    return Counts(
        speculated=getattr(counts, "speculated", executed),
        conflicts=getattr(counts, "conflicts", None),
        reexecuted=getattr(counts, "reexecuted", None),
        sequential_slices=getattr(counts, "sequential_slices", None),
        prefetched=None if tiers is None else tiers.redis_hits + tiers.redis_misses + tiers.store_reads,
        from_redis=None if tiers is None else tiers.redis_hits,
    )


@dataclass(frozen=True, slots=True)
class EngineEntry:
    """One row of the table of engines."""

    label: str
    make: Callable[[StateSource], Engine]
    is_native: bool = False


def native_entries() -> tuple[tuple[EngineEntry, ...], str]:
    """The native engine at 1 and 2 threads; and why there is none, where there is none."""
    if not is_available():
        return (), absence
    try:
        from sequencer.execution.native.engine import NativeEngine
    except ImportError as reason:
        return (), str(reason)

    def at(threads: int) -> Callable[[StateSource], Engine]:
        return lambda _: NativeEngine(threads)

    return tuple(EngineEntry(f"native {threads}", at(threads), is_native=True) for threads in NATIVE_THREADS), ""


def engine_entries() -> tuple[tuple[EngineEntry, ...], str]:
    """All engines in the order of the table; and why the native one is not among them, where it is not."""
    native, reason = native_entries()
    interpreted = (
        EngineEntry(SERIAL, lambda _: SerialEngine()),
        EngineEntry(PARALLEL, lambda source: ParallelEngine(source, WORKERS)),
    )
    return interpreted + native, reason


def _difference(after: int | None, before: int | None, runs: int) -> int | None:
    return None if after is None or before is None else (after - before) // runs
