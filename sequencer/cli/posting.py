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
SignerUrl = Annotated[
    str | None,
    typer.Option("--signer", help="URL of a remote signer; one with a password goes into the _SIGNER variable"),
]
SignerAddress = Annotated[str | None, typer.Option(help="account that the remote signer holds; none: the batcher's")]
DataDir = Annotated[Path | None, typer.Option(help="keeps what was sent to L1, so that a restart sends nothing twice")]
L1Chain = Annotated[Path | None, typer.Option("--l1-chain-config", help="L1 chain config; none: Prague from genesis")]
AdminPort = Annotated[int | None, typer.Option(help="loopback port for metrics, health and batcher-admin")]
MetricsPort = Annotated[
    int | None, typer.Option("--admin-port", help="loopback port for metrics and health; none: any free one")
]
BatchTypeName = Annotated[str | None, typer.Option("--batch-type", help="singular or span")]
CompressionName = Annotated[str | None, typer.Option("--compression", help="zlib, brotli-9, brotli-10 or brotli-11")]
DataTypeName = Annotated[str | None, typer.Option("--data-type", help="calldata, blobs, or auto: what is cheaper")]
TargetFrames = Annotated[int | None, typer.Option(help="frames that a channel does not exceed")]
LogLevel = Annotated[str, typer.Option(help="debug, info, warning or error")]


def register(app: typer.Typer) -> None:
    """Add the subcommands."""
    app.command("batcher")(batcher)
    app.command("proposer")(proposer)


def batcher(
    rollup: Rollup,
    l1: L1,
    l2: L2,
    poll: Poll = None,
    keystore: Keystore = None,
    signer: SignerUrl = None,
    signer_address: SignerAddress = None,
    data_dir: DataDir = None,
    l1_chain: L1Chain = None,
    admin_port: AdminPort = None,
    batch_type: BatchTypeName = None,
    compression: CompressionName = None,
    data_type: DataTypeName = None,
    target_frames: TargetFrames = None,
    log_level: LogLevel = "info",
) -> None:
    """Post blocks to L1 as compressed batches; the key is in BRAID_BATCHER_KEY, a keystore or a remote signer."""
    from batcher.config import BatcherSettings
    from sequencer.config import load_settings
    from sequencer.node.event_loop import run
    from sequencer.node.l1_account import AccountOptions
    from sequencer.node.posting import PostingOptions, run_batcher

    policy = {"batch_type": batch_type, "compression": compression, "data_availability": data_type}
    flags = {"l2_rpc_url": l2, "poll_seconds": poll, "admin_port": admin_port, "target_frames": target_frames, **policy}
    settings = load_settings(BatcherSettings, flags)
    account = AccountOptions("BATCHER", keystore, signer, _address_or_none(signer_address), data_dir, l1_chain)
    run(run_batcher(PostingOptions(rollup, l1, account, log_level), settings))


def proposer(
    rollup: Rollup,
    l1: L1,
    l2: L2,
    oracle: Annotated[str, typer.Option(help="address of the L2OutputOracle")],
    head: Annotated[str | None, typer.Option(help="propose up to the safe or the finalized head")] = None,
    poll: Poll = None,
    keystore: Keystore = None,
    signer: SignerUrl = None,
    signer_address: SignerAddress = None,
    data_dir: DataDir = None,
    l1_chain: L1Chain = None,
    admin_port: MetricsPort = None,
    log_level: LogLevel = "info",
) -> None:
    """Post output roots to L1; the key is in BRAID_PROPOSER_KEY, a keystore or a remote signer."""
    from batcher.config import ProposerSettings
    from sequencer.config import load_settings
    from sequencer.node.event_loop import run
    from sequencer.node.l1_account import AccountOptions
    from sequencer.node.posting import PostingOptions, run_proposer

    flags = {"l2_rpc_url": l2, "poll_seconds": poll, "head": head, "admin_port": admin_port}
    settings = load_settings(ProposerSettings, flags)
    account = AccountOptions("PROPOSER", keystore, signer, _address_or_none(signer_address), data_dir, l1_chain)
    run(run_proposer(PostingOptions(rollup, l1, account, log_level), settings, parse_address(oracle)))


def _address_or_none(text: str | None) -> bytes | None:
    return None if text is None else parse_address(text)
