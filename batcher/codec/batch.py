"""
Batches: what one L2 block takes from the sequencer (derivation.md, "Batch Format").

    batch   = version byte | content
    0x00    = rlp([parent_hash, epoch_number, epoch_hash, timestamp, transaction_list])
    0x01    = span batch (delta/span-batches.md)

Whether a batch fits the chain is not decided here; neither is what a
transaction in it means: transactions are opaque bytes.
"""

from dataclasses import dataclass

from batcher.codec.errors import MalformedBatch, MalformedRlp, UnencodableField, UnknownBatchVersion
from batcher.codec.rlp_items import (
    Item,
    decode_item,
    decode_string,
    decode_uint64,
    encode_uint,
    iterate_items,
)
from l1_bridge.rlp_codec import encode_rlp

SINGULAR_BATCH_VERSION = 0
"""One L2 block."""

SPAN_BATCH_VERSION = 1
"""A range of L2 blocks, since Delta."""

MAX_TRANSACTIONS_KEPT = 1 << 20
"""
Transactions of a batch that are kept. Each costs 21,000 gas at least, so a block with more is above any gas limit and
becomes one of deposits alone, whatever the rest is; but 100 MB of the smallest transactions would fill the memory.
"""

_SINGULAR_FIELDS = 5
_HASH_BYTES = 32
_DEPOSIT_TYPE = 0x7E
_UINT64_LIMIT = 1 << 64


@dataclass(frozen=True, slots=True)
class SingularBatch:
    """What the sequencer decided about one L2 block."""

    parent_hash: bytes
    """Hash of the L2 block below."""
    epoch_number: int
    """Number of the L1 origin."""
    epoch_hash: bytes
    timestamp: int
    """Unix seconds of the L2 block."""
    transactions: tuple[bytes, ...]
    """EIP-2718 bytes in order, without deposits."""


def encode_batch(batch: SingularBatch) -> bytes:
    """
    Version byte and content of a singular batch.

    Raises
    ------
    UnencodableField
        A hash that has not 32 bytes, or an integer outside of 64 bits.
    """
    for name, hash_ in (("parent_hash", batch.parent_hash), ("epoch_hash", batch.epoch_hash)):
        if len(hash_) != _HASH_BYTES:
            raise UnencodableField(name, f"{len(hash_)} B instead of {_HASH_BYTES}")
    for name, number in (("epoch_number", batch.epoch_number), ("timestamp", batch.timestamp)):
        if not 0 <= number < _UINT64_LIMIT:
            raise UnencodableField(name, f"{number} is not within 64 bits")
    content = encode_rlp(
        [
            batch.parent_hash,
            encode_uint(batch.epoch_number),
            batch.epoch_hash,
            encode_uint(batch.timestamp),
            list(batch.transactions),
        ]
    )
    return bytes([SINGULAR_BATCH_VERSION]) + content


def decode_batch(data: bytes) -> SingularBatch:
    """
    Read a singular batch; `any_batch` reads those of either version.

    Bytes behind a complete singular batch are ignored, as the spec allows and
    op-node does.

    Raises
    ------
    MalformedBatch
        Empty, not canonical RLP of the five fields, or (`UnknownBatchVersion`) of another version.
    """
    if not data:
        raise MalformedBatch("a batch is never empty")
    if data[0] != SINGULAR_BATCH_VERSION:
        raise UnknownBatchVersion(data[0])
    try:
        return _decode_singular(data)
    except MalformedRlp as error:
        raise MalformedBatch(str(error)) from error


def _decode_singular(data: bytes) -> SingularBatch:
    content = decode_item(data, 1, len(data))
    if not content.is_list:
        raise MalformedBatch("content is not a list")
    fields: list[Item] = []
    for item in iterate_items(data, content):
        if len(fields) == _SINGULAR_FIELDS:
            raise MalformedBatch(f"more than {_SINGULAR_FIELDS} fields")
        fields.append(item)
    if len(fields) < _SINGULAR_FIELDS:
        raise MalformedBatch(f"{len(fields)} fields instead of {_SINGULAR_FIELDS}")
    parent_hash, epoch_number, epoch_hash, timestamp, transactions = fields
    if not transactions.is_list:
        raise MalformedBatch("transactions are not a list")
    return SingularBatch(
        parent_hash=_decode_hash(data, parent_hash, "parent hash"),
        epoch_number=decode_uint64(data, epoch_number),
        epoch_hash=_decode_hash(data, epoch_hash, "epoch hash"),
        timestamp=decode_uint64(data, timestamp),
        transactions=_decode_transactions(data, transactions),
    )


def _decode_transactions(data: bytes, parent: Item) -> tuple[bytes, ...]:
    """
    Payloads of a list of strings.

    Beyond `MAX_TRANSACTIONS_KEPT` everything is still checked, and of those that void the whole batch (an empty one, a
    deposit) the first is kept. Short strings are read in place: there may be 100 million of them.
    """
    kept: list[bytes] = []
    has_voiding = False
    position, end = parent.start, parent.end
    while position < end:
        prefix = data[position]
        if prefix < 0x80:
            start, stop = position, position + 1
        elif prefix < 0xB8 and prefix != 0x81 and position + prefix - 0x7F <= end:
            start, stop = position + 1, position + prefix - 0x7F
        else:
            item = decode_item(data, position, end)
            if item.is_list:
                raise MalformedRlp("a list stands where a transaction belongs", position)
            start, stop = item.start, item.end
        if len(kept) < MAX_TRANSACTIONS_KEPT:
            kept.append(data[start:stop])
        elif not has_voiding and (start == stop or data[start] == _DEPOSIT_TYPE):
            has_voiding = True
            kept.append(data[start:stop])
        position = stop
    return tuple(kept)


def _decode_hash(data: bytes, item: Item, name: str) -> bytes:
    payload = decode_string(data, item)
    if len(payload) != _HASH_BYTES:
        raise MalformedBatch(f"{name} has {len(payload)} B instead of {_HASH_BYTES}")
    return payload
