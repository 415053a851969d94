"""
What the journal says, one record a fact, in RLP after a kind byte.

    TRANSACTION   raw, received at (ms)                     a user was, or is about to be, told "accepted"
    SLICE         block number, parent hash, slice index,   users were, or are about to be, told "preconfirmed"
                  attributes (in slice 0), transaction hashes, keccak over the receipts' encodings
    TERMINAL      hash, state, reason                       it will not be included, and this is why
    ABANDONED     block number                              the slices of that block so far no longer hold

That a transaction was included is not written here: the chain itself says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias

from contracts.keccak import keccak
from l1_bridge.rlp_codec import MalformedRlp, RlpItem, decode_rlp, encode_integer, encode_rlp, wrap_rlp_list
from sequencer.execution.interface import Included, Outcome
from sequencer.primitives.attributes import PayloadAttributes
from sequencer.primitives.deposit import decode_deposit
from sequencer.primitives.errors import DecodingError
from sequencer.primitives.fields import read_bytes, read_int, read_list, read_sized


class RecordKind(IntEnum):
    """First byte of a record."""

    TRANSACTION = 1
    SLICE = 2
    TERMINAL = 3
    ABANDONED = 4


_TRANSACTION = bytes([RecordKind.TRANSACTION])


@dataclass(frozen=True, slots=True)
class TransactionRecord:
    """A transaction as the user sent it; time in milliseconds since 1970."""

    raw: bytes
    received_at_ms: int

    def encode(self) -> bytes:
        """The record's bytes."""
        return _TRANSACTION + wrap_rlp_list(encode_rlp(self.raw) + encode_rlp(encode_integer(self.received_at_ms)))


@dataclass(frozen=True, slots=True)
class SliceRecord:
    """
    A slice of the open block, published once this is synced.

    `attributes` stand in slice 0 alone: with them the block is opened again. `transaction_hashes` are the included
    user transactions in order; `receipts_digest` is `compute_receipts_digest` over their outcomes.
    """

    block_number: int
    parent_hash: bytes
    slice_index: int
    attributes: PayloadAttributes | None
    transaction_hashes: tuple[bytes, ...]
    receipts_digest: bytes

    def encode(self) -> bytes:
        """The record's bytes."""
        return _encode(
            RecordKind.SLICE,
            [
                encode_integer(self.block_number),
                self.parent_hash,
                encode_integer(self.slice_index),
                [] if self.attributes is None else _attributes_to_rlp(self.attributes),
                list(self.transaction_hashes),
                self.receipts_digest,
            ],
        )


@dataclass(frozen=True, slots=True)
class TerminalRecord:
    """A transaction's end outside of the chain: `state` is a `TransactionState`'s value, `reason` is for people."""

    transaction_hash: bytes
    state: str
    reason: str

    def encode(self) -> bytes:
        """The record's bytes."""
        return _encode(RecordKind.TERMINAL, [self.transaction_hash, self.state.encode(), self.reason.encode()])


@dataclass(frozen=True, slots=True)
class AbandonedRecord:
    """The open block of that number was given up: its slices are not to be rebuilt."""

    block_number: int

    def encode(self) -> bytes:
        """The record's bytes."""
        return _encode(RecordKind.ABANDONED, [encode_integer(self.block_number)])


Record: TypeAlias = TransactionRecord | SliceRecord | TerminalRecord | AbandonedRecord


def compute_receipts_digest(outcomes: Sequence[Outcome]) -> bytes:
    """Keccak over the receipt encodings of the included outcomes, one after another."""
    return keccak(b"".join(outcome.receipt.encode() for outcome in outcomes if isinstance(outcome, Included)))


def decode_record(data: bytes) -> Record:
    """Read one record; raise DecodingError with the fact that is wrong."""
    if not data:
        raise DecodingError("record is empty")
    try:
        fields = read_list(decode_rlp(data[1:]), "record")
    except MalformedRlp as reason:
        raise DecodingError(f"record is not valid RLP: {reason}") from None
    if data[0] == RecordKind.TRANSACTION:
        raw, received_at = read_list(fields, "transaction record", 2)
        return TransactionRecord(read_bytes(raw, "raw"), read_int(received_at, 64, "received at"))
    if data[0] == RecordKind.SLICE:
        return _decode_slice(fields)
    if data[0] == RecordKind.TERMINAL:
        transaction_hash, state, why = read_list(fields, "terminal record", 3)
        return TerminalRecord(
            transaction_hash=read_sized(transaction_hash, 32, "transaction hash"),
            state=read_bytes(state, "state").decode(errors="replace"),
            reason=read_bytes(why, "reason").decode(errors="replace"),
        )
    if data[0] == RecordKind.ABANDONED:
        (number,) = read_list(fields, "abandoned record", 1)
        return AbandonedRecord(read_int(number, 64, "block number"))
    raise DecodingError(f"record of unknown kind {data[0]}")


def _encode(kind: RecordKind, fields: list[RlpItem]) -> bytes:
    return bytes([kind]) + encode_rlp(fields)


def _decode_slice(fields: Sequence[RlpItem]) -> SliceRecord:
    number, parent_hash, index, attributes, hashes, digest = read_list(fields, "slice record", 6)
    attribute_fields = read_list(attributes, "attributes")
    return SliceRecord(
        block_number=read_int(number, 64, "block number"),
        parent_hash=read_sized(parent_hash, 32, "parent hash"),
        slice_index=read_int(index, 32, "slice index"),
        attributes=_attributes_from_rlp(attribute_fields) if attribute_fields else None,
        transaction_hashes=tuple(
            read_sized(item, 32, "transaction hash") for item in read_list(hashes, "transaction hashes")
        ),
        receipts_digest=read_sized(digest, 32, "receipts digest"),
    )


def _attributes_to_rlp(attributes: PayloadAttributes) -> RlpItem:
    return [
        encode_integer(attributes.timestamp),
        attributes.prev_randao,
        attributes.fee_recipient,
        attributes.parent_beacon_block_root,
        encode_integer(attributes.gas_limit),
        attributes.extra_data,
        [deposit.raw for deposit in attributes.deposits],
        list(attributes.user_transactions),
    ]


def _attributes_from_rlp(item: RlpItem) -> PayloadAttributes:
    timestamp, randao, recipient, beacon_root, gas_limit, extra_data, deposits, transactions = read_list(
        item, "attributes", 8
    )
    return PayloadAttributes(
        timestamp=read_int(timestamp, 64, "timestamp"),
        prev_randao=read_sized(randao, 32, "prev randao"),
        fee_recipient=read_sized(recipient, 20, "fee recipient"),
        parent_beacon_block_root=read_sized(beacon_root, 32, "parent beacon block root"),
        gas_limit=read_int(gas_limit, 64, "gas limit"),
        extra_data=read_bytes(extra_data, "extra data"),
        deposits=tuple(decode_deposit(read_bytes(raw, "deposit")) for raw in read_list(deposits, "deposits")),
        user_transactions=tuple(
            read_bytes(raw, "user transaction") for raw in read_list(transactions, "user transactions")
        ),
    )
