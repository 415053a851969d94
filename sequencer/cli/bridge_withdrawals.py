"""`braid bridge withdraw`, `status`, `prove` and `finalize`: the way of a withdrawal from L2 to L1, step by step."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .addresses import parse_address
from .bridge_options import (
    L1,
    L2,
    Chosen,
    Keystore,
    Rollup,
    Transaction,
    Wait,
    format_ether,
    format_time,
    load_rollup,
    load_signer,
    parse_data,
    parse_ether,
    parse_hash,
)

if TYPE_CHECKING:
    from l1_bridge.signer import LocalSigner
    from sequencer.node.withdrawing import Bridge, Followed, PassedWithdrawal

_NEXT = {
    "waiting for output": "braid bridge prove",
    "ready to prove": "braid bridge prove",
    "waiting for finality": "braid bridge finalize",
    "ready to finalize": "braid bridge finalize",
}


def register(bridge_app: typer.Typer) -> None:
    """Add the subcommands."""
    bridge_app.command("withdraw")(withdraw)
    bridge_app.command("status")(status)
    bridge_app.command("prove")(prove)
    bridge_app.command("finalize")(finalize)


def withdraw(
    l2: L2,
    rollup: Rollup,
    value: Annotated[str, typer.Option(help="ether, or tokens, to bring to L1, such as 1.5")],
    to: Annotated[str | None, typer.Option(help="recipient on L1; none: the sender itself")] = None,
    data: Annotated[str, typer.Option(help="calldata on L1, hex; with ether alone")] = "0x",
    gas_limit: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="gas of the call on L1")] = 200_000,
    token: Annotated[str | None, typer.Option(help="an ERC-20 token on L2 that stands for one of L1")] = None,
    keystore: Keystore = None,
) -> None:
    """Start a withdrawal on L2; the key is in BRAID_KEY or a keystore. Prints the hash that the other steps take."""
    config, signer = load_rollup(rollup), load_signer(keystore)
    target = signer.address if to is None else parse_address(to)
    if token is None:
        from sequencer.node.initiating import Order, initiate_withdrawal

        order = Order(target, parse_ether(value), gas_limit, parse_data(data))
        sent = asyncio.run(initiate_withdrawal(l2, config, signer, order))
    else:
        from sequencer.node.token_bridging import TokenOrder, withdraw_token

        tokens = TokenOrder(parse_address(token), target, value, gas_limit)
        sent = asyncio.run(withdraw_token(l2, config, signer, tokens))
    typer.echo(f"L2 transaction 0x{sent.transaction_hash.hex()} in block {sent.block.number}")


def status(
    l1: L1,
    l2: L2,
    rollup: Rollup,
    transaction: Transaction,
    withdrawal: Chosen = None,
    as_json: Annotated[bool, typer.Option("--json", help="print one line of JSON")] = False,
) -> None:
    """Say where a withdrawal stands, since when, what is missing, and when it can go on."""
    chosen = None if withdrawal is None else parse_hash(withdrawal)
    asyncio.run(_status(_Wish(l1, l2, rollup, parse_hash(transaction), chosen), as_json))


def prove(
    l1: L1,
    l2: L2,
    rollup: Rollup,
    transaction: Transaction,
    withdrawal: Chosen = None,
    wait: Wait = 0.0,
    keystore: Keystore = None,
) -> None:
    """Prove a withdrawal on L1 against the output that covers it; the key is in BRAID_KEY or a keystore."""
    chosen = None if withdrawal is None else parse_hash(withdrawal)
    signer = load_signer(keystore)
    asyncio.run(_prove(_Wish(l1, l2, rollup, parse_hash(transaction), chosen), signer, wait))


def finalize(
    l1: L1,
    l2: L2,
    rollup: Rollup,
    transaction: Transaction,
    withdrawal: Chosen = None,
    wait: Wait = 0.0,
    keystore: Keystore = None,
) -> None:
    """Make a proven withdrawal's call on L1; the key is in BRAID_KEY or a keystore."""
    chosen = None if withdrawal is None else parse_hash(withdrawal)
    signer = load_signer(keystore)
    asyncio.run(_finalize(_Wish(l1, l2, rollup, parse_hash(transaction), chosen), signer, wait))


@dataclass(frozen=True, slots=True)
class _Wish:
    """Which withdrawal, and where to look."""

    l1: str
    l2: str
    rollup: Path
    transaction: bytes
    chosen: bytes | None

    @asynccontextmanager
    async def open(self) -> AsyncIterator["tuple[Bridge, PassedWithdrawal]"]:
        from sequencer.node.withdrawing import open_bridge

        async with open_bridge(self.l1, self.l2, load_rollup(self.rollup)) as bridge:
            yield bridge, await bridge.find(self.transaction, self.chosen)


async def _status(wish: _Wish, as_json: bool) -> None:
    async with wish.open() as (bridge, passed):
        followed = await bridge.follow(passed)
    if as_json:
        typer.echo(json.dumps(_status_json(passed, followed)))
        return
    withdrawal, found, now = passed.withdrawal, followed.status, followed.l1_timestamp
    typer.echo(f"withdrawal 0x{withdrawal.hash.hex()} of L2 block {passed.l2_block_number}")
    typer.echo(
        f"  {format_ether(withdrawal.value)} from 0x{withdrawal.sender.hex()} to 0x{withdrawal.target.hex()}"
        + (f" with {len(withdrawal.data)} bytes" if withdrawal.data else "")
    )
    result = {None: "", True: "; its call succeeded", False: "; its call failed and is not repeated"}
    rows = [("status", found.stage.value + result[followed.succeeded])]
    rows += [("since", format_time(found.since, now))] if found.since is not None else []
    rows += [("missing", found.missing)] if found.missing else []
    rows += [("ready at", format_time(found.ready_at, now))] if found.ready_at is not None else []
    rows += [("next", next_step)] if (next_step := _NEXT.get(found.stage.value)) else []
    for name, text in rows:
        typer.echo(f"  {name:<9}{text}")


async def _prove(wish: _Wish, signer: "LocalSigner", wait: float) -> None:
    from l1_bridge.withdrawal_status import Stage

    async with wish.open() as (bridge, passed):
        followed = await bridge.wait_for(passed, Stage.READY_TO_PROVE, wait)
        output = followed.status.output
        if output is None:
            raise AssertionError("a withdrawal that can be proven has an output")
        proof = await bridge.prove(passed, output)
        confirmed = await bridge.send_proof(signer, proof)
    typer.echo(f"L1 transaction 0x{confirmed.transaction_hash.hex()} in block {confirmed.block.number}")
    typer.echo(f"proven against output {output.index} of L2 block {output.l2_block_number}")


async def _finalize(wish: _Wish, signer: "LocalSigner", wait: float) -> None:
    from l1_bridge.withdrawal_status import Stage

    async with wish.open() as (bridge, passed):
        await bridge.wait_for(passed, Stage.READY_TO_FINALIZE, wait)
        confirmed = await bridge.send_finalize(signer, passed.withdrawal)
        followed = await bridge.follow(passed)
    typer.echo(f"L1 transaction 0x{confirmed.transaction_hash.hex()} in block {confirmed.block.number}")
    typer.echo("the call succeeded" if followed.succeeded else "the call failed; it is not repeated")


def _status_json(passed: "PassedWithdrawal", followed: "Followed") -> dict[str, object]:
    found = followed.status
    return {
        "withdrawal": "0x" + passed.withdrawal.hash.hex(),
        "l2_block": passed.l2_block_number,
        "status": found.stage.value,
        "since": found.since,
        "missing": found.missing,
        "ready_at": found.ready_at,
        "l1_time": followed.l1_timestamp,
        "output_index": None if found.output is None else found.output.index,
        "call_succeeded": followed.succeeded,
    }
