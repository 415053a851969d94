"""`braid devnet`: a whole rollup on this machine."""

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast, get_args

import typer

if TYPE_CHECKING:
    from sequencer.node.devnet import RunningDevnet
    from sequencer.node.devnet_plan import DevnetOptions

DEFAULT_DATA_DIR = Path(".braid") / "devnet"


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    app.command("devnet")(devnet)


def devnet(
    as_json: Annotated[bool, typer.Option("--json", help="print one line of JSON when ready")] = False,
    port_base: Annotated[int, typer.Option(min=1, max=65532, help="L1; L2, replica and admin follow")] = 8545,
    data_dir: Annotated[Path, typer.Option(help="started again here, the chain goes on")] = DEFAULT_DATA_DIR,
    l1: Annotated[str, typer.Option(help="auto, embedded, anvil, or a URL")] = "auto",
    engine: Annotated[str, typer.Option(help="auto, native, parallel or serial")] = "auto",
    workers: Annotated[
        int, typer.Option(min=1, max=256, help="threads of the native engine, processes of the parallel one")
    ] = 2,
    redis: Annotated[str, typer.Option(help="auto, off, or a URL")] = "auto",
    block_time: Annotated[int, typer.Option(min=1, help="seconds")] = 1,
    l1_block_time: Annotated[int, typer.Option(min=1, help="seconds, of an L1 that is started here")] = 2,
    sequencing_window: Annotated[int, typer.Option(min=1, help="L1 blocks")] = 600,
    output_interval: Annotated[int, typer.Option(min=1, help="L2 blocks")] = 20,
    finalization_period: Annotated[int, typer.Option(min=1, help="seconds")] = 12,
    gas_limit: Annotated[
        int, typer.Option(min=21_000_000, max=500_000_000, help="of an L2 block, for a new chain")
    ] = 60_000_000,
) -> None:
    """Start L1, Redis, sequencer, batcher, proposer and replica; Ctrl-C stops everything."""
    from sequencer.config import EngineName
    from sequencer.node.devnet_plan import DevnetOptions

    if engine not in get_args(EngineName):
        raise typer.BadParameter(f"{engine!r} is none of {', '.join(get_args(EngineName))}", param_hint="--engine")
    options = DevnetOptions(
        data_dir=data_dir.resolve(),
        port_base=port_base,
        l1=l1,
        engine=cast(EngineName, engine),  # checked above
        workers=workers,
        redis=redis,
        block_time=block_time,
        l1_block_time=l1_block_time,
        sequencing_window=sequencing_window,
        output_interval=output_interval,
        finalization_period=finalization_period,
        gas_limit=gas_limit,
    )
    asyncio.run(_run(options, as_json))


async def _run(options: "DevnetOptions", as_json: bool) -> None:
    from sequencer.node.logging import configure_logging
    from sequencer.node.runner import stop_on_signals

    configure_logging("warning")
    stop = asyncio.Event()
    stop_on_signals(stop)
    stopping = asyncio.ensure_future(stop.wait())
    running = asyncio.ensure_future(_serve(options, as_json))
    await asyncio.wait((stopping, running), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not running.done():
        running.cancel()
    try:
        await running
    except asyncio.CancelledError:
        if not as_json:
            typer.echo("stopped")


async def _serve(options: "DevnetOptions", as_json: bool) -> None:
    from sequencer.node.devnet import start_devnet
    from sequencer.primitives.clock import SystemClock

    async with start_devnet(options, SystemClock()) as running:
        if as_json:
            typer.echo(json.dumps(running.to_json()))
            await running.supervisor.wait_for_end()
        else:
            _print_table(running)
            await asyncio.gather(running.supervisor.wait_for_end(), _print_blocks(running))


def _print_table(running: "RunningDevnet") -> None:
    from rich.console import Console
    from rich.table import Table

    content = running.to_json()
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for key in ("l1_rpc", "l2_rpc", "replica_rpc", "metrics"):
        table.add_row(key.replace("_", " "), str(content[key]))
    table.add_row("chain ids", f"L1 {content['l1_chain_id']}, L2 {content['l2_chain_id']}")
    table.add_row("engine", f"{running.options.engine} ({running.options.workers} workers)")
    table.add_row("L1", running.manifest.l1_kind)
    for name, address in running.manifest.contracts.items():
        table.add_row(name, address)
    account = running.accounts.users[0]
    table.add_row("account 0", "0x" + account.address.hex())
    table.add_row("  its key", "0x" + account.private_key.hex())
    table.add_row("data", str(running.options.data_dir))
    Console().print(table)


async def _print_blocks(running: "RunningDevnet") -> None:
    """One line a block; a node that does not answer for a moment is simply asked again."""
    from sequencer.node.json_rpc import JsonRpcClient, RpcFailed

    client = JsonRpcClient(running.session, running.l2_url)
    seen = 0
    while True:
        try:
            newest = await client.block_number()
            for number in range(max(seen + 1, newest - 20), newest + 1):
                block = await client.call("eth_getBlockByNumber", hex(number), False)
                safe = await client.call("eth_getBlockByNumber", "safe", False)
                if isinstance(block, dict) and isinstance(safe, dict):
                    typer.echo(_block_line(number, block, safe))
            seen = newest
        except RpcFailed:
            pass
        await asyncio.sleep(0.25)


def _block_line(number: int, block: dict[str, object], safe: dict[str, object]) -> str:
    transactions = block["transactions"]
    count = len(transactions) if isinstance(transactions, list) else 0
    gas, safe_number = int(str(block["gasUsed"]), 16), int(str(safe["number"]), 16)
    return f"block {number:>6}  {count:>4} tx  {gas:>10,} gas  {str(block['hash'])[:18]}…  safe {safe_number}"
