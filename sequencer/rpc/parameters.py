"""
Strict reading of JSON-RPC parameters into the node's own values (execution-apis `src/schemas`, EIP-1898).

Each reader takes what JSON gave and either returns a value or raises `Malformed` with the fact that is wrong; the
dispatcher puts the parameter's name before it. Sizes are checked before anything is converted.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeAlias, TypeVar

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Malformed(ValueError):
    """A parameter is not of the form that it must have; the message says how."""


class Tag(Enum):
    """Blocks that have a name instead of a number."""

    LATEST = "latest"
    PENDING = "pending"
    SAFE = "safe"
    FINALIZED = "finalized"
    EARLIEST = "earliest"


@dataclass(frozen=True, slots=True)
class HashReference:
    """A block by its hash (EIP-1898); only canonical blocks are kept, so `requireCanonical` changes nothing."""

    hash: bytes


BlockReference: TypeAlias = Tag | int | HashReference
NumberReference: TypeAlias = Tag | int


@dataclass(frozen=True, slots=True)
class Parameter(Generic[T_co]):
    """One position of a method's parameters; `default` counts when it is left out or null."""

    name: str
    read: Callable[[object], T_co]
    is_required: bool
    default: T_co | None = None


def required(name: str, read: Callable[[object], T]) -> Parameter[T]:
    """A parameter that must be there."""
    return Parameter(name, read, is_required=True)


def optional(name: str, read: Callable[[object], T], default: T) -> Parameter[T]:
    """A parameter that may be left out at the end, or be null."""
    return Parameter(name, read, is_required=False, default=default)


def optional_or_none(name: str, read: Callable[[object], T]) -> Parameter[T | None]:
    """A parameter that may be left out; None stands for that."""
    return Parameter(name, read, is_required=False)


LATEST_BLOCK: BlockReference = Tag.LATEST
"""The default of most methods that read a state."""

PENDING_BLOCK: BlockReference = Tag.PENDING
"""The default of estimates: what a transaction sent now would meet."""


def read_quantity(value: object, bits: int = 256) -> int:
    """A number: `0x` and hex digits without leading zeros, below 2**bits."""
    digits = _hex_digits(value)
    if not digits:
        raise Malformed("hex number has no digits")
    if len(digits) > 1 and digits[0] == "0":
        raise Malformed("hex number has leading zeros")
    if len(digits) > 64:
        raise Malformed("hex number has more than 256 bits")
    number = _parse_hex(digits)
    if number.bit_length() > bits:
        raise Malformed(f"number has more than {bits} bits")
    return number


def read_uint64(value: object) -> int:
    """A number below 2**64."""
    return read_quantity(value, 64)


def read_data(value: object) -> bytes:
    """Bytes: `0x` and two hex digits each."""
    digits = _hex_digits(value)
    if len(digits) % 2:
        raise Malformed("hex data has an odd number of digits")
    try:
        decoded = bytes.fromhex(digits)
    except ValueError:
        raise Malformed("hex data has a character that is no hex digit") from None
    if 2 * len(decoded) != len(digits):  # fromhex skips blanks
        raise Malformed("hex data has a character that is no hex digit")
    return decoded


def read_sized_data(value: object, size: int) -> bytes:
    """Exactly `size` bytes."""
    digits = _hex_digits(value)
    if len(digits) != 2 * size:
        raise Malformed(f"has {len(digits)} hex digits, not {2 * size}")
    return read_data(value)


def read_address(value: object) -> bytes:
    """An address, 20 bytes; the case of its letters (EIP-55) is not looked at."""
    return read_sized_data(value, 20)


def read_hash(value: object) -> bytes:
    """A hash, 32 bytes."""
    return read_sized_data(value, 32)


def read_slot(value: object) -> int:
    """A storage slot: hex of at most 32 bytes, with or without leading zeros."""
    digits = _hex_digits(value)
    if not 0 < len(digits) <= 64:
        raise Malformed(f"storage slot has {len(digits)} hex digits, not 1 to 64")
    return _parse_hex(digits)


def read_boolean(value: object) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise Malformed(f"is {_kind(value)}, not a boolean")
    return value


def read_count(value: object) -> int:
    """A small number, as hex or as a JSON number (feeHistory's block count, milliseconds)."""
    if isinstance(value, int) and not isinstance(value, bool):
        if not 0 <= value < 1 << 64:
            raise Malformed("number is negative or has more than 64 bits")
        return value
    return read_uint64(value)


def read_percentiles(value: object) -> tuple[float, ...]:
    """Rising percentages, at most 100 of them."""
    items = read_array(value, 100)
    percentiles = []
    for item in items:
        if isinstance(item, bool) or not isinstance(item, int | float) or not 0 <= item <= 100:
            raise Malformed("a percentile is not a number from 0 to 100")
        percentiles.append(float(item))
    if percentiles != sorted(percentiles):
        raise Malformed("percentiles do not rise")
    return tuple(percentiles)


def read_number_reference(value: object) -> NumberReference:
    """A tag or a block number."""
    if isinstance(value, str) and not value.startswith("0x"):
        try:
            return Tag(value)
        except ValueError:
            known = ", ".join(tag.value for tag in Tag)
            raise Malformed(f"unknown block tag {value[:32]!r}, not one of {known}") from None
    return read_uint64(value)


def read_block_reference(value: object) -> BlockReference:
    """A tag, a number, a 32-byte hash, or an EIP-1898 object with `blockNumber` or `blockHash`."""
    if isinstance(value, Mapping):
        if ("blockHash" in value) == ("blockNumber" in value):
            raise Malformed("needs exactly one of blockHash and blockNumber")
        if "blockHash" not in value:
            return read_field(value, "blockNumber", read_number_reference)
        read_field_or_none(value, "requireCanonical", read_boolean)
        return HashReference(read_field(value, "blockHash", read_hash))
    if isinstance(value, str) and len(value) == 66:
        return HashReference(read_hash(value))
    return read_number_reference(value)


def read_object(value: object) -> Mapping[str, object]:
    """A JSON object."""
    if not isinstance(value, Mapping):
        raise Malformed(f"is {_kind(value)}, not an object")
    return value


def read_array(value: object, limit: int) -> list[object]:
    """A JSON array of at most `limit` items."""
    if not isinstance(value, list):
        raise Malformed(f"is {_kind(value)}, not an array")
    if len(value) > limit:
        raise Malformed(f"has {len(value)} items, at most {limit} are allowed")
    return value


def read_slots(value: object) -> tuple[int, ...]:
    """Storage slots of a proof; the method checks how many."""
    return tuple(read_slot(item) for item in read_array(value, 1 << 16))


def read_field(source: Mapping[str, object], key: str, read: Callable[[object], T]) -> T:
    """The value under `key`; the key stands before what is wrong with it."""
    if key not in source:
        raise Malformed(f"{key} is missing")
    try:
        return read(source[key])
    except Malformed as reason:
        raise Malformed(f"{key}: {reason}") from None


def read_field_or_none(source: Mapping[str, object], key: str, read: Callable[[object], T]) -> T | None:
    """Like `read_field`; None when the key is missing or null."""
    return None if source.get(key) is None else read_field(source, key, read)


def _hex_digits(value: object) -> str:
    if not isinstance(value, str):
        raise Malformed(f"is {_kind(value)}, not a hex string")
    if not value.startswith("0x"):
        raise Malformed("hex string without 0x prefix")
    return value[2:]


def _parse_hex(digits: str) -> int:
    if not digits.isascii() or not digits.isalnum():
        raise Malformed("hex number has a character that is no hex digit")
    try:
        return int(digits, 16)
    except ValueError:
        raise Malformed("hex number has a character that is no hex digit") from None


def _kind(value: object) -> str:
    if value is None:
        return "null"
    kinds = ((bool, "a boolean"), (int | float, "a number"), (str, "a string"), (list, "an array"))
    return next((kind for types, kind in kinds if isinstance(value, types)), "an object")
