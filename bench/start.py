"""
A node over many funded accounts: how long it takes to answer, and what it takes of the memory under load.

    first start     from a genesis file to the first answer: accounts, tries and commit are made
    load            signed transfers to accounts of the genesis, in batches and one a request
    restart         the same on the directory as the load left it

Each start is a process of its own, `braid node --standalone`; the clock runs from the process's start to the answer to
`eth_chainId`. Memory is the node's own process's: the peak since its start, and what is resident at the step's end.
"""

import argparse
import asyncio
import json
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import aiohttp

from sequencer.node.benchmark import BenchmarkOptions, BenchmarkResult, recipient_address, run_benchmark
from sequencer.node.dev_accounts import derive_dev_accounts
from sequencer.node.json_rpc import JsonRpcClient, RpcFailed
from sequencer.node.supervisor import ChildSpec, Supervisor
from sequencer.primitives.genesis import Genesis, GenesisAccount

from .machine import MemoryUse, children_of, describe_machine, memory_use
from .markdown import asked_for, table

CHAIN_ID = 902
GAS_LIMIT = 500_000_000

ASKED_SECONDS = 5.0
"""At most this from a process's start to its first answer."""

ASKED_BYTES = 1 << 30
"""At most this is resident, pages of the store's file included."""

FIRST_START, RESTART = "first start", "restart"

START_SECONDS = 120.0
POLL_SECONDS = 0.005


@dataclass(frozen=True, slots=True)
class Load:
    """Transfers that are sent in one way; `recipients` of each sender are accounts of the genesis."""

    senders: int
    recipients: int
    batched: int
    single: int


@dataclass(frozen=True, slots=True)
class Row:
    """What one step took; memory is the node's own process's, as it is at the step's end."""

    step: str
    seconds: float
    memory: MemoryUse
    others_resident: int
    sealed_per_second: float = 0.0


def write_genesis(path: Path, accounts: int, senders: int) -> None:
    """A genesis with `accounts` funded accounts, those that the load of so many senders pays, and who pays for it."""
    genesis = Genesis(CHAIN_ID, int(time.time()), b"", GAS_LIMIT, bytes(20), 10**9, {})
    funded = derive_dev_accounts().funded()
    alloc = {address: GenesisAccount(balance) for address, balance in funded.items()}
    turns = -(-(accounts - len(alloc)) // senders)
    while len(alloc) < accounts:
        index = len(alloc) - len(funded)
        address = recipient_address(1, index // turns, index % turns)
        alloc[address] = GenesisAccount(10**18 + index)
    path.write_text(json.dumps(replace(genesis, alloc=alloc).to_json()))


def measure_start(accounts: int, load: Load) -> list[Row]:
    """Every step on one directory."""
    with tempfile.TemporaryDirectory() as directory:
        genesis = Path(directory) / "genesis.json"
        write_genesis(genesis, accounts, load.senders)
        return asyncio.run(_measure(genesis, load))


async def _measure(genesis: Path, load: Load) -> list[Row]:
    rows = []
    async with _node(genesis) as (url, pid, seconds):
        rows.append(_row(FIRST_START, seconds, pid))
        for batch, count in ((100, load.batched), (1, load.single)):
            result, taken = await _send(url, load, batch, count)
            name = f"{count:,} transfers, {batch} a request"
            rows.append(replace(_row(name, taken, pid), sealed_per_second=result.sealed_per_second))
    async with _node(genesis) as (_, pid, seconds):
        rows.append(_row(RESTART, seconds, pid))
    return rows


async def _send(url: str, load: Load, batch: int, count: int) -> tuple[BenchmarkResult, float]:
    options = BenchmarkOptions(
        url=url, count=count, senders=load.senders, batch=batch, recipients=load.recipients, seed=1
    )
    began = time.perf_counter()
    result = await run_benchmark(options)
    assert not result.refused, result.refusal
    return result, time.perf_counter() - began


@asynccontextmanager
async def _node(genesis: Path) -> AsyncIterator[tuple[str, int, float]]:
    """A node that answers: its URL, its process, and the seconds until the first answer."""
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    data = genesis.with_name("node")
    command = [sys.executable, "-m", "sequencer", "node", "--standalone", "--block-time", "1"]
    command += ["--genesis", str(genesis), "--data-dir", str(data), "--rpc-port", str(port)]
    async with Supervisor(genesis.parent) as supervisor:
        began = time.perf_counter()
        await supervisor.start(ChildSpec("node", command, {}))
        await _wait_for_answer(supervisor, url)
        seconds = time.perf_counter() - began
        yield url, supervisor.process_ids()["node"], seconds


async def _wait_for_answer(supervisor: Supervisor, url: str) -> None:
    async with aiohttp.ClientSession() as session, asyncio.timeout(START_SECONDS):
        client = JsonRpcClient(session, url)
        while True:
            supervisor.check()
            try:
                await client.call("eth_chainId")
            except RpcFailed:
                await asyncio.sleep(POLL_SECONDS)
            else:
                return


def _row(step: str, seconds: float, pid: int) -> Row:
    children = [memory_use(child) for child in children_of(pid)]
    return Row(step, seconds, memory_use(pid), sum(child.peak_resident for child in children))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_table(rows: Sequence[Row], accounts: int) -> str:
    """As Markdown."""
    headings = ("seconds", "sealed/s", "peak RSS MiB", "anonymous RSS MiB", "RSS of files MiB", "others' peak MiB")
    cells = []
    for row in rows:
        memory = row.memory
        sizes = (memory.peak_resident, memory.resident_anonymous, memory.resident_file, row.others_resident)
        rate = f"{row.sealed_per_second:,.0f}" if row.sealed_per_second else "-"
        cells.append([row.step, f"{row.seconds:.2f}", rate, *(str(size >> 20) for size in sizes)])
    return table([f"{accounts:,} accounts", *headings], cells)


def verdicts(rows: Sequence[Row]) -> list[str]:
    """Asked for, and whether it was reached."""
    starts = max(row.seconds for row in rows if row.step in (FIRST_START, RESTART))
    peak = max(row.memory.peak_resident for row in rows)
    return [
        asked_for(f"at most {ASKED_SECONDS:g} s to the first answer", starts <= ASKED_SECONDS),
        asked_for(f"at most {ASKED_BYTES >> 20} MiB resident", peak <= ASKED_BYTES),
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.start", description=__doc__)
    parser.add_argument("--accounts", type=int, default=1_000_000, help="of the genesis")
    parser.add_argument("--senders", type=int, default=100)
    parser.add_argument("--batched", type=int, default=30_000, help="transfers that are sent in batches of 100")
    parser.add_argument("--single", type=int, default=5_000, help="transfers that are sent one a request")
    options = parser.parse_args()
    machine = describe_machine()
    rows = measure_start(options.accounts, Load(options.senders, 0, options.batched, options.single))
    print("\n".join([*machine, "", start_table(rows, options.accounts), "", *verdicts(rows)]))


if __name__ == "__main__":
    main()
