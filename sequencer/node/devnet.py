"""
A whole rollup on one machine: L1, sequencer, batcher, proposer and replica as processes of the ordinary subcommands.

Started again on the same data directory it goes on: the chain's files stay, each process finds its own state.
"""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import aiohttp

from contracts.genesis import l1_addresses
from contracts.preinstalls import PREINSTALLED_CODE
from l1_bridge.errors import CriticalError
from l1_bridge.l1_chain_config import prague_l1_chain
from l1_bridge.types import BlockId
from sequencer.primitives.clock import Clock
from sequencer.state.genesis_state import compute_genesis_header

from .anvil import anvil_command, find_foundry_tool
from .anvil_state import keep_one_chain
from .deployment import Deployed, deploy_contracts
from .dev_accounts import DEV_MNEMONIC, OWNER_INDEX, DevAccount, DevAccounts, derive_dev_accounts
from .devnet_plan import (
    CONTRACT_NAMES,
    L1_CHAIN_ID,
    L2_CHAIN_ID,
    DevnetFiles,
    DevnetOptions,
    Manifest,
    batcher_child,
    l1_child,
    node_child,
    proposer_child,
    replica_child,
    with_trusted_root,
)
from .json_files import write_json_object
from .json_rpc import JsonRpcClient
from .new_chain import contract_parameters, make_l1_genesis
from .supervisor import ChildSpec, Supervisor

READY_SECONDS = 60.0
"""Longest wait for a process to answer; a cold file cache makes the first start slow."""


class DevnetProblem(CriticalError):
    """The development network can not start as asked; the message says what to change."""


@dataclass(frozen=True, slots=True)
class RunningDevnet:
    """Where everything is, once it answers."""

    options: DevnetOptions
    l1_url: str
    manifest: Manifest
    accounts: DevAccounts
    supervisor: Supervisor
    session: aiohttp.ClientSession

    @property
    def l2_url(self) -> str:
        """JSON-RPC of the sequencer."""
        return f"http://127.0.0.1:{self.options.l2_port}"

    @property
    def replica_url(self) -> str:
        """JSON-RPC of the replica."""
        return f"http://127.0.0.1:{self.options.replica_port}"

    def to_json(self) -> dict[str, object]:
        """The line that `--json` prints."""
        return {
            "l1_rpc": self.l1_url,
            "l2_rpc": self.l2_url,
            "replica_rpc": self.replica_url,
            "metrics": f"http://127.0.0.1:{self.options.admin_port}/metrics",
            "l1_chain_id": self.manifest.l1_chain_id,
            "l2_chain_id": L2_CHAIN_ID,
            "contracts": dict(self.manifest.contracts),
            "accounts": [_account_to_json(account) for account in self.accounts.users],
            "data_dir": str(self.options.data_dir),
            "engine": self.options.engine,
        }


@asynccontextmanager
async def start_devnet(options: DevnetOptions, clock: Clock) -> AsyncIterator[RunningDevnet]:
    """
    Start everything, wait until it answers, stop it in reverse order at the end.

    Raises
    ------
    DevnetProblem
        A port is in use, anvil is asked for and absent, or the data directory belongs to another L1.
    ChildEnded
        A process ended by itself while the others started.
    """
    accounts = derive_dev_accounts()
    files = DevnetFiles(options.data_dir)
    options.data_dir.mkdir(parents=True, exist_ok=True)
    _require_free_ports(options)
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        supervisor = await stack.enter_async_context(Supervisor(options.data_dir / "logs"))
        l1_url, manifest = await _start_l1(options, files, accounts, supervisor, session, clock)
        await _start_l2(options, files, accounts, supervisor, l1_url, manifest)
        running = RunningDevnet(options, l1_url, manifest, accounts, supervisor, session)
        await _wait_until_ready(running)
        yield running


async def _start_l1(
    options: DevnetOptions,
    files: DevnetFiles,
    accounts: DevAccounts,
    supervisor: Supervisor,
    session: aiohttp.ClientSession,
    clock: Clock,
) -> tuple[str, Manifest]:
    """Start (or reach) L1 and see that the chain's files and contracts are there."""
    kind = _choose_l1(options.l1)
    manifest = Manifest.load(files.manifest) if files.rollup.exists() else None
    if manifest is not None and manifest.l1_kind != kind:
        raise DevnetProblem(
            f"{options.data_dir} belongs to a chain on L1 '{manifest.l1_kind}', not '{kind}': "
            f"start it with --l1 {manifest.l1_kind}, or choose another --data-dir"
        )
    url = f"http://127.0.0.1:{options.l1_port}" if kind in ("embedded", "anvil") else options.l1
    if kind == "embedded":
        if manifest is None:
            manifest = _make_embedded_chain(options, files, accounts, int(clock.now()))
        await supervisor.start(l1_child(options, files))
        return url, manifest
    if kind == "anvil":
        await supervisor.start(_anvil_child(options))
        await JsonRpcClient(session, url).wait_until_ready(0, READY_SECONDS)
        await _install_preinstalls(JsonRpcClient(session, url))
    if manifest is None:
        manifest = await _make_deployed_chain(options, files, accounts, url, kind)
    return url, manifest


def _choose_l1(wish: str) -> str:
    """`embedded`, `anvil`, or the URL itself."""
    if wish == "auto":
        return "embedded" if find_foundry_tool("anvil") is None else "anvil"
    if wish == "anvil" and find_foundry_tool("anvil") is None:
        raise DevnetProblem("anvil is not installed: `npm ci` in contracts/ brings it, or use --l1 embedded")
    if wish not in ("embedded", "anvil") and not wish.startswith(("http://", "https://")):
        raise DevnetProblem(f"--l1 {wish}: neither auto, embedded, anvil nor a URL")
    return wish


def _anvil_child(options: DevnetOptions) -> ChildSpec:
    binary = find_foundry_tool("anvil")
    if binary is None:
        raise DevnetProblem("anvil is not installed")
    state = options.data_dir / "anvil-state.json"
    keep_one_chain(state)
    command = anvil_command(
        binary,
        port=options.l1_port,
        chain_id=L1_CHAIN_ID,
        block_time_seconds=options.l1_block_time,
        mnemonic=DEV_MNEMONIC,
        accounts=OWNER_INDEX + 1,
        state=state,
    )
    return ChildSpec("l1", command, {})


async def _install_preinstalls(client: JsonRpcClient) -> None:
    """Put what every chain of ours has at its well-known address, where anvil has nothing there."""
    for address, code in PREINSTALLED_CODE.items():
        name = "0x" + address.hex()
        if await client.call("eth_getCode", name, "latest") == "0x":
            await client.call("anvil_setCode", name, "0x" + code.hex())


def _make_embedded_chain(options: DevnetOptions, files: DevnetFiles, accounts: DevAccounts, now: int) -> Manifest:
    """Contracts stand in the embedded L1's genesis, so everything is known before any process runs."""
    plan = options.chain_plan(accounts)
    l1_genesis = make_l1_genesis(plan, now)
    addresses = l1_addresses(contract_parameters(plan, now))
    write_json_object(files.l1_genesis, l1_genesis.to_json())
    l1_hash = compute_genesis_header(l1_genesis).compute_hash()
    return _write_chain(files, Deployed(plan, BlockId(0, l1_hash), now, addresses), "embedded")


async def _make_deployed_chain(
    options: DevnetOptions, files: DevnetFiles, accounts: DevAccounts, url: str, kind: str
) -> Manifest:
    """Deploy the contracts by transactions; the rollup starts after the block before them."""
    deployed = await deploy_contracts(url, accounts.owner.signer(), options.chain_plan(accounts))
    return _write_chain(files, deployed, kind)


def _write_chain(files: DevnetFiles, deployed: Deployed, kind: str) -> Manifest:
    genesis, rollup = deployed.make_chain()
    l1_chain_id = deployed.plan.l1_chain_id
    contracts = {name: "0x" + deployed.addresses[name].hex() for name in CONTRACT_NAMES}
    manifest = Manifest(kind, l1_chain_id, contracts)
    write_json_object(files.genesis, genesis.to_json())
    write_json_object(files.l1_chain, prague_l1_chain(l1_chain_id).to_json())
    write_json_object(files.manifest, manifest.to_json())
    write_json_object(files.rollup, rollup.to_json())
    return manifest


async def _start_l2(
    options: DevnetOptions,
    files: DevnetFiles,
    accounts: DevAccounts,
    supervisor: Supervisor,
    l1_url: str,
    manifest: Manifest,
) -> None:
    oracle = manifest.contracts["L2OutputOracle"]
    for child in (node_child(options, files, l1_url), replica_child(options, files, l1_url)):
        await supervisor.start(with_trusted_root(child) if manifest.l1_kind == "anvil" else child)
    await supervisor.start(batcher_child(options, files, l1_url, accounts))
    await supervisor.start(proposer_child(options, files, l1_url, accounts, oracle))


async def _wait_until_ready(running: RunningDevnet) -> None:
    """L1 answers, the sequencer has made a block, the replica answers; a child that ends meanwhile is the error."""
    watch = asyncio.ensure_future(running.supervisor.wait_for_end())
    ready = asyncio.ensure_future(_all_ready(running))
    try:
        await asyncio.wait((watch, ready), return_when=asyncio.FIRST_COMPLETED)
        if watch.done():
            await watch
        await ready
    finally:
        for task in (watch, ready):
            task.cancel()


async def _all_ready(running: RunningDevnet) -> None:
    await JsonRpcClient(running.session, running.l1_url).wait_until_ready(0, READY_SECONDS)
    await JsonRpcClient(running.session, running.l2_url).wait_until_ready(1, READY_SECONDS)
    await JsonRpcClient(running.session, running.replica_url).wait_until_ready(0, READY_SECONDS)


def _require_free_ports(options: DevnetOptions) -> None:
    ports = [options.l2_port, options.replica_port, options.admin_port]
    if not options.l1.startswith("http"):
        ports.insert(0, options.l1_port)
    taken = []
    for port in ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                taken.append(str(port))
    if taken:
        raise DevnetProblem(f"port {', '.join(taken)} in use: stop what holds it, or choose another --port-base")


def _account_to_json(account: DevAccount) -> dict[str, str]:
    return {"address": "0x" + account.address.hex(), "private_key": "0x" + account.private_key.hex()}
