"""`python -m bench`: the engines side by side, in one table; ratios count, seconds depend on the machine."""

import argparse
import os

from rich.console import Console
from rich.table import Table

from .engines import EngineBench, Measurement
from .workloads import WORKLOADS, make_workload


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--transactions", type=int, default=300, help="in each block")
    parser.add_argument("--runs", type=int, default=5, help="of each engine; medians are printed")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", default="", help="workloads whose name contains this")
    options = parser.parse_args()
    names = [name for name in WORKLOADS if options.only in name]
    workloads = [make_workload(name, options.transactions) for name in names]
    with EngineBench(workloads, options.workers) as bench:
        measurements = [bench.measure(workload, options.runs) for workload in workloads]
    _print(measurements, options.workers)


def _print(measurements: list[Measurement], workers: int) -> None:
    title = f"apply of whole warm blocks: serial against {workers} workers"
    table = Table(box=None, padding=(0, 1), title=title, caption=_machine())
    for heading in ("workload", "tx", "serial ms", "parallel ms", "ratio", "speculated", "conflicts", "from Redis"):
        table.add_column(heading, justify="left" if heading == "workload" else "right")
    for heading in ("recovery ms", "root ms", "commit ms"):
        table.add_column(heading, justify="right")
    for measured in measurements:
        table.add_row(
            measured.name,
            str(measured.transactions),
            f"{1000 * measured.serial:.1f}",
            f"{1000 * measured.parallel:.1f}",
            f"{measured.ratio:.2f}",
            str(measured.speculated),
            str(measured.conflicts),
            f"{100 * measured.served_by_redis / measured.prefetched:.0f} %" if measured.prefetched else "-",
            f"{1000 * measured.recovery:.1f}",
            f"{1000 * measured.root:.1f}",
            f"{1000 * measured.commit:.1f}",
        )
    Console(width=150).print(table)


def _machine() -> str:
    """What else a reader has to know: ratios suffer where others use the cores too."""
    return f"{os.cpu_count()} cores, load average of the last minute {os.getloadavg()[0]:.1f} (of it ours: up to 2)"


if __name__ == "__main__":
    main()
