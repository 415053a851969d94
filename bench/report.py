"""
The tables of `docs/performance.md`, as Markdown between two markers; the prose around them is left alone.

A dash stands where an engine did not take part or does not count something.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .engines import NATIVE_ONE, NATIVE_TWO, PARALLEL, SERIAL
from .markdown import table
from .measuring import BlockTimes, Measurement
from .simulator import Overheads, simulate
from .state_rows import StateRow, state_table

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
ALL = (SERIAL, PARALLEL, NATIVE_ONE, NATIVE_TWO)
SIMULATED_THREADS = (1, 2, 4, 8, 16)
TWO_THREADS = "two threads that share nothing"
"""The heading of what the machine gave at the same time."""


@dataclass(frozen=True, slots=True)
class Target:
    """How many times as fast one engine has to be as another; on the large block where threads are compared."""

    workload: str
    engine: str
    reference: str
    at_least: float
    is_on_large: bool = True

    @property
    def is_of_threads(self) -> bool:
        """Whether the second thread or process is what makes the difference."""
        return (self.engine, self.reference) in ((NATIVE_TWO, NATIVE_ONE), (PARALLEL, SERIAL))


TARGETS = (
    Target("ERC-20, one token", NATIVE_ONE, SERIAL, 50, is_on_large=False),
    Target("ERC-20, one token", NATIVE_TWO, NATIVE_ONE, 1.3),
    Target("swaps, a pool each", NATIVE_TWO, NATIVE_ONE, 1.9),
    Target("raw transfers", NATIVE_TWO, NATIVE_ONE, 0.95),
    Target("raw transfers of one sender", NATIVE_TWO, NATIVE_ONE, 0.95),
    Target("ERC-20 of one sender", NATIVE_TWO, NATIVE_ONE, 0.95),
    Target("ERC-20 hand to hand", NATIVE_TWO, NATIVE_ONE, 0.95),
    Target("swaps, one pool", NATIVE_TWO, NATIVE_ONE, 0.95),
    Target("mints, one counter", NATIVE_TWO, NATIVE_ONE, 0.95),
    Target("ERC-20, one token", PARALLEL, SERIAL, 1.6, is_on_large=False),
)


class NoMarkers(Exception):
    """The document has no place for the tables."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} does not have the lines {BEGIN} and {END}, once each and in this order")


def write_between_markers(path: Path, text: str) -> None:
    """Replace what stands between the markers of a document; raises NoMarkers."""
    old = path.read_text(encoding="utf-8")
    if old.count(BEGIN) != 1 or old.count(END) != 1 or old.index(BEGIN) > old.index(END):
        raise NoMarkers(path)
    head, rest = old.split(BEGIN)
    path.write_text(f"{head}{BEGIN}\n{text.strip()}\n{END}{rest.split(END)[1]}", encoding="utf-8")


def make_report(
    measurements: Sequence[Measurement],
    state: Sequence[StateRow],
    machine: Sequence[str],
    *,
    runs: int,
    absence: str,
    overheads: Overheads,
) -> str:
    """All tables; `absence` says why there is no native engine, and is empty where there is one."""
    parts = [
        f"Medians of {runs} alternating runs. " + " ".join(f"{line[0].upper()}{line[1:]}." for line in machine),
        f"The native engine did not take part: {absence}." if absence else "",
        _targets_table(measurements),
        "### All engines: microseconds a transaction",
        _small_table(measurements),
        "### All engines: millions of gas a second",
        _gas_table(measurements),
        "### Native threads on large blocks" if any(item.large for item in measurements) else "",
        _large_table(measurements) if any(item.large for item in measurements) else "",
        "### More threads, simulated",
        _overheads_line(overheads),
        _simulated_table(measurements, overheads),
        "### Apart: recovery, root, commit, memory",
        _apart_table(measurements),
        "### State root and durable commit" if state else "",
        state_table(state) if state else "",
    ]
    return "\n\n".join(part for part in parts if part)


def _targets_table(measurements: Sequence[Measurement]) -> str:
    """What was asked for, beside what was measured, for those that were."""
    found = {item.name: item for item in measurements}
    rows = []
    for target in TARGETS:
        item = found.get(target.workload)
        times = None if item is None else (item.large or item.small) if target.is_on_large else item.small
        value = None if times is None else times.times_as_fast(target.engine, target.reference)
        if value is not None:
            verdict = "yes" if value >= target.at_least else "**no**"
            rows.append(
                [
                    target.workload,
                    f"{target.engine} / {target.reference}",
                    f"{target.at_least:g}",
                    _ratio(value),
                    verdict,
                    _ratio(times.gain_of_two) if times is not None and target.is_of_threads else "-",
                ]
            )
    headings = ["workload", "ratio", "asked for", "measured", "reached", TWO_THREADS]
    return table(headings, rows) if rows else ""


def _small_table(measurements: Sequence[Measurement]) -> str:
    headings = ["workload", "tx", "gas/tx"]
    headings += [*ALL, f"{PARALLEL} / {SERIAL}", f"{NATIVE_ONE} / {SERIAL}", f"{NATIVE_TWO} / {NATIVE_ONE}"]
    headings += ["parent's own", "speculated", "conflicts", "from Redis"]
    rows = []
    for item in measurements:
        times = item.small
        rows.append(
            [
                item.name,
                str(times.transactions),
                f"{times.gas_used // times.transactions:,}",
                *(_number(times.microseconds(label)) for label in ALL),
                _ratio(times.times_as_fast(PARALLEL, SERIAL)),
                _ratio(times.times_as_fast(NATIVE_ONE, SERIAL)),
                _ratio(times.times_as_fast(NATIVE_TWO, NATIVE_ONE)),
                _number(times.own_microseconds(PARALLEL)),
                *(_count(times, PARALLEL, name) for name in ("speculated", "conflicts")),
                _from_redis(times),
            ]
        )
    return table(headings, rows)


def _gas_table(measurements: Sequence[Measurement]) -> str:
    rows = [[item.name, *(_number(item.small.megagas(label)) for label in ALL)] for item in measurements]
    return table(["workload", *ALL], rows)


def _large_table(measurements: Sequence[Measurement]) -> str:
    headings = ["workload", "tx", f"{NATIVE_ONE} us/tx", f"{NATIVE_TWO} us/tx", f"{NATIVE_ONE} Mgas/s"]
    headings += [f"{NATIVE_TWO} Mgas/s", f"{NATIVE_TWO} / {NATIVE_ONE}", TWO_THREADS, "run again", "conflicts"]
    headings += ["slices in sequence"]
    rows = []
    for item in measurements:
        times = item.large
        if times is None:
            continue
        rows.append(
            [
                item.name,
                str(times.transactions),
                *(_number(times.microseconds(label)) for label in (NATIVE_ONE, NATIVE_TWO)),
                *(_number(times.megagas(label)) for label in (NATIVE_ONE, NATIVE_TWO)),
                _ratio(times.times_as_fast(NATIVE_TWO, NATIVE_ONE)),
                _ratio(times.gain_of_two),
                *(_count(times, NATIVE_TWO, name) for name in ("reexecuted", "conflicts", "sequential_slices")),
            ]
        )
    return table(headings, rows)


def _simulated_table(measurements: Sequence[Measurement], overheads: Overheads) -> str:
    rows = []
    for item in measurements:
        results = [simulate(item.recorded, threads, overheads) for threads in SIMULATED_THREADS]
        whole = results[0].nanoseconds
        rows.append(
            [
                item.name,
                *(_ratio(whole / result.nanoseconds) for result in results),
                str(results[-1].conflicts),
                _ratio(None if item.large is None else item.large.times_as_fast(NATIVE_TWO, NATIVE_ONE)),
            ]
        )
    headings = ["workload", *(f"{threads}" for threads in SIMULATED_THREADS), "conflicts at 16", "measured at 2"]
    return table(headings, rows)


def _overheads_line(overheads: Overheads) -> str:
    if overheads == Overheads():
        return "Times as fast as one thread, without any cost of scheduling."
    return (
        f"Times as fast as one thread; a run costs {overheads.run} ns more and a commit {overheads.commit} ns, so that "
        "two threads come to what was measured on independent ERC-20 transfers."
    )


def _apart_table(measurements: Sequence[Measurement]) -> str:
    headings = ["workload", "tx", "recovery us/tx", "root ms", "commit ms", "peak RSS MiB", "anonymous RSS MiB"]
    rows = [
        [
            item.name,
            str(item.apart.transactions),
            f"{1e6 * item.apart.recovery / item.apart.transactions:.1f}",
            f"{1e3 * item.apart.root:.1f}",
            f"{1e3 * item.apart.commit:.1f}",
            f"{item.memory.peak_resident / 2**20:.0f}",
            f"{item.memory.resident_anonymous / 2**20:.0f}",
        ]
        for item in measurements
    ]
    return table(headings, rows)


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _ratio(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f}" if value >= 20 else f"{value:.2f}"


def _count(times: BlockTimes, label: str, name: str) -> str:
    value = getattr(times.counts[label], name) if label in times.counts else None
    return "-" if value is None else str(value)


def _from_redis(times: BlockTimes) -> str:
    counts = times.counts.get(PARALLEL)
    if counts is None or not counts.prefetched or counts.from_redis is None:
        return "-"
    return f"{100 * counts.from_redis / counts.prefetched:.0f} %"
