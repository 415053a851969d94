"""`braid bench`: load for a running node, and a table of what it took; beside other nodes, if there are any."""

import asyncio
import json
import os
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from sequencer.node.benchmark import BenchmarkOptions, BenchmarkResult
    from sequencer.node.comparison import Standing

FUNDER_VARIABLE = "BRAID_FUNDER_KEY"
DEFAULT_ROUNDS = 5


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    app.command("bench")(bench)


def bench(
    l2: Annotated[str, typer.Option(help="URL of the node's RPC")] = "http://127.0.0.1:8546",
    against: Annotated[list[str] | None, typer.Option(help="URL of another node to compare; any number")] = None,
    workload: Annotated[str, typer.Option(help="transfer or erc20")] = "transfer",
    count: Annotated[int, typer.Option(min=1, max=1_000_000, help="transactions")] = 2_000,
    senders: Annotated[int, typer.Option(min=1, max=10_000, help="accounts that send")] = 50,
    connections: Annotated[int, typer.Option(min=1, max=1_000, help="HTTP connections")] = 16,
    batch: Annotated[
        list[int] | None, typer.Option(min=1, max=1_000, help="transactions in one HTTP request; any number of sizes")
    ] = None,
    recipients: Annotated[int, typer.Option(min=0, help="accounts that each sender pays; 0: fresh ones")] = 2,
    rounds: Annotated[int, typer.Option(min=1, max=100, help="of a comparison; medians count")] = DEFAULT_ROUNDS,
    funder_key: Annotated[
        str, typer.Option(envvar=FUNDER_VARIABLE, help="hex key of who pays on the other nodes; default: found there")
    ] = "",
    seed: Annotated[int, typer.Option(help="other seeds, other accounts")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="print one object")] = False,
) -> None:
    """Send signed transactions and print how fast they were taken and sealed; development chains only."""
    from sequencer.node.benchmark import BenchmarkOptions, Workload

    try:
        kind = Workload(workload)
    except ValueError:
        raise typer.BadParameter(f"{workload!r} is neither transfer nor erc20", param_hint="--workload") from None
    options = BenchmarkOptions(
        url=l2,
        workload=kind,
        count=count,
        senders=senders,
        connections=connections,
        seed=seed,
        recipients=recipients,
        funder_key=_key(funder_key),
    )
    if against:
        _compare(options, [l2, *against], batch or [1, 100], rounds, as_json=as_json)
    else:
        _measure(options, batch or [1], as_json=as_json)


def _key(text: str) -> bytes | None:
    if not text:
        return None
    try:
        key = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        key = b""
    if len(key) != 32:
        raise typer.BadParameter("it is not a private key of 32 bytes in hex", param_hint="--funder-key")
    return key


def _measure(options: "BenchmarkOptions", batches: list[int], *, as_json: bool) -> None:
    from rich.console import Console

    from sequencer.node.benchmark import run_benchmark

    for batch in batches:
        chosen = replace(options, batch=batch)
        result = asyncio.run(run_benchmark(chosen))
        if as_json:
            typer.echo(json.dumps({"batch": batch, **asdict(result)}))
        else:
            Console().print(_result_table(chosen, result))


def _result_table(options: "BenchmarkOptions", result: "BenchmarkResult") -> "Table":
    from rich.table import Table

    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_row(
        "workload", f"{options.count} x {options.workload.value}, {options.senders} senders, {options.batch} a request"
    )
    table.add_row("accepted", f"{result.accepted} ({result.refused} refused)")
    if result.refusal:
        table.add_row("refused with", result.refusal)
    table.add_row("accepted tx/s", f"{result.accepted_per_second:,.0f}")
    table.add_row("sealed tx/s", f"{result.sealed_per_second:,.0f}")
    table.add_row("request, median", f"{result.request_milliseconds_median:.1f} ms")
    table.add_row("request, p99", f"{result.request_milliseconds_p99:.1f} ms")
    table.add_row("blocks", str(result.blocks))
    return table


def _compare(options: "BenchmarkOptions", urls: list[str], batches: list[int], rounds: int, *, as_json: bool) -> None:
    from rich.console import Console

    from sequencer.node.comparison import compare_nodes

    def tell(chosen: "BenchmarkOptions", result: "BenchmarkResult") -> None:
        typer.echo(f"{chosen.url}, {chosen.batch} a request: {result.sealed_per_second:,.0f} sealed a second", err=True)

    load = os.getloadavg()[0]
    standings = asyncio.run(compare_nodes(options, urls, batches, rounds, on_result=tell))
    if as_json:
        typer.echo(json.dumps({"rounds": rounds, "standings": [asdict(standing) for standing in standings]}))
        return
    caption = f"medians of {rounds}; {os.cpu_count()} cores; load average before the run {load:.1f}"
    title = f"{options.count} x {options.workload.value}, {options.senders} senders, {options.connections} connections"
    Console(width=120).print(_standing_table(standings, title, caption))


def _standing_table(standings: "list[Standing]", title: str, caption: str) -> "Table":
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), title=title, caption=caption)
    table.add_column("node")
    for heading in ("a request", "accepted tx/s", "sealed tx/s", "request ms", "ours / its"):
        table.add_column(heading, justify="right")
    for standing in standings:
        table.add_row(
            standing.node,
            str(standing.batch),
            f"{standing.accepted_per_second:,.0f}",
            f"{standing.sealed_per_second:,.0f}",
            f"{standing.request_milliseconds:.1f}",
            f"{standing.ours_is_times:.2f}",
        )
    return table
