"""`braid bridge`: what users and bridges do with the two chains."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from . import bridge_withdrawals
from .addresses import parse_address
from .bridge_options import (
    L1,
    Keystore,
    Rollup,
    format_time,
    load_rollup,
    load_signer,
    parse_data,
    parse_ether,
)

if TYPE_CHECKING:
    from sequencer.node.depositing import SentDeposit

bridge_app = typer.Typer(no_args_is_help=True, help="Deposits, withdrawals, and the outputs that bridges read.")


def register(app: typer.Typer) -> None:
    """Add the group of subcommands."""
    bridge_app.command("deposit")(deposit)
    bridge_app.command("force")(force)
    bridge_withdrawals.register(bridge_app)
    bridge_app.command("output")(output)
    app.add_typer(bridge_app, name="bridge")


def deposit(
    l1: L1,
    rollup: Rollup,
    value: Annotated[str, typer.Option(help="ether, or tokens, to bring to L2, such as 1.5")],
    to: Annotated[str | None, typer.Option(help="recipient on L2; none: the sender itself")] = None,
    data: Annotated[str, typer.Option(help="calldata on L2, hex; with ether alone")] = "0x",
    gas_limit: Annotated[int, typer.Option(min=21_000, max=2**32 - 1, help="gas on L2")] = 200_000,
    token: Annotated[str | None, typer.Option(help="an ERC-20 token on L1, instead of ether")] = None,
    l2_token: Annotated[str | None, typer.Option(help="the token that stands for it on L2")] = None,
    l2: Annotated[str | None, typer.Option(help="URL of an L2 node, to see that the tokens belong together")] = None,
    keystore: Keystore = None,
) -> None:
    """
    Bring ether or an ERC-20 token to L2; the key is in BRAID_KEY or a keystore. Prints the deposit's hash on L2.

    A token goes through the standard bridge, which is approved for the amount first.
    """
    config, signer = load_rollup(rollup), load_signer(keystore)
    recipient = signer.address if to is None else parse_address(to)
    if token is None:
        from sequencer.node.depositing import Deposit, send_deposit

        wei = parse_ether(value)
        order = Deposit(recipient, wei, gas_limit, parse_data(data), mint=wei)
        _print_sent(asyncio.run(send_deposit(l1, config, signer, order)))
        return
    if l2_token is None or l2 is None:
        raise typer.BadParameter("a token needs --l2-token and --l2")
    from sequencer.node.token_bridging import TokenOrder, deposit_token

    tokens = TokenOrder(parse_address(token), recipient, value, gas_limit)
    sent = deposit_token(l1, l2, config, signer, order=tokens, l2_token=parse_address(l2_token))
    _print_sent(asyncio.run(sent))


def force(
    l1: L1,
    rollup: Rollup,
    to: Annotated[str | None, typer.Option(help="target on L2; none: the creation of a contract")] = None,
    value: Annotated[str, typer.Option(help="ether that moves on L2, from what the account has there")] = "0",
    mint: Annotated[str, typer.Option(help="ether to bring from L1 first")] = "0",
    data: Annotated[str, typer.Option(help="calldata on L2, hex")] = "0x",
    gas_limit: Annotated[int, typer.Option(min=21_000, help="gas on L2")] = 200_000,
    l2: Annotated[str | None, typer.Option(help="URL of an L2 node to wait at for the transaction")] = None,
    wait: Annotated[float, typer.Option(min=0, help="seconds to wait there")] = 60.0,
    keystore: Keystore = None,
) -> None:
    """
    Put a transaction of your own into L2 through L1, for a sequencer that ignores you.

    Says when the chain must hold it at the latest. The key is in BRAID_KEY or a keystore.
    """
    from sequencer.node.depositing import Deposit, send_deposit

    config, signer = load_rollup(rollup), load_signer(keystore)
    calldata = parse_data(data)
    target = None if to is None else parse_address(to)
    if target is None and not calldata:
        raise typer.BadParameter("without --to, --data must hold the code that creates a contract")
    order = Deposit(target, parse_ether(value), gas_limit, calldata, mint=parse_ether(mint))
    sent = asyncio.run(send_deposit(l1, config, signer, order))
    _print_sent(sent)
    if l2 is not None:
        asyncio.run(_wait_on_l2(l2, sent, wait))


def output(
    l1: L1,
    oracle: Annotated[str, typer.Option(help="address of the L2OutputOracle")],
) -> None:
    """Print the newest posted output and whether it is final."""
    asyncio.run(_print_output(l1, parse_address(oracle)))


def _print_sent(sent: "SentDeposit") -> None:
    from sequencer.primitives.clock import SystemClock

    typer.echo(f"L1 transaction 0x{sent.l1_transaction_hash.hex()} in block {sent.l1_block.number}")
    typer.echo(f"L2 transaction 0x{sent.l2_transaction_hash.hex()}")
    expected = format_time(sent.deadline, int(SystemClock().now()))
    typer.echo(f"on L2 at the latest with L1 block {sent.deadline_l1_block}, expected {expected}")


async def _wait_on_l2(url: str, sent: "SentDeposit", seconds: float) -> None:
    import aiohttp

    from sequencer.node.depositing import wait_for_arrival
    from sequencer.node.json_rpc import JsonRpcClient

    async with aiohttp.ClientSession() as session:
        number = await wait_for_arrival(JsonRpcClient(session, url), sent.l2_transaction_hash, seconds)
    typer.echo(f"not on L2 after {seconds:g} s" if number is None else f"in L2 block {number}")


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
