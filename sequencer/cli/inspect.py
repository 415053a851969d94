"""`braid inspect`: what is left of things that went wrong, in a form that people read."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

MAX_CELL = 160
"""Characters of one value on the screen; `--json` has all of them."""


def register(app: typer.Typer) -> None:
    """Add the subcommands."""
    inspect = typer.Typer(no_args_is_help=True, help="Look at what is left of things that went wrong.")
    inspect.callback()(_inspect)
    inspect.command("divergence")(divergence)
    app.add_typer(inspect, name="inspect")


def _inspect() -> None:
    """Look at what is left of things that went wrong."""


def divergence(
    path: Annotated[Path | None, typer.Argument(help="divergence-<block>.json; none: the one in --data-dir")] = None,
    data_dir: Annotated[Path | None, typer.Option(envvar="BRAID_DATA_DIR", help="where the chain is kept")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="the file as it is")] = False,
) -> None:
    """Show where two engines disagreed: the first differing transaction with both results, or the header's fields."""
    import json

    from rich.console import Console

    from sequencer.node.divergence_file import NoDivergence, find_divergences, read_divergence

    if path is None:
        if data_dir is None:
            raise typer.BadParameter("give the file, or --data-dir")
        found = find_divergences(data_dir)
        if not found:
            raise NoDivergence(data_dir)
        path = found[0]
    content = read_divergence(path)
    if as_json:
        print(json.dumps(content, indent=2))
    else:
        _show(Console(), path, content)


def _show(console: "Console", path: Path, content: dict[str, object]) -> None:
    engines = content["engines"]
    assert isinstance(engines, list)  # `read_divergence` looked
    console.print(
        f"Block {content.get('blockNumber')}: engines {engines[0]} and {engines[1]} disagree",
        style="bold",
        markup=False,
    )
    console.print(f"{path}\n", style="dim", soft_wrap=True, markup=False)
    transaction = content.get("transaction")
    if isinstance(transaction, dict):
        lines = {name: transaction.get(name) for name in ("index", "hash", "type", "sender", "raw")}
        for name, value in lines.items():
            console.print(f"transaction {name:7} {value}", soft_wrap=True, highlight=False, markup=False)
        _show_pair(console, "outcome", engines, transaction.get("outcomes"))
        _show_pair(console, "state written", engines, transaction.get("writes"))
    header = content.get("header")
    if isinstance(header, dict) and header:
        pairs = [value if isinstance(value, list) and len(value) == 2 else (value, value) for value in header.values()]
        sides = [dict(zip(header, [pair[side] for pair in pairs], strict=True)) for side in (0, 1)]
        _show_pair(console, "header", engines, sides)
    _show_pair(console, "system call", engines, content.get("systemCall"))


def _show_pair(console: "Console", title: str, engines: list[object], pair: object) -> None:
    """A table of both sides, line by line; what differs is marked. Nothing when there is nothing on either side."""
    from rich.table import Table
    from rich.text import Text

    if not isinstance(pair, list) or len(pair) != 2 or pair == [None, None]:
        return
    first, second = (dict(_flatten(side)) for side in pair)
    table = Table(title=f"\n{title}", title_justify="left", box=None, padding=(0, 2, 0, 0))
    for column in ("", "", str(engines[0]), str(engines[1])):
        table.add_column(Text(column), overflow="fold")
    for name in {**first, **second}:
        left, right = first.get(name, "-"), second.get(name, "-")
        style = "dim" if left == right else "bold red"
        cells = ("" if left == right else "!=", name, _shorten(left), _shorten(right))
        table.add_row(*(Text(cell, style=style) for cell in cells))
    console.print(table)


def _flatten(value: object, name: str = "") -> Iterator[tuple[str, str]]:
    """Nested values as lines: `receipt.logs.0.data`."""
    if isinstance(value, dict | list) and value:
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            yield from _flatten(item, f"{name}.{key}" if name else str(key))
    else:
        yield name or "value", str(value)


def _shorten(text: str) -> str:
    return text if len(text) <= MAX_CELL else f"{text[:MAX_CELL]}... ({len(text)} characters)"
