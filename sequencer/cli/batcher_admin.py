"""`braid batcher-admin`: what an operator asks of a batcher that runs, through its admin port."""

import json
from typing import Annotated

import typer

Url = Annotated[str, typer.Option("--url", help="the batcher's admin port, as http://127.0.0.1:PORT")]
GWEI = 10**9

admin = typer.Typer(no_args_is_help=True, help="Change a batcher while it runs, through its admin port.")


def register(app: typer.Typer) -> None:
    """Add the group."""
    app.add_typer(admin, name="batcher-admin")


@admin.command("status")
def status(url: Url) -> None:
    """Where the batcher and its account on L1 stand, as JSON."""
    _ask(url, "admin_batcherStatus")


@admin.command("pause")
def pause(url: Url) -> None:
    """Hand nothing new to L1; what was handed over is followed to its end."""
    _ask(url, "admin_stopBatcher")


@admin.command("resume")
def resume(url: Url) -> None:
    """Hand over again."""
    _ask(url, "admin_startBatcher")


@admin.command("flush")
def flush(url: Url) -> None:
    """Post everything that was read now, whatever its age."""
    _ask(url, "admin_flushBatcher")


@admin.command("data-type")
def data_type(name: Annotated[str, typer.Argument(help="calldata, blobs or auto")], url: Url) -> None:
    """Where the channels that are opened from now on go."""
    _ask(url, "admin_setDataType", name)


@admin.command("fee-limits")
def fee_limits(
    max_fee_gwei: Annotated[float, typer.Argument(min=0, help="gwei per gas that is never exceeded")],
    max_blob_fee_gwei: Annotated[float, typer.Argument(min=0, help="gwei per blob gas that is never exceeded")],
    url: Url,
) -> None:
    """What is never exceeded from now on, fee bumps included."""
    _ask(url, "admin_setFeeLimits", hex(int(max_fee_gwei * GWEI)), hex(int(max_blob_fee_gwei * GWEI)))


def _ask(url: str, method: str, *parameters: object) -> None:
    """Call, and print the answer."""
    import asyncio

    from sequencer.node.json_rpc import call_once

    answer = asyncio.run(call_once(url, method, *parameters))
    if answer is not None:
        print(json.dumps(answer, indent=2))
