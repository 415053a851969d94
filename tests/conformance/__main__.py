"""
`python -m tests.conformance`: op-node and op-geth beside us, in both directions; every safe block must be equal.

    braid        a devnet writes to L1, op-node and op-geth derive its chain
    op-batcher   op-node sequences and op-batcher writes, our replica derives their chain

In some runs L1 is reorged, and in some the batcher stands still for longer than the sequencing window. Before them, the
bytes that our span batches take of L1 are compared with those that op-node's channels, which are op-batcher's, take for
the same blocks: ours may not be larger. With `--bytes` that is all.

The first run builds both (minutes). Binaries, chains and logs are in the folder that BRAID_CONFORMANCE_CACHE names, and
without it in `.braid/conformance`. Exit code 1: a difference, or a run that did not come to its end. With `--speed`
both derive one chain of transfers in turns, and what is told is how fast.
"""

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import requests
from web3.exceptions import Web3Exception

from batcher.codec.compression import Compression

from .building import OP_GETH, OPTIMISM, Binaries, BuildFailed, build_peers
from .configurations import BRAID, DEFAULT, OP_BATCHER, Configuration, NotWritten, UnknownConfiguration
from .l1_bytes import COMPRESSION, TRANSACTIONS, NotMeasured, compare_l1_bytes, describe_rows, find_larger
from .outcome import Outcome
from .playing import Run
from .speed import DEFAULT_SPEED, SpeedOptions, run_speed
from .speed_chain import Load
from .verifying_peers import run_verifier
from .writing_peers import run_writer

CACHE = Path(__file__).parents[2] / ".braid" / "conformance"
SHOWN_PROBLEMS = 20
RUNS: Mapping[str, Callable[[Run, Path], Outcome]] = {
    BRAID: run_verifier,
    OP_BATCHER: run_writer,
}
"""A kind of run by who writes to L1."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Build, run each configuration, print figures; returns the exit code."""
    options = _options(arguments)
    options.cache = options.cache.resolve()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # by an exception, so that whatever was started is stopped
    try:
        chosen = [(writer, found) for writer in options.writers for found in _choose(writer, options.configurations)]
        binaries = build_peers(options.cache)
    except (UnknownConfiguration, NotWritten, BuildFailed) as error:
        print(f"conformance: {error}", file=sys.stderr)
        return 1
    if options.build_only:
        return 0
    if options.speed:
        return _run_speed(binaries, options)
    are_small = _compare_bytes(binaries, options) if options.bytes or options.configurations is None else True
    if options.bytes:
        return 0 if are_small else 1
    print(f"op-geth {OP_GETH.version}, op-node {OPTIMISM.version}; traffic of {options.seconds:g} s each", flush=True)
    results = [_run(writer, configuration, binaries, options) for writer, configuration in chosen]
    print(f"{sum(results)} of {len(results)} runs passed")
    return 0 if all(results) and are_small else 1


def _choose(writer: str, names: str | None) -> list[Configuration]:
    """What that writer writes; raises where it can not."""
    found = [Configuration.parse(name) for name in (DEFAULT[writer] if names is None else names.split(","))]
    for configuration in found:
        configuration.require_writable(writer)
    return found


def _compare_bytes(binaries: Binaries, options: argparse.Namespace) -> bool:
    """Print the table; whether ours takes no more of L1, in the compression that it is asked of."""
    print(f"bytes a transaction on L1, {options.bytes_transactions:,} transactions each", flush=True)
    compressions = [Compression(name) for name in options.compressions]
    with tempfile.TemporaryDirectory() as folder:
        try:
            rows = compare_l1_bytes(binaries.span_channel, Path(folder), compressions, options.bytes_transactions)
        except NotMeasured as error:
            print(f"bytes: did not come to an end: {error}", flush=True)
            return False
    print(describe_rows(rows), flush=True)
    larger = find_larger([row for row in rows if row.compression == COMPRESSION.value])
    for found in larger:
        print(f"  {found}", flush=True)
    return not larger


def _run(writer: str, configuration: Configuration, binaries: Binaries, options: argparse.Namespace) -> bool:
    """One run; whether it passed. Its folder stays if it did not."""
    name = f"{writer} {configuration.name}"
    runs = options.cache / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    file_name = name.replace("/", "-").replace(" ", "-")
    folder = Path(tempfile.mkdtemp(prefix=f"{file_name}-", dir=runs))
    started = time.monotonic()
    try:
        vector = options.record / f"{file_name}.json.gz" if options.record else None
        outcome = RUNS[writer](Run(configuration, binaries, options.seconds, vector), folder)
    except (AssertionError, requests.RequestException, Web3Exception) as error:  # the first from what waits
        print(f"{name}: did not come to its end: {error}\n  see {folder}", flush=True)
        return False
    problems = outcome.problems()
    print(f"{name}: {'equal' if not problems else f'{len(problems)} DIFFERENCES'}")
    print(f"{outcome.describe()}\n  {outcome.rounds} rounds, {time.monotonic() - started:.0f} s", flush=True)
    for problem in problems[:SHOWN_PROBLEMS]:
        print(f"  {problem}", flush=True)
    if problems:
        print(f"  see {folder}", flush=True)
        return False
    shutil.rmtree(folder)
    return True


def _run_speed(binaries: Binaries, options: argparse.Namespace) -> int:
    """The exit code: 1 when somebody does not arrive at the chain that was posted."""
    name = DEFAULT_SPEED if options.configurations is None else options.configurations
    try:
        load = Load(options.transfers, options.block_transfers, options.recipients, Configuration.parse(name))
        run_speed(binaries, SpeedOptions(load, options.rounds), options.cache)
    except (AssertionError, requests.RequestException, UnknownConfiguration) as error:
        print(f"speed: did not come to its end: {error}", file=sys.stderr)
        return 1
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.conformance", description=(__doc__ or "").partition("\n\n")[0]
    )
    parser.add_argument(
        "--configurations",
        help="BATCH_TYPE/COMPRESSION/DATA_TYPE, and /many behind it or not, and then /reorg or /expiry or not; several "
        f"with commas between (default: {','.join(DEFAULT[BRAID])}; with --speed one, {DEFAULT_SPEED})",
    )
    parser.add_argument(
        "--writers", nargs="+", choices=RUNS, default=list(RUNS), help="who writes to L1 (default: both)"
    )
    parser.add_argument("--seconds", type=float, default=40.0, help="of traffic for each (default: %(default)s)")
    parser.add_argument("--record", type=Path, help="folder for a vector of each run (default: none is kept)")
    parser.add_argument("--cache", type=Path, default=Path(os.environ.get("BRAID_CONFORMANCE_CACHE", CACHE)))
    parser.add_argument("--build-only", action="store_true", help="build op-geth, op-node and op-batcher; run nothing")
    sizes = parser.add_argument_group("how much of L1 is taken")
    sizes.add_argument("--bytes", action="store_true", help="compare the bytes of span batches, and nothing else")
    sizes.add_argument(
        "--compressions",
        nargs="+",
        choices=[compression.value for compression in Compression],
        default=[COMPRESSION.value],
        help=f"to compare; {COMPRESSION.value} alone decides (default: it alone)",
    )
    sizes.add_argument(
        "--bytes-transactions",
        type=int,
        default=TRANSACTIONS,
        metavar="N",
        help="of each workload (default: %(default)s)",
    )
    speed = parser.add_argument_group("how fast L1 is read")
    speed.add_argument("--speed", action="store_true", help="time our replica, and op-node with op-geth")
    speed.add_argument("--transfers", type=int, default=20_000, help="on L1 (default: %(default)s)")
    speed.add_argument("--block-transfers", type=int, default=150, help="in a block (default: %(default)s)")
    speed.add_argument(
        "--recipients", type=int, default=200, help="accounts paid in turn; 0: fresh ones (default: %(default)s)"
    )
    speed.add_argument(
        "--rounds", type=int, default=3, help="medians of these count; 0: only make the chain (default: %(default)s)"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
