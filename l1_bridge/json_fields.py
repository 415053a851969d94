"""
Reading of typed fields from JSON objects: config files and L1's JSON-RPC answers.

Hex becomes bytes and integers here, at the edge. Every function names the key
and the fact when a field is not what it must be.
"""

from collections.abc import Mapping

from l1_bridge.errors import BraidError

MAX_QUANTITY_DIGITS = 64
"""A JSON-RPC quantity is at most 256 bits."""


class MalformedField(BraidError):
    """A JSON field is missing or is not of the form that it must have."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"{key}: {reason}")
        self.key = key
        self.reason = reason


def get_object(source: Mapping[str, object], key: str) -> Mapping[str, object]:
    """The JSON object under `key`."""
    value = source.get(key)
    if not isinstance(value, Mapping):
        raise MalformedField(key, "not an object")
    return value


def get_list(source: Mapping[str, object], key: str) -> list[object]:
    """The JSON array under `key`."""
    value = source.get(key)
    if not isinstance(value, list):
        raise MalformedField(key, "not a list")
    return value


def get_integer(source: Mapping[str, object], key: str, bits: int = 64) -> int:
    """The non-negative JSON number under `key`, of at most that many bits."""
    value = source.get(key)
    if isinstance(value, bool) or not isinstance(value, int):
        raise MalformedField(key, "not an integer")
    if not 0 <= value < 1 << bits:
        raise MalformedField(key, f"{value} does not fit {bits} bits")
    return value


def get_integer_or_none(source: Mapping[str, object], key: str) -> int | None:
    """Like `get_integer`; None when the key is missing or null."""
    return None if source.get(key) is None else get_integer(source, key)


def get_bytes(source: Mapping[str, object], key: str, length: int | None = None) -> bytes:
    """The `0x` hex string under `key`, of exactly `length` bytes when given."""
    return parse_bytes(key, source.get(key), length)


def get_bytes_or_none(source: Mapping[str, object], key: str, length: int | None = None) -> bytes | None:
    """Like `get_bytes`; None when the key is missing or null."""
    return None if source.get(key) is None else get_bytes(source, key, length)


def get_quantity(source: Mapping[str, object], key: str) -> int:
    """The JSON-RPC quantity (`0x` hex number) under `key`."""
    value = source.get(key)
    if not isinstance(value, str) or not value.startswith("0x") or not (value.isascii() and value[2:].isalnum()):
        raise MalformedField(key, "not a hex quantity")
    if len(value) - 2 > MAX_QUANTITY_DIGITS:
        raise MalformedField(key, "more than 256 bits")
    try:
        return int(value, 16)
    except ValueError:
        raise MalformedField(key, "not a hex quantity") from None


def get_quantity_or_none(source: Mapping[str, object], key: str) -> int | None:
    """Like `get_quantity`; None when the key is missing or null."""
    return None if source.get(key) is None else get_quantity(source, key)


def parse_bytes(key: str, value: object, length: int | None = None) -> bytes:
    """Bytes of a `0x` hex string; `key` names it in the error."""
    if not isinstance(value, str) or not value.startswith("0x"):
        raise MalformedField(key, "not a 0x hex string")
    try:
        decoded = bytes.fromhex(value[2:])
    except ValueError:
        raise MalformedField(key, "not a 0x hex string") from None
    if len(value) - 2 != 2 * len(decoded):
        raise MalformedField(key, "has something between its hex digits")
    if length is not None and len(decoded) != length:
        raise MalformedField(key, f"{len(decoded)} bytes instead of {length}")
    return decoded


def hex_bytes(value: bytes) -> str:
    """`0x` and lower-case hex digits."""
    return "0x" + value.hex()
