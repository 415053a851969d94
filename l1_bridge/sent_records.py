"""
The records of the store of sent transactions, and what they add up to.

    Queued -> Signed (one a version) -> Ended
                 |
                 +-> Returned: the nonce was somebody else's, queued again

A request's records carry its sequence number. No record holds a secret: what is
stored is what goes to L1 anyway.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from l1_bridge.errors import CriticalError
from l1_bridge.fees import Fees
from l1_bridge.rlp_codec import MalformedRlp, RlpItem, decode_rlp, encode_integer, encode_rlp
from l1_bridge.sending import RequestId

_NO_ID, _INTEGER_ID, _BYTES_ID = b"", b"\x01", b"\x02"
_QUEUED, _SIGNED, _RETURNED, _ENDED = b"\x01", b"\x02", b"\x03", b"\x04"


class UnreadableRecord(CriticalError):
    """Bytes with a good checksum that are no record: another program or version wrote them."""


@dataclass(frozen=True, slots=True)
class L1Request:
    """One transaction as it was asked for."""

    request_id: RequestId | None
    """None: a transaction of the manager's own that fills a nonce."""
    to: bytes | None
    data: bytes
    value: int = 0
    gas_limit: int | None = None
    blobs: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Queued:
    """A request was taken."""

    sequence: int
    request: L1Request


@dataclass(frozen=True, slots=True)
class Signed:
    """A version of the transaction exists, and may be sent from now on."""

    sequence: int
    nonce: int
    gas_limit: int
    fees: Fees
    encoded: bytes
    """Canonical bytes."""
    is_cancel: bool
    """It does nothing but use the nonce."""


@dataclass(frozen=True, slots=True)
class Returned:
    """No version counts any more; the request waits for another nonce."""

    sequence: int


@dataclass(frozen=True, slots=True)
class Ended:
    """The request is settled."""

    sequence: int


Record: TypeAlias = Queued | Signed | Returned | Ended


@dataclass(slots=True)
class StoredRequest:
    """What the records of one request add up to."""

    request: L1Request
    versions: list[Signed] = field(default_factory=list)

    @property
    def size_bytes(self) -> int:
        """About what it takes in the file."""
        payload = len(self.request.data) + sum(map(len, self.request.blobs))
        return payload + sum(len(version.encoded) for version in self.versions)


def apply_record(live: dict[int, StoredRequest], record: Record) -> None:
    """Change the requests that are not settled as the record says; raises `UnreadableRecord` for one of no request."""
    if isinstance(record, Queued):
        live[record.sequence] = StoredRequest(record.request)
        return
    if record.sequence not in live:
        raise UnreadableRecord(f"a record of request {record.sequence}, which is not there")
    if isinstance(record, Signed):
        live[record.sequence].versions.append(record)
    elif isinstance(record, Returned):
        live[record.sequence].versions.clear()
    else:
        del live[record.sequence]


def records_of(live: dict[int, StoredRequest]) -> list[Record]:
    """The shortest list of records that adds up to the same."""
    records: list[Record] = []
    for sequence, stored in live.items():
        records.append(Queued(sequence, stored.request))
        records += stored.versions
    return records


def encode_records(records: Sequence[Record]) -> bytes:
    """The payload of a group."""
    return encode_rlp([_encode(record) for record in records])


def decode_records(payload: bytes) -> list[Record]:
    """The records of a group; raises `UnreadableRecord`."""
    try:
        items = decode_rlp(payload)
        if isinstance(items, bytes):
            raise ValueError("no list")
        return [_decode(item) for item in items]
    except (MalformedRlp, ValueError, TypeError) as reason:
        raise UnreadableRecord(f"records that can not be read: {reason}") from None


def _encode(record: Record) -> RlpItem:
    sequence = encode_integer(record.sequence)
    if isinstance(record, Queued):
        request = record.request
        gas_limit: RlpItem = () if request.gas_limit is None else (encode_integer(request.gas_limit),)
        call: tuple[RlpItem, ...] = (request.to or b"", request.data, encode_integer(request.value), gas_limit)
        return (_QUEUED, sequence, *_encode_id(request.request_id), *call, request.blobs)
    if isinstance(record, Signed):
        fees = record.fees
        integers = (record.nonce, record.gas_limit, fees.priority_fee, fees.max_fee, fees.max_blob_fee)
        return (
            *(_SIGNED, sequence, *map(encode_integer, integers)),
            *(record.encoded, encode_integer(int(record.is_cancel))),
        )
    return (_RETURNED if isinstance(record, Returned) else _ENDED, sequence)


def _decode(item: RlpItem) -> Record:
    kind, sequence_bytes, *rest = item
    sequence = _integer(sequence_bytes)
    if kind == _QUEUED:
        id_kind, id_bytes, to, data, value, gas_limit, blobs = rest
        request = L1Request(
            _decode_id(_bytes(id_kind), _bytes(id_bytes)),
            _bytes(to) or None,
            _bytes(data),
            _integer(value),
            next((_integer(limit) for limit in _items(gas_limit)), None),
            tuple(map(_bytes, _items(blobs))),
        )
        return Queued(sequence, request)
    if kind == _SIGNED:
        *integers, encoded, is_cancel = rest
        nonce, gas_limit_, tip, cap, blob_fee = map(_integer, integers)
        return Signed(sequence, nonce, gas_limit_, Fees(tip, cap, blob_fee), _bytes(encoded), bool(_integer(is_cancel)))
    if kind not in (_RETURNED, _ENDED) or rest:
        raise ValueError(f"kind {kind!r}")
    return Returned(sequence) if kind == _RETURNED else Ended(sequence)


def _encode_id(request_id: RequestId | None) -> tuple[bytes, bytes]:
    if request_id is None:
        return _NO_ID, b""
    if isinstance(request_id, bytes):
        return _BYTES_ID, request_id
    return _INTEGER_ID, encode_integer(request_id)


def _decode_id(kind: bytes, value: bytes) -> RequestId | None:
    if kind == _NO_ID:
        return None
    return value if kind == _BYTES_ID else int.from_bytes(value, "big")


def _bytes(item: object) -> bytes:
    if not isinstance(item, bytes):
        raise TypeError("a list where bytes belong")
    return item


def _items(item: object) -> Sequence[object]:
    if not isinstance(item, Sequence) or isinstance(item, bytes):
        raise TypeError("bytes where a list belongs")
    return item


def _integer(item: object) -> int:
    return int.from_bytes(_bytes(item), "big")
