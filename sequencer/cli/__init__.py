"""
The command `braid`: one subcommand a process, and tools for operators.

Each subcommand imports what it needs when it runs, so that `braid --help` is quick and a process loads its own parts
only.
"""

import sys

import typer

from l1_bridge.errors import BraidError

from . import batcher_admin, bench, bridge, chain_files, checking, devnet, doctor, evm, inspect, node, posting

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,  # they may hold keys
    help="Braid: a rollup sequencer with parallel execution.",
)
devnet.register(app)
node.register(app)
posting.register(app)
batcher_admin.register(app)
chain_files.register(app)
bridge.register(app)
checking.register(app)
doctor.register(app)
bench.register(app)
evm.register(app)
inspect.register(app)


def main() -> None:
    """Entry point; an error that we foresaw is one line on standard error and exit code 1."""
    try:
        app()
    except BraidError as problem:
        print(f"braid: {problem}", file=sys.stderr)
        sys.exit(1)
