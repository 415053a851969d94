"""`braid doctor`: what was found on this machine, what is missing, and what that costs."""

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    app.command("doctor")(doctor)


def doctor(
    l1: Annotated[str | None, typer.Option(help="URL of an L1 node to ask as well")] = None,
    redis: Annotated[str, typer.Option(help="auto, off, or a URL")] = "auto",
) -> None:
    """Look at engine, workers, Redis, L1 and versions; exit 1 when something that is needed is missing."""
    from rich.console import Console
    from rich.table import Table

    from sequencer.node.examination import Finding, examine

    findings = examine(redis, l1)
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("", "part", "found", "what that means"):
        table.add_column(column, overflow="fold")
    marks = {Finding.GOOD: "[green]ok[/]", Finding.LIMITED: "[yellow]--[/]", Finding.MISSING: "[red]!![/]"}
    for part in findings:
        table.add_row(marks[part.finding], part.name, part.found, part.meaning)
    Console().print(table)
    if any(part.finding is Finding.MISSING for part in findings):
        raise typer.Exit(1)
