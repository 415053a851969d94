"""
How fast a chain is derived from L1 alone: our replica, and op-node with op-geth, in turns on the same L1.

    anvil, which stands still --JSON-RPC--> braid replica                       tx/s until the last block is safe
                              `-----------> op-node --engine API--> op-geth

Every start is from nothing but genesis. The clock runs from the start of the process (for the peers op-geth's, with
its database initialised before). The second figure leaves the start out: transactions from the first safe block that
was seen to the last. All of them must arrive at the same hash.
"""

import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import requests

from tests.e2e.devnet_process import braid, find_port_base

from .building import Binaries
from .json_rpc import JsonRpc
from .peers import ChainFiles, run_peers
from .processes import PeerProcess, run_process
from .speed_chain import Load, PostedChain, get_chain, serve_l1

LOOK_SECONDS = 0.05
"""Between two looks at the safe head: what a measured time may be too long."""

GC_MODE = "full"
"""Of op-geth: faster than `archive`."""

DERIVATION_SECONDS = 300.0
DEFAULT_SPEED = "span/brotli-10/calldata"
"""Configuration of the chain that is derived."""

OURS, PEERS = "braid replica", "op-node + op-geth"


@dataclass(frozen=True, slots=True)
class SpeedOptions:
    """As on the command line."""

    load: Load
    rounds: int


@dataclass(frozen=True, slots=True)
class Timing:
    """One derivation."""

    seconds: float
    """From the start of the process until the last block was safe."""
    rate: float
    """Transactions a second of that time."""
    steady_rate: float
    """The same without the start: from the first safe block that was seen."""


def run_speed(binaries: Binaries, options: SpeedOptions, cache: Path) -> None:
    """Derive in turns and print what came out; an AssertionError says who did not arrive at the chain's last block."""
    chain = get_chain(options.load, cache)
    total = chain.count_after(0)
    print(f"{total:,} transactions in {chain.last} blocks, {options.load.configuration.name}", flush=True)
    timings: dict[str, list[Timing]] = {OURS: [], PEERS: []}
    with serve_l1(chain, trusts_l1=options.load.configuration.uses_blobs) as files:
        contestants: Mapping[str, Callable[[Path], Timing]] = {
            OURS: partial(_time_replica, chain, files),
            PEERS: partial(_time_peers, chain, files, binaries),
        }
        for number in range(options.rounds):
            for name in sorted(contestants, reverse=number % 2 == 1):
                timing = _time(contestants[name], chain.folder)
                timings[name].append(timing)
                print(f"  {number + 1}. {name}: {_describe(timing)}", flush=True)
    if options.rounds:
        _print_medians(timings)


def _time(contestant: Callable[[Path], Timing], runs: Path) -> Timing:
    """One derivation in a folder of its own; it stays when the derivation does not come to its end."""
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=runs))
    timing = contestant(folder)
    shutil.rmtree(folder)
    return timing


def _time_replica(chain: PostedChain, files: ChainFiles, folder: Path) -> Timing:
    port = find_port_base()
    trust = ("--trust-l1-transactions-root",) if files.trusts_l1 else ()
    command = braid(
        *("replica", "--genesis", str(files.genesis), "--rollup", str(files.rollup), "--l1", files.l1_url, *trust),
        *("--l1-chain-config", str(files.l1_chain), "--l1-poll", "0.5", "--clock", "l1", "--redis", "off"),
        *("--data-dir", str(folder / "replica"), "--rpc-port", str(port)),
    )
    started = time.monotonic()
    with requests.Session() as session, run_process("replica", command, folder) as process:
        return _wait(chain, JsonRpc(f"http://127.0.0.1:{port}", session), started, process)


def _time_peers(chain: PostedChain, files: ChainFiles, binaries: Binaries, folder: Path) -> Timing:
    with (
        requests.Session() as session,
        run_peers(binaries, files, folder / "peers", session, gc_mode=GC_MODE) as peers,
    ):
        return _wait(chain, peers.op_geth, peers.started, *peers.processes)


def _wait(chain: PostedChain, node: JsonRpc, started: float, *processes: PeerProcess) -> Timing:
    """Look at the safe head until the last block is safe."""
    first: tuple[float, int] | None = None
    while True:
        safe, now = node.head_number("safe"), time.monotonic()
        if first is None and safe > 0:
            first = (now, safe)
        if first is not None and safe >= chain.last:
            break
        for process in processes:
            process.require_alive()
        assert now < started + DERIVATION_SECONDS, f"safe head {safe} after {DERIVATION_SECONDS:g} s"
        time.sleep(LOOK_SECONDS)
    block = node.get_or_none("eth_getBlockByNumber", hex(chain.last), False)
    assert isinstance(block, Mapping)
    assert block["hash"] == chain.last_hash, f"block {chain.last} is {block['hash']}, not {chain.last_hash}"
    steady_seconds = max(now - first[0], LOOK_SECONDS)
    return Timing(now - started, chain.count_after(0) / (now - started), chain.count_after(first[1]) / steady_seconds)


def _describe(timing: Timing) -> str:
    return f"{timing.seconds:.2f} s, {timing.rate:,.0f} tx/s; without the start {timing.steady_rate:,.0f} tx/s"


def _print_medians(timings: Mapping[str, list[Timing]]) -> None:
    rates = {name: median(timing.rate for timing in listed) for name, listed in timings.items()}
    steady = {name: median(timing.steady_rate for timing in listed) for name, listed in timings.items()}
    for name in timings:
        print(f"median of {name}: {rates[name]:,.0f} tx/s; without the start {steady[name]:,.0f} tx/s")
    print(
        f"{OURS} / {PEERS}: {rates[OURS] / rates[PEERS]:.2f}; without the start {steady[OURS] / steady[PEERS]:.2f}",
        flush=True,
    )
