"""`braid node` and `braid replica`: the node's process, with or without the right to make blocks."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sequencer.config import NodeSettings

Genesis = Annotated[Path | None, typer.Option(help="genesis.json")]
Rollup = Annotated[Path | None, typer.Option(help="rollup.json")]
L1 = Annotated[str | None, typer.Option(help="URL of an L1 node")]
L1ChainConfig = Annotated[Path | None, typer.Option(help="L1 chain config; none: Prague from genesis")]
L1Beacon = Annotated[str | None, typer.Option(help="URL of a beacon node, for batches in blobs; none: the L1 node's")]
L1SlotSeconds = Annotated[int | None, typer.Option(help="seconds of an L1 slot; none: as the beacon node says")]
TrustRoot = Annotated[
    bool | None,
    typer.Option("--trust-l1-transactions-root", help="for anvil, whose transactions root is wrong where blobs are"),
]
L1Poll = Annotated[float | None, typer.Option(help="seconds between two looks at L1's heads")]
DataDir = Annotated[Path | None, typer.Option(help="where the chain is kept")]
RpcHost = Annotated[str | None, typer.Option(help="address that the RPC listens on")]
RpcPort = Annotated[int | None, typer.Option(help="port of the RPC")]
AdminPort = Annotated[int | None, typer.Option(help="metrics, health and admin, on loopback; 0: any free port")]
Engine = Annotated[
    str | None, typer.Option(help="auto (native where it is installed, else parallel), native, parallel or serial")
]
Workers = Annotated[int | None, typer.Option(help="threads of the native engine, processes of the parallel one")]
CrossCheck = Annotated[
    bool | None, typer.Option("--cross-check", help="run a second engine beside the first; a difference stops the node")
]
CrossCheckEngine = Annotated[str | None, typer.Option(help="the second engine; implies --cross-check")]
Executor = Annotated[str | None, typer.Option(help="where workers run: processes, ray, or ray:ADDRESS")]
Redis = Annotated[str | None, typer.Option(help="auto (embedded), off, or a URL")]
Clock = Annotated[str | None, typer.Option(help="system, l1 (follow L1's time) or resume")]
LogLevel = Annotated[str | None, typer.Option(help="debug, info, warning or error")]
ConfigFile = Annotated[Path | None, typer.Option("--config", help="TOML file with the same settings")]


RENAMED = {"l1_poll": "l1_poll_seconds", "block_time": "block_time_seconds"}
"""Options whose settings carry a unit in their name."""

NO_SETTINGS = frozenset({"config", "standalone", "cross_check_engine"})
"""Options that are not settings themselves."""


def register(app: typer.Typer) -> None:
    """Add the subcommands."""
    app.command("node")(node)
    app.command("replica")(replica)


def node(
    genesis: Genesis = None,
    rollup: Rollup = None,
    l1: L1 = None,
    l1_beacon: L1Beacon = None,
    l1_slot_seconds: L1SlotSeconds = None,
    trust_l1_transactions_root: TrustRoot = None,
    l1_chain_config: L1ChainConfig = None,
    l1_poll: L1Poll = None,
    l1_confirmations: Annotated[int | None, typer.Option(help="L1 blocks on top of an origin")] = None,
    data_dir: DataDir = None,
    rpc_host: RpcHost = None,
    rpc_port: RpcPort = None,
    admin_port: AdminPort = None,
    engine: Engine = None,
    workers: Workers = None,
    cross_check: CrossCheck = None,
    cross_check_engine: CrossCheckEngine = None,
    executor: Executor = None,
    redis: Redis = None,
    block_time: Annotated[int | None, typer.Option(help="seconds, of a standalone chain")] = None,
    late_seconds: Annotated[float | None, typer.Option(help="later blocks hold deposits alone")] = None,
    clock: Clock = None,
    log_level: LogLevel = None,
    config: ConfigFile = None,
    standalone: Annotated[bool, typer.Option(help="plain Ethereum rules, and no chain above")] = False,
) -> None:
    """Run a sequencer; with --standalone, a chain of its own that can serve as an L1."""
    settings = _load(config, locals())
    _check_kind(settings, standalone)
    _start(settings, is_sequencer=True)


def _check_kind(settings: "NodeSettings", standalone: bool) -> None:
    if standalone and not settings.is_standalone:
        raise typer.BadParameter("--standalone takes neither --rollup nor --l1")
    if settings.is_standalone and not standalone:
        raise typer.BadParameter("a sequencer needs --rollup and --l1 (or say --standalone)")


def replica(
    genesis: Genesis = None,
    rollup: Rollup = None,
    l1: L1 = None,
    l1_beacon: L1Beacon = None,
    l1_slot_seconds: L1SlotSeconds = None,
    trust_l1_transactions_root: TrustRoot = None,
    l1_chain_config: L1ChainConfig = None,
    l1_poll: L1Poll = None,
    sequencer_rpc: Annotated[str | None, typer.Option(help="RPC of the sequencer, asked for access lists")] = None,
    data_dir: DataDir = None,
    rpc_host: RpcHost = None,
    rpc_port: RpcPort = None,
    admin_port: AdminPort = None,
    engine: Engine = None,
    workers: Workers = None,
    cross_check: CrossCheck = None,
    cross_check_engine: CrossCheckEngine = None,
    executor: Executor = None,
    redis: Redis = None,
    clock: Clock = None,
    log_level: LogLevel = None,
    config: ConfigFile = None,
) -> None:
    """Run a node that derives the chain from L1 and makes no blocks of its own."""
    settings = _load(config, locals())
    if settings.is_standalone:
        raise typer.BadParameter("a replica needs --rollup and --l1")
    _start(settings, is_sequencer=False)


def _load(config: Path | None, options: Mapping[str, object]) -> "NodeSettings":
    """Settings from a command's options; those whose names differ from a setting's stand in `RENAMED`."""
    from sequencer.config import NodeSettings, load_settings

    flags = {RENAMED.get(name, name): value for name, value in options.items() if name not in NO_SETTINGS}
    flags["cross_check"] = options["cross_check_engine"] or ("auto" if options["cross_check"] else None)
    return load_settings(NodeSettings, flags, config)


def _start(settings: "NodeSettings", is_sequencer: bool) -> None:
    from sequencer.node.event_loop import run

    run(_run(settings, is_sequencer))


async def _run(settings: "NodeSettings", is_sequencer: bool) -> None:
    from sequencer.node.genesis_file import GenesisReading

    genesis = GenesisReading(settings.genesis, settings.data_dir)
    from sequencer.node.builder import build_node  # a second of loading, beside the reading
    from sequencer.node.logging import configure_logging
    from sequencer.node.runner import run_services, stop_on_signals

    configure_logging(settings.log_level)
    stop = asyncio.Event()
    stop_on_signals(stop)
    async with build_node(settings, is_sequencer=is_sequencer, genesis=genesis) as services:
        await run_services(services, stop)
