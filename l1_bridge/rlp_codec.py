"""
RLP, the serialization of both chains (Yellow Paper, appendix B): the door to the `rlp` library, with types.

Decoding is strict: no trailing bytes, no long form where a short one fits.
"""

from collections.abc import Sequence
from typing import TypeAlias

import rlp
from rlp.exceptions import RLPException

RlpItem: TypeAlias = "bytes | Sequence[RlpItem]"


class MalformedRlp(ValueError):
    """Bytes are not the canonical RLP of one item."""


def encode_rlp(item: RlpItem) -> bytes:
    """The RLP encoding of a byte string or a (nested) list of them."""
    encoded: bytes = rlp.encode(item, infer_serializer=False)
    return encoded


def decode_rlp(data: bytes) -> RlpItem:
    """Decode one item that fills `data`; raise MalformedRlp otherwise (nesting too deep included)."""
    try:
        decoded: RlpItem = rlp.decode(data, strict=True)
    except (RLPException, RecursionError) as reason:
        raise MalformedRlp(str(reason)) from None
    return decoded
