"""
Values in fixtures: JSON with hex strings, whose widths vary from writer to writer.

A number may be a quantity, a word of 32 bytes or a plain JSON number; an address and code are bytes of even length.
Liberal in width, strict in meaning: what is no number of that size is refused with the name of its place.
"""

from collections.abc import Mapping, Sequence

from l1_bridge.errors import BraidError
from l1_bridge.json_fields import MAX_QUANTITY_DIGITS, MalformedField, parse_bytes


class NoFixture(BraidError):
    """A file is not what it should be: no JSON, another kind of fixture, or one with a part that makes no sense."""


def read_object(value: object, name: str) -> Mapping[str, object]:
    """A JSON object; raises MalformedField, as everything here does."""
    if not isinstance(value, Mapping):
        raise MalformedField(name, "not an object")
    return value


def read_list(value: object, name: str) -> Sequence[object]:
    """A JSON array."""
    if not isinstance(value, list):
        raise MalformedField(name, "not a list")
    return value


def read_text(value: object, name: str) -> str:
    """A JSON string."""
    if not isinstance(value, str):
        raise MalformedField(name, "not a string")
    return value


def read_number(value: object, name: str, bits: int = 256) -> int:
    """A number below 2**bits: hex with any number of leading zeros, or a JSON number."""
    if isinstance(value, str):
        digits = value[2:]
        if value[:2] != "0x" or not (digits.isascii() and digits.isalnum()) or len(digits) > MAX_QUANTITY_DIGITS:
            raise MalformedField(name, f"{value[:80]!r} is not a hex number of at most 256 bits")
        try:
            number = int(digits, 16)
        except ValueError:
            raise MalformedField(name, f"{value[:80]!r} is not a hex number") from None
    elif isinstance(value, int) and not isinstance(value, bool):
        number = value
    else:
        raise MalformedField(name, "missing" if value is None else "not a number")
    if not 0 <= number < 1 << bits:
        raise MalformedField(name, f"{number} does not fit {bits} bits")
    return number


def read_number_or(value: object, name: str, missing: int) -> int:
    """A number, or `missing` where there is none."""
    return missing if value is None else read_number(value, name)


def read_data(value: object, name: str) -> bytes:
    """Bytes of any length; null is none of them."""
    return b"" if value is None else parse_bytes(name, value)


def read_word(value: object, name: str, size: int = 32) -> bytes:
    """`size` bytes, from hex that may lack leading zeros."""
    return read_number(value, name, 8 * size).to_bytes(size, "big")


def read_address(value: object, name: str) -> bytes:
    """20 bytes."""
    return parse_bytes(name, value, 20)
