"""
`python -m tests.conformance`: op-node and op-geth beside us, in both directions; every safe block must be equal.

    braid        a devnet writes to L1, op-node and op-geth derive its chain
    op-batcher   op-node sequences and op-batcher writes, our replica derives their chain

In some runs L1 is reorged, and in some the batcher stands still for longer than the sequencing window.

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

from .building import OP_GETH, OPTIMISM, Binaries, BuildFailed, build_peers
from .configurations import DEFAULT, Configuration, UnknownConfiguration
from .outcome import Outcome
from .playing import Run
from .speed import DEFAULT_SPEED, SpeedOptions, run_speed
from .speed_chain import Load
from .verifying_peers import run_verifier
from .writing_peers import run_writer

CACHE = Path(__file__).parents[2] / ".braid" / "conformance"
SHOWN_PROBLEMS = 20
RUNS: Mapping[str, Callable[[Run, Path], Outcome]] = {
    "braid": run_verifier,
    "op-batcher": run_writer,
}
"""A kind of run by who writes to L1."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Build, run each configuration, print figures; returns the exit code."""
    options = _options(arguments)
    options.cache = options.cache.resolve()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # by an exception, so that whatever was started is stopped
    try:
        names = DEFAULT if options.configurations is None else options.configurations.split(",")
        configurations = [Configuration.parse(name) for name in names]
        binaries = build_peers(options.cache)
    except (UnknownConfiguration, BuildFailed) as error:
        print(f"conformance: {error}", file=sys.stderr)
        return 1
    if options.build_only:
        return 0
    if options.speed:
        return _run_speed(binaries, options)
    print(f"op-geth {OP_GETH.version}, op-node {OPTIMISM.version}; traffic of {options.seconds:g} s each", flush=True)
    results = [
        _run(writer, configuration, binaries, options) for writer in options.writers for configuration in configurations
    ]
    print(f"{sum(results)} of {len(results)} runs passed")
    return 0 if all(results) else 1


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
        help="BATCH_TYPE/COMPRESSION/DATA_TYPE, and /reorg or /expiry behind it or not; several with commas between "
        f"(default: {','.join(DEFAULT)}; with --speed one, {DEFAULT_SPEED})",
    )
    parser.add_argument(
        "--writers", nargs="+", choices=RUNS, default=list(RUNS), help="who writes to L1 (default: both)"
    )
    parser.add_argument("--seconds", type=float, default=40.0, help="of traffic for each (default: %(default)s)")
    parser.add_argument("--record", type=Path, help="folder for a vector of each run (default: none is kept)")
    parser.add_argument("--cache", type=Path, default=Path(os.environ.get("BRAID_CONFORMANCE_CACHE", CACHE)))
    parser.add_argument("--build-only", action="store_true", help="build op-geth, op-node and op-batcher; run nothing")
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
