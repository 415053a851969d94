"""
`python -m tests.conformance.catching_up`: a replica that derives a long chain from genesis, as its operator sees it.

    L1 that stands still, near or far --JSON-RPC--> braid replica --terminal--> the line of progress

It is run in turns: L1 takes batches, or it takes single requests alone; with `--against FOLDER`, another source tree's
replica as well. Each must arrive at the last block's hash. The clock runs from the start of the process until the last
block is safe. The chain is made once, in the folder that BRAID_CONFORMANCE_CACHE names, else in `.braid/conformance`.
"""

import argparse
import asyncio
import os
import re
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import requests

from tests.e2e.devnet_process import find_port_base, wait_until

from .json_rpc import JsonRpc
from .long_chain import L1_CHAIN_ID, LongChain, LongLoad, get_long_chain
from .recorded_l1_server import RecordedL1Server, serve_recorded_l1
from .terminal import run_on_terminal

ROOT = Path(__file__).parents[2]
LOOK_SECONDS = 0.05
DERIVATION_SECONDS = 1_800.0
PROGRESS = re.compile(r"catching up .*?(\d+(?:\.\d+)?)%.*? safe block ([\d,]+), ([\d,.]+) blocks/s, (\S+) left")
END = re.compile(r"caught up with L1 at safe block [\d,]+, in [\d,.]+ s")


@dataclass(frozen=True, slots=True)
class Contestant:
    """Whose replica, and on what L1."""

    name: str
    takes_batches: bool
    source: Path = ROOT


@dataclass(frozen=True, slots=True)
class CatchingUp:
    """One derivation from genesis."""

    seconds: float
    blocks_a_second: float
    processor_seconds: float
    """That the replica took of the cores, which says more where other work goes on beside it."""
    requests: int
    """To L1, over HTTP."""
    block_requests: int
    """Those of them that gave blocks or receipts."""
    block_calls: int
    shown: tuple[str, ...]
    """On the terminal, each line of progress once, and the last line."""


def replica_command(chain: LongChain, l1_url: str, data: Path, port: int) -> list[str]:
    """The replica's command line."""
    return [
        *(sys.executable, "-m", "sequencer", "replica", "--genesis", str(chain.folder / "genesis.json")),
        *("--rollup", str(chain.folder / "rollup.json"), "--l1", l1_url, "--l1-poll", "0.5", "--redis", "off"),
        *("--data-dir", str(data), "--rpc-port", str(port)),
    ]


def catch_up(chain: LongChain, l1: RecordedL1Server, folder: Path, source: Path = ROOT) -> CatchingUp:
    """Derive the chain once, on a terminal; an AssertionError says who did not arrive at its last block."""
    l1.forget_counts()
    port = find_port_base()
    started = time.monotonic()
    command = replica_command(chain, l1.url, folder / "replica", port)
    with run_on_terminal(command, folder / "replica.log", source) as terminal, requests.Session() as session:
        node = JsonRpc(f"http://127.0.0.1:{port}", session)
        while node.head_number("safe") < chain.last:
            terminal.require_alive()
            assert time.monotonic() < started + DERIVATION_SECONDS, f"not safe after {DERIVATION_SECONDS:g} s"
            time.sleep(LOOK_SECONDS)
        seconds, processor_seconds = time.monotonic() - started, terminal.processor_seconds()
        if PROGRESS.search(terminal.text()):
            wait_until("it says that it has caught up", lambda: END.search(terminal.text()))
        block = node.ask("eth_getBlockByNumber", hex(chain.last), False)
        assert isinstance(block, dict)
        assert block["hash"] == chain.last_hash, f"block {chain.last} is {block['hash']}, not {chain.last_hash}"
        counts = (l1.requests, l1.block_requests, l1.block_calls)
        shown = [match[0] for match in PROGRESS.finditer(terminal.text())]
        shown += [match[0] for match in END.finditer(terminal.text())]
    return CatchingUp(seconds, chain.last / seconds, processor_seconds, *counts, tuple(dict.fromkeys(shown)))


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the chain, derive it in turns, print figures; returns the exit code."""
    options = _options(arguments)
    load = LongLoad(options.blocks, transfers=options.transfers)
    chain = asyncio.run(get_long_chain(load, options.cache.resolve()))
    print(
        f"{chain.last:,} L2 blocks with {chain.transactions:,} transfers in {chain.l1_blocks:,} L1 blocks", flush=True
    )
    contestants = [Contestant("batches", takes_batches=True), Contestant("single requests", takes_batches=False)]
    if options.against:
        contestants.append(Contestant(f"{options.against.name}", True, options.against.resolve()))
    try:
        with serve_recorded_l1(RecordedL1Server.load(chain.folder / "l1.json.gz", L1_CHAIN_ID)) as l1:
            for latency in options.latency_ms:
                _compare(chain, l1, contestants, latency_ms=latency, rounds=options.rounds)
    except (AssertionError, requests.RequestException) as error:
        print(f"did not come to its end: {error}", file=sys.stderr)
        return 1
    return 0


def _compare(
    chain: LongChain, l1: RecordedL1Server, contestants: Sequence[Contestant], *, latency_ms: float, rounds: int
) -> None:
    print(f"L1 is {latency_ms:g} ms away", flush=True)
    l1.latency_seconds = latency_ms / 1_000
    found: dict[str, list[CatchingUp]] = {contestant.name: [] for contestant in contestants}
    for number in range(rounds):
        for contestant in contestants if number % 2 == 0 else contestants[::-1]:
            l1.takes_batches = contestant.takes_batches
            with tempfile.TemporaryDirectory(prefix="run-", dir=chain.folder) as folder:
                result = catch_up(chain, l1, Path(folder), contestant.source)
            found[contestant.name].append(result)
            print(f"  {number + 1}. {contestant.name}: {_describe(result)}", flush=True)
            if number == 0 and contestant is contestants[0]:
                middle = len(result.shown) // 2
                print("    " + "\n    ".join(dict.fromkeys((*result.shown[middle : middle + 1], result.shown[-1]))))
    rates = {name: median(result.blocks_a_second for result in results) for name, results in found.items()}
    first, *others = rates
    for name in others:
        print(f"  median of {first} / {name}: {rates[first]:,.0f} / {rates[name]:,.0f} blocks/s,"
              f" ratio {rates[first] / rates[name]:.2f}", flush=True)  # fmt: skip


def _describe(result: CatchingUp) -> str:
    return (
        f"{result.seconds:.1f} s, {result.blocks_a_second:,.0f} blocks/s, {result.processor_seconds:.1f} s of processor"
        f", {result.requests:,} requests to L1, {result.block_requests:,} of them for blocks"
    )


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.conformance.catching_up", description=(__doc__ or "").partition("\n\n")[0]
    )
    parser.add_argument("--blocks", type=int, default=10_000, help="of L2 (default: %(default)s)")
    parser.add_argument("--transfers", type=int, default=1, help="in each block (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="medians of these count (default: %(default)s)")
    parser.add_argument(
        "--latency-ms", type=float, nargs="+", default=[0.0, 20.0], help="of every request to L1 (default: 0 and 20)"
    )
    parser.add_argument("--against", type=Path, help="another source tree, whose replica is run as well")
    cache = Path(os.environ.get("BRAID_CONFORMANCE_CACHE", ROOT / ".braid" / "conformance"))
    parser.add_argument("--cache", type=Path, default=cache)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
