"""
Strict readers for the fields of RLP structures.

Ethereum's encodings are canonical: an integer has no leading zero byte, an address has 20 bytes or, where a contract
is created, none. Everything else is refused with the name of the field that is wrong.
"""

from collections.abc import Sequence

from l1_bridge.rlp_codec import MalformedRlp, RlpItem, decode_rlp

from .errors import DecodingError

__all__ = ["RlpItem", "decode_list", "read_bytes", "read_int", "read_list", "read_recipient", "read_sized"]


def decode_list(data: bytes, name: str, error: type[DecodingError] = DecodingError) -> list[RlpItem]:
    """Decode `data` as one RLP list without trailing bytes; raise `error` otherwise."""
    try:
        decoded = decode_rlp(data)
    except MalformedRlp as reason:
        raise error(f"{name} is not valid RLP: {reason}") from None
    if isinstance(decoded, bytes):
        raise error(f"{name} is an RLP string, not a list")
    return list(decoded)


def read_bytes(item: RlpItem, name: str) -> bytes:
    """A byte string of any length."""
    if not isinstance(item, bytes):
        raise DecodingError(f"{name} is a list, not a string")
    return item


def read_sized(item: RlpItem, size: int, name: str) -> bytes:
    """A byte string of exactly `size` bytes."""
    value = read_bytes(item, name)
    if len(value) != size:
        raise DecodingError(f"{name} has {len(value)} bytes, not {size}")
    return value


def read_int(item: RlpItem, bits: int, name: str) -> int:
    """A canonical big-endian integer below 2**bits."""
    value = read_bytes(item, name)
    if value[:1] == b"\0":
        raise DecodingError(f"{name} has a leading zero byte")
    number = int.from_bytes(value, "big")
    if number.bit_length() > bits:
        raise DecodingError(f"{name} has more than {bits} bits")
    return number


def read_recipient(item: RlpItem, name: str) -> bytes | None:
    """An address, or None for a contract creation (empty string)."""
    value = read_bytes(item, name)
    if not value:
        return None
    return read_sized(value, 20, name)


def read_list(item: RlpItem, name: str, length: int | None = None) -> Sequence[RlpItem]:
    """A list, of exactly `length` items where a length is given."""
    if isinstance(item, bytes):
        raise DecodingError(f"{name} is a string, not a list")
    if length is not None and len(item) != length:
        raise DecodingError(f"{name} has {len(item)} items, not {length}")
    return item
