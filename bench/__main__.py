"""
`python -m bench`: every engine on every workload, in one process; the tables and the plot go into `docs/`.

Ratios count; seconds depend on the machine and on what else runs there. What is written says both.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from sequencer.node.event_loop import calm_collector

from .chain import BenchChain
from .engines import NATIVE_ONE, NATIVE_TWO, engine_entries
from .machine import describe_machine
from .measuring import Measurement, measure
from .plot import Curve, draw_curves
from .report import SIMULATED_THREADS, make_report, write_between_markers
from .scene import merge_genesis
from .simulator import Overheads, calibrate, simulate
from .state_rows import measure_state
from .workloads import DEFAULT_SEED, WORKLOADS, Workload, make_workload

DOCUMENTS = Path(__file__).parent.parent / "docs"
DOCUMENT, PLOT = "performance.md", "performance.svg"

CALIBRATED_ON = "ERC-20, one token"
"""Independent and of ordinary size: where two threads are slower than twice one, that is the scheduler."""

HEAVY = ("swaps",)
"""Workloads of which a third of the transactions is enough: py-evm takes ten milliseconds for one."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write; returns the exit code."""
    options = _options(arguments)
    names = [name for name in WORKLOADS if options.only in name]
    if not names:
        print(f"no workload has {options.only!r} in its name; there are: {', '.join(WORKLOADS)}", file=sys.stderr)
        return 2
    machine = describe_machine()
    entries, absence = engine_entries()
    blocks = [_blocks(name, options, with_large=not absence) for name in names]
    alloc = merge_genesis(block.accounts for pair in blocks for block in pair if block is not None)
    measurements = []
    with BenchChain(alloc, entries) as chain:
        calm_collector()
        for small, large in blocks:
            print(f"{small.name} ...", file=sys.stderr, flush=True)
            measurements.append(measure(chain, small, large, options.runs))
    overheads = _overheads(measurements)
    print("state ...", file=sys.stderr, flush=True)
    state = [] if options.no_state else measure_state(options.seed, is_quick=options.quick)
    report = make_report(measurements, state, machine, runs=options.runs, absence=absence, overheads=overheads)
    print(report)
    if options.output is not None:
        write_between_markers(options.output / DOCUMENT, report)
        (options.output / PLOT).write_text(_plot(measurements, overheads), encoding="utf-8")
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--transactions", type=_positive, default=300, help="in the block that every engine runs")
    parser.add_argument("--large", type=_positive, default=5_000, help="in the block of the native engine alone")
    parser.add_argument("--runs", type=_positive, default=5, help="of each engine; medians count")
    parser.add_argument("--only", default="", help="workloads whose name contains this; nothing is written then")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help="other seeds, other transactions")
    parser.add_argument("--no-state", action="store_true", help="leave out state root and commit over many accounts")
    parser.add_argument("--quick", action="store_true", help="small blocks, one run, nothing written: does it run?")
    parser.add_argument("--output", type=Path, help="folder of performance.md and performance.svg, instead of docs/")
    options = parser.parse_args(arguments)
    if options.quick:
        options.transactions, options.large, options.runs = 30, 60, 1
    if options.output is None and not options.quick and not options.only:
        options.output = DOCUMENTS
    return options


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is not positive")
    return value


def _blocks(name: str, options: argparse.Namespace, *, with_large: bool) -> tuple[Workload, Workload | None]:
    small = max(options.transactions // 3, 1) if name.startswith(HEAVY) else options.transactions
    large = max(options.large // 3, 1) if name.startswith(HEAVY) else options.large
    # Another seed, so that equal sizes do not give equal accounts.
    large_block = make_workload(name, large, options.seed + 1) if with_large else None
    return make_workload(name, small, options.seed), large_block


def _overheads(measurements: Sequence[Measurement]) -> Overheads:
    """What parallel execution adds on this machine; nothing where it was not measured."""
    for item in measurements:
        gain = None if item.large is None else item.large.times_as_fast(NATIVE_TWO, NATIVE_ONE)
        if item.name == CALIBRATED_ON and gain is not None:
            whole = simulate(item.recorded, 1).nanoseconds
            return calibrate(item.recorded, 2, round(whole / gain))
    return Overheads()


def _plot(measurements: Sequence[Measurement], overheads: Overheads) -> str:
    curves = []
    for item in measurements:
        times = {threads: simulate(item.recorded, threads, overheads).nanoseconds for threads in SIMULATED_THREADS}
        measured = None if item.large is None else item.large.times_as_fast(NATIVE_TWO, NATIVE_ONE)
        curves.append(
            Curve(
                item.name,
                {threads: times[1] / time for threads, time in times.items()},
                {} if measured is None else {2: measured},
            )
        )
    title = "Times as fast as one thread: simulated from recorded accesses, dots measured"
    return draw_curves(title, curves, SIMULATED_THREADS)


if __name__ == "__main__":
    raise SystemExit(main())
