"""`braid bridge`: what users and bridges do on L1."""

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer

from .addresses import parse_address

bridge_app = typer.Typer(no_args_is_help=True, help="Deposits, and the outputs that bridges read.")

KEY_VARIABLE = "BRAID_KEY"


def register(app: typer.Typer) -> None:
    """Add the group of subcommands."""
    bridge_app.command("deposit")(deposit)
    bridge_app.command("output")(output)
    app.add_typer(bridge_app, name="bridge")


def deposit(
    l1: Annotated[str, typer.Option(help="URL of an L1 node")],
    rollup: Annotated[Path, typer.Option(help="rollup.json")],
    value: Annotated[str, typer.Option(help="ether to bring to L2, such as 1.5")],
    to: Annotated[str | None, typer.Option(help="recipient on L2; none: the sender itself")] = None,
    data: Annotated[str, typer.Option(help="calldata on L2, hex")] = "0x",
    gas_limit: Annotated[int, typer.Option(min=21_000, help="gas on L2")] = 100_000,
) -> None:
    """Send ether through the portal; the key is in BRAID_KEY. Prints the deposit's hash on L2."""
    from eth_utils.currency import to_wei
    from eth_utils.exceptions import ValidationError

    from l1_bridge.rollup_config import RollupConfig
    from l1_bridge.signer import signer_from_environment
    from sequencer.node.json_files import read_json_object

    config = RollupConfig.from_json(read_json_object(rollup))
    signer = signer_from_environment(os.environ, KEY_VARIABLE)
    try:
        wei = to_wei(value, "ether")
        recipient = signer.address if to is None else parse_address(to)
        calldata = bytes.fromhex(data.removeprefix("0x"))
    except (ValueError, ValidationError, ArithmeticError) as reason:
        raise typer.BadParameter(str(reason)) from None
    from sequencer.node.depositing import Deposit, send_deposit

    order = Deposit(recipient, wei, gas_limit, calldata)
    sent = asyncio.run(send_deposit(l1, config, signer, order))
    typer.echo(f"L1 transaction 0x{sent.l1_transaction_hash.hex()} in block {sent.l1_block.number}")
    typer.echo(f"L2 transaction 0x{sent.l2_transaction_hash.hex()}")


def output(
    l1: Annotated[str, typer.Option(help="URL of an L1 node")],
    oracle: Annotated[str, typer.Option(help="address of the L2OutputOracle")],
) -> None:
    """Print the newest posted output and whether it is final."""
    asyncio.run(_print_output(l1, parse_address(oracle)))


async def _print_output(l1: str, oracle: bytes) -> None:
    from l1_bridge.l1_client import L1Client
    from l1_bridge.l1_connection import L1Endpoint
    from l1_bridge.proofs import finalization_period, is_final, newest_output

    async with L1Client.connect(L1Endpoint(l1)) as client:
        newest = await newest_output(client, oracle)
        head = await client.header_by_tag("latest")
        if newest is None or head is None:
            typer.echo("no output is posted yet")
            return
        period = await finalization_period(client, oracle)
        final = is_final(newest, period, head.timestamp)
    typer.echo(f"output {newest.index}: root 0x{newest.output_root.hex()} of L2 block {newest.l2_block_number}")
    left = newest.l1_timestamp + period - head.timestamp
    typer.echo("final" if final else f"not final: {max(left, 0)} s of {period} s left")
