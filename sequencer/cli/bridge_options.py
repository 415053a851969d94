"""What the commands of `braid bridge` share: options, keys, amounts, hashes, times."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from l1_bridge.rollup_config import RollupConfig
    from l1_bridge.signer import LocalSigner

KEY_VARIABLE = "BRAID_KEY"
PASSWORD_VARIABLE = "BRAID_KEY_PASSWORD"
HASH_BYTES = 32

L1 = Annotated[str, typer.Option(help="URL of an L1 node")]
L2 = Annotated[str, typer.Option(help="URL of an L2 node; it need not be trusted")]
Rollup = Annotated[Path, typer.Option(help="rollup.json")]
Keystore = Annotated[
    Path | None, typer.Option(help=f"encrypted key file, its password in {PASSWORD_VARIABLE}; none: {KEY_VARIABLE}")
]
Transaction = Annotated[str, typer.Argument(help="hash of the L2 transaction that withdrew")]
Chosen = Annotated[str | None, typer.Option("--withdrawal", help="its hash, where the transaction holds several")]
Wait = Annotated[float, typer.Option(min=0, help="seconds to wait until it is possible")]


def load_rollup(path: Path) -> "RollupConfig":
    """The rollup config of that file; raises UnusableFile, or what is wrong with its fields."""
    from l1_bridge.rollup_config import RollupConfig
    from sequencer.node.json_files import read_json_object

    return RollupConfig.from_json(read_json_object(path))


def load_signer(keystore: Path | None) -> "LocalSigner":
    """The user's key, from the keystore or the environment; raises UnusableKey."""
    from l1_bridge.signer import UnusableKey, signer_from_environment, signer_from_keystore

    if keystore is None:
        return signer_from_environment(os.environ, KEY_VARIABLE)
    try:
        content = keystore.read_bytes()
    except OSError as reason:
        raise UnusableKey(f"{keystore}: {reason.strerror}") from None
    return signer_from_keystore(content, os.environ.get(PASSWORD_VARIABLE, ""))


def parse_ether(text: str) -> int:
    """Wei of an amount in ether; raise BadParameter for anything that is none."""
    from eth_utils.currency import to_wei
    from eth_utils.exceptions import ValidationError

    try:
        return to_wei(text, "ether")
    except (ValueError, ValidationError, ArithmeticError) as reason:
        raise typer.BadParameter(f"{text!r} is no amount of ether: {reason}") from None


def parse_data(text: str) -> bytes:
    """Bytes of hex with or without `0x`; raise BadParameter."""
    try:
        return bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not hex") from None


def parse_hash(text: str) -> bytes:
    """A hash of 32 bytes; raise BadParameter."""
    found = parse_data(text)
    if len(found) != HASH_BYTES:
        raise typer.BadParameter(f"{text!r} is not a hash of {HASH_BYTES} bytes")
    return found


def format_ether(wei: int) -> str:
    """An amount in ether, exact."""
    whole, rest = divmod(wei, 10**18)
    fraction = f".{rest:018d}".rstrip("0") if rest else ""
    return f"{whole}{fraction} ether"


def format_time(seconds: int, now: int) -> str:
    """A time in UTC, and how far it is from `now`."""
    distance = f"{now - seconds} s ago" if seconds <= now else f"in {seconds - now} s"
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC ({distance})"
