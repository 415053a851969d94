"""`braid batcher` and `braid proposer`: what posts to L1. Keys come from the environment or a keystore file."""

from pathlib import Path
from typing import Annotated

import typer

from .addresses import parse_address

Rollup = Annotated[Path, typer.Option(help="rollup.json")]
L1 = Annotated[str, typer.Option(help="URL of an L1 node")]
L2 = Annotated[str, typer.Option(help="URL of the sequencer's RPC")]
Poll = Annotated[float | None, typer.Option(help="seconds between two looks when there is nothing to do")]
Keystore = Annotated[
    Path | None, typer.Option(help="encrypted key file; its password in the matching _PASSWORD variable")
]
LogLevel = Annotated[str, typer.Option(help="debug, info, warning or error")]


def register(app: typer.Typer) -> None:
    """Add the subcommands."""
    app.command("batcher")(batcher)
    app.command("proposer")(proposer)


def batcher(
    rollup: Rollup, l1: L1, l2: L2, poll: Poll = None, keystore: Keystore = None, log_level: LogLevel = "info"
) -> None:
    """Post blocks to L1 as compressed batches; the key is in BRAID_BATCHER_KEY or a keystore."""
    from batcher.config import BatcherSettings
    from sequencer.config import load_settings
    from sequencer.node.event_loop import run
    from sequencer.node.posting import PostingOptions, run_batcher

    settings = load_settings(BatcherSettings, {"l2_rpc_url": l2, "poll_seconds": poll})
    run(run_batcher(PostingOptions(rollup, l1, keystore, log_level), settings))


def proposer(
    rollup: Rollup,
    l1: L1,
    l2: L2,
    oracle: Annotated[str, typer.Option(help="address of the L2OutputOracle")],
    head: Annotated[str | None, typer.Option(help="propose up to the safe or the finalized head")] = None,
    poll: Poll = None,
    keystore: Keystore = None,
    log_level: LogLevel = "info",
) -> None:
    """Post output roots to L1; the key is in BRAID_PROPOSER_KEY or a keystore."""
    from batcher.config import ProposerSettings
    from sequencer.config import load_settings
    from sequencer.node.event_loop import run
    from sequencer.node.posting import PostingOptions, run_proposer

    settings = load_settings(ProposerSettings, {"l2_rpc_url": l2, "poll_seconds": poll, "head": head})
    run(run_proposer(PostingOptions(rollup, l1, keystore, log_level), settings, parse_address(oracle)))
