"""Addresses on the command line."""

import typer

ADDRESS_BYTES = 20


def parse_address(text: str) -> bytes:
    """The address; raise BadParameter for anything that is none."""
    try:
        address = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        address = b""
    if len(address) != ADDRESS_BYTES:
        raise typer.BadParameter(f"{text!r} is not an address")
    return address
