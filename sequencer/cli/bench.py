"""`braid bench`: load for a running node, and a table of what it took."""

import asyncio
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    app.command("bench")(bench)


def bench(
    l2: Annotated[str, typer.Option(help="URL of the node's RPC")] = "http://127.0.0.1:8546",
    workload: Annotated[str, typer.Option(help="transfer or erc20")] = "transfer",
    count: Annotated[int, typer.Option(min=1, max=1_000_000, help="transactions")] = 2_000,
    senders: Annotated[int, typer.Option(min=1, max=10_000, help="accounts that send")] = 50,
    connections: Annotated[int, typer.Option(min=1, max=1_000, help="HTTP connections")] = 16,
    batch: Annotated[int, typer.Option(min=1, max=1_000, help="transactions in one HTTP request")] = 1,
    recipients: Annotated[int, typer.Option(min=0, help="accounts that each sender pays; 0: fresh ones")] = 2,
    seed: Annotated[int, typer.Option(help="other seeds, other accounts")] = 1,
) -> None:
    """Send signed transactions and print how fast they were taken and sealed; development chains only."""
    from rich.console import Console
    from rich.table import Table

    from sequencer.node.benchmark import BenchmarkOptions, Workload, run_benchmark
    from sequencer.node.dev_accounts import derive_dev_accounts

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
        batch=batch,
        seed=seed,
        recipients=recipients,
    )
    result = asyncio.run(run_benchmark(options, derive_dev_accounts().users[-1].signer()))
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_row("workload", f"{count} x {kind.value}, {senders} senders, {batch} a request")
    table.add_row("accepted", f"{result.accepted} ({result.refused} refused)")
    table.add_row("accepted tx/s", f"{result.accepted_per_second:,.0f}")
    table.add_row("sealed tx/s", f"{result.sealed_per_second:,.0f}")
    table.add_row("request, median", f"{result.request_milliseconds_median:.1f} ms")
    table.add_row("request, p99", f"{result.request_milliseconds_p99:.1f} ms")
    table.add_row("blocks", str(result.blocks))
    Console().print(table)
