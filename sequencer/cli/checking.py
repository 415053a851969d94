"""`braid watch` and `braid verify`: what others claim of the chain, against what L1 says."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from .addresses import parse_address
from .node import L1Beacon, L1SlotSeconds, TrustRoot

L1 = Annotated[str, typer.Option(help="URL of an L1 node")]
Rollup = Annotated[Path, typer.Option(help="rollup.json")]
L1ChainConfig = Annotated[Path | None, typer.Option(help="L1 chain config; none: Prague from genesis")]
Engine = Annotated[str, typer.Option(help="auto, native, parallel or serial")]
DataDir = Annotated[
    Path | None, typer.Option(help="keeps the derived chain, to derive here, and what the challenger sent to L1")
]
AlertCommand = Annotated[str | None, typer.Option(help="run for each wrong output, with JSON on its standard input")]
Keystore = Annotated[
    Path | None, typer.Option(help="the challenger's key file, its password in BRAID_CHALLENGER_PASSWORD")
]
SignerUrl = Annotated[
    str | None, typer.Option(help="URL of a remote signer; one with a password goes into BRAID_CHALLENGER_SIGNER")
]
PROGRESS_SECONDS = 2.0


def register(app: typer.Typer) -> None:
    """Add the subcommands."""
    app.command("watch")(watch)
    app.command("verify")(verify)


def watch(
    l1: L1,
    rollup: Rollup,
    replica: Annotated[str | None, typer.Option(help="RPC of a replica of your own that derives; none: here")] = None,
    genesis: Annotated[Path | None, typer.Option(help="genesis.json, to derive here")] = None,
    data_dir: DataDir = None,
    l1_chain_config: L1ChainConfig = None,
    l1_beacon: L1Beacon = None,
    l1_slot_seconds: L1SlotSeconds = None,
    trust_l1_transactions_root: TrustRoot = None,
    engine: Engine = "auto",
    once: Annotated[bool, typer.Option("--once", help="judge what is posted now, then end; 1 if any is wrong")] = False,
    alert_command: AlertCommand = None,
    poll: Annotated[float | None, typer.Option(help="seconds between two looks")] = None,
    admin_port: Annotated[int, typer.Option(min=0, max=65535, help="metrics, on loopback; 0: any free port")] = 0,
    keystore: Keystore = None,
    signer: SignerUrl = None,
    signer_address: Annotated[str | None, typer.Option(help="account that the remote signer holds")] = None,
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error")] = "info",
) -> None:
    """
    Compare every posted output with what L1 says; sound an alarm for a wrong one.

    With the challenger's key in BRAID_CHALLENGER_KEY, a keystore or a remote signer, wrong outputs are deleted.
    """
    if (replica is None) == (genesis is None or data_dir is None):
        raise typer.BadParameter("give either --replica, or --genesis and --data-dir to derive here")
    from batcher.config import WatcherSettings
    from sequencer.config import NodeSettings, load_settings
    from sequencer.node.event_loop import run
    from sequencer.node.l1_account import AccountOptions
    from sequencer.node.watching import WatchOptions, run_watcher

    derive = None
    if replica is None:
        flags: dict[str, object] = {"data_dir": data_dir, "genesis": genesis, "rollup": rollup, "l1": l1}
        flags |= {"l1_chain_config": l1_chain_config, "l1_beacon": l1_beacon, "l1_slot_seconds": l1_slot_seconds}
        flags |= {"trust_l1_transactions_root": trust_l1_transactions_root, "engine": engine, "redis": "off"}
        derive = load_settings(NodeSettings, flags)
    address = None if signer_address is None else parse_address(signer_address)
    sent_dir = None if data_dir is None else data_dir / "challenger"
    options = WatchOptions(
        l1_url=l1,
        rollup=rollup,
        replica_url=replica,
        derive=derive,
        account=AccountOptions("CHALLENGER", keystore, signer, address, sent_dir, l1_chain_config),
        alert_command=alert_command,
        is_once=once,
        admin_port=admin_port,
        log_level=log_level,
    )
    judged = run(run_watcher(options, load_settings(WatcherSettings, {"poll_seconds": poll})))
    if once:
        typer.echo(f"{judged} outputs are right")


def verify(
    first: Annotated[int, typer.Option("--from", min=1, help="first L2 block")],
    last: Annotated[int, typer.Option("--to", min=1, help="last L2 block")],
    l1: L1,
    rollup: Rollup,
    genesis: Annotated[Path, typer.Option(help="genesis.json")],
    node: Annotated[str | None, typer.Option(help="RPC of the L2 node whose blocks are compared")] = None,
    l1_chain_config: L1ChainConfig = None,
    l1_beacon: L1Beacon = None,
    l1_slot_seconds: L1SlotSeconds = None,
    trust_l1_transactions_root: TrustRoot = None,
    engine: Engine = "auto",
    work_dir: Annotated[Path | None, typer.Option(help="where the temporary store lies")] = None,
) -> None:
    """Derive a range of blocks from L1 in a temporary store; compare with a node's blocks and posted outputs."""
    if last < first:
        raise typer.BadParameter("--to is before --from")
    from sequencer.node.logging import configure_logging
    from sequencer.node.verifying import L1Reading, VerifyOptions, verify_range
    from sequencer.primitives.clock import SystemClock

    configure_logging("warning")
    reading = L1Reading(l1, l1_chain_config, l1_beacon, l1_slot_seconds, trust_l1_transactions_root)
    options = VerifyOptions(first, last, reading, rollup, genesis, node, engine, work_dir)
    found = asyncio.run(verify_range(options, SystemClock(), _ProgressLine(last).show))
    blocks = "" if node is None else f", {found.blocks} block hashes are those of {node}"
    typer.echo(f"L2 blocks {first} to {last} follow from L1{blocks}, {found.outputs} posted outputs are right")
    typer.echo(f"output root of block {last}: 0x{found.last_root.hex()}")


class _ProgressLine:
    """One line on standard error every few seconds."""

    def __init__(self, last: int) -> None:
        self._last = last
        self._shown_at = 0.0

    def show(self, safe: int, seconds: float) -> None:
        """Say how far it is, how fast, and how long it takes."""
        if seconds - self._shown_at < PROGRESS_SECONDS:
            return
        self._shown_at = seconds
        pace = safe / seconds
        left = f", {max(self._last - safe, 0) / pace:.0f} s left" if pace else ""
        print(f"block {safe} of {self._last}, {pace:.0f} blocks/s{left}", file=sys.stderr)
