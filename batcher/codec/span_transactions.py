"""
Transactions of a span batch, field by field in columns, so that like stands beside like (delta/span-batches.md, `txs`).

    txs = contract_creation_bits | y_parity_bits | tx_sigs | tx_tos | tx_datas | tx_nonces | tx_gases | protected_bits

    tx_data   0  rlp([value, gas_price, data])
              1  rlp([value, gas_price, data, access_list])
              2  rlp([value, priority_fee, max_fee, data, access_list])
              4  rlp([value, priority_fee, max_fee, data, access_list, authorization_list])    since Isthmus

In each type what stands in `tx_data` is, but for the value, in the order of the transaction: so a transaction is
taken apart, and put together again, by cutting its bytes. Whether a transaction can be executed is not decided here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from batcher.codec.bit_list import BitList, BitListWriter
from batcher.codec.errors import MalformedBatch, MalformedRlp, UnencodableField, UnreadableTransaction
from batcher.codec.rlp_items import decode_header, encode_uint, find_items
from batcher.codec.transaction_shape import SHAPES, TransactionShape, check_transaction_data
from batcher.codec.varint import encode_varint, read_varints
from l1_bridge.rlp_codec import encode_rlp, wrap_rlp_list

MAX_TRANSACTION_DATA_BYTES = 10_000_000
"""A `tx_data` longer than this makes the batch malformed; op-node uses `MAX_SPAN_BATCH_ELEMENT_COUNT` for it."""

_ADDRESS_BYTES = 20
_WORD_BYTES = 32
_SIGNATURE_BYTES = 64
_UNPROTECTED_V = 27
_PROTECTED_V = 35
_EMPTY = b"\x80"
_ADDRESS_PREFIX = b"\x94"
_WORD_PREFIX = b"\xa0"
_LEGACY_FROM = 0x80
"""First bytes from here on begin a legacy transaction; those below are types."""


class TransactionColumns:
    """Takes transactions apart, one after the other, for a span batch that is being written."""

    def __init__(self, chain_id: int) -> None:
        self._chain_id = chain_id
        self._creations = BitListWriter()
        self._parities = BitListWriter()
        self._protected = BitListWriter()
        self._signatures = bytearray()
        self._recipients = bytearray()
        self._datas = bytearray()
        self._nonces = bytearray()
        self._gas_limits = bytearray()

    @property
    def count(self) -> int:
        """Transactions so far."""
        return self._creations.count

    @property
    def size_bytes(self) -> int:
        """Length of what `encode` gives now."""
        columns = (self._signatures, self._recipients, self._datas, self._nonces, self._gas_limits)
        bits = (self._creations, self._parities, self._protected)
        return sum(map(len, columns)) + sum((writer.count + 7) // 8 for writer in bits)

    def add(self, fields: "TransactionFields") -> None:
        """Append a transaction that was taken apart."""
        self._creations.add(not fields.recipient)
        self._parities.add(fields.parity)
        if fields.type == 0:
            self._protected.add(fields.is_protected)
        self._signatures += fields.signature
        self._recipients += fields.recipient
        self._datas += fields.data
        self._nonces += encode_varint(fields.nonce)
        self._gas_limits += encode_varint(fields.gas_limit)

    def encode(self) -> bytes:
        """The columns, one after the other."""
        return b"".join(
            (
                self._creations.encode(),
                self._parities.encode(),
                self._signatures,
                self._recipients,
                self._datas,
                self._nonces,
                self._gas_limits,
                self._protected.encode(),
            )
        )


@dataclass(frozen=True, slots=True)
class TransactionFields:
    """One transaction, as it goes into the columns."""

    type: int
    recipient: bytes
    """Empty: it creates a contract."""
    parity: bool
    is_protected: bool
    """The signature of a legacy transaction names the chain (EIP-155)."""
    signature: bytes
    data: bytes
    """Type byte, but of legacy transactions, and the list of the fields that have no column of their own."""
    nonce: int
    gas_limit: int


def split_transaction(raw: bytes, chain_id: int) -> TransactionFields:
    """
    Take a signed transaction apart.

    Raises
    ------
    UnencodableField
        It is of a type that span batches do not have, not canonical RLP, or signed for another chain.
    """
    kind = raw[0] if raw and raw[0] < _LEGACY_FROM else 0
    shape = SHAPES.get(kind)
    if shape is None or not raw or raw[0] == 0:
        raise UnencodableField("transaction", f"type {raw[:1].hex() or 'none'} has no place in a span batch")
    try:
        starts = find_items(raw, 1 if kind else 0, len(raw), shape.fields)
        cut = [raw[start:end] for start, end in pairwise(starts)]
        return _split(cut, shape, chain_id)
    except MalformedRlp as error:
        raise UnencodableField("transaction", str(error)) from error


def _split(cut: list[bytes], shape: TransactionShape, chain_id: int) -> TransactionFields:
    nonce_at = shape.first_field
    gas_at = nonce_at + 1 + shape.prices
    recipient = cut[gas_at + 1]
    if nonce_at and _read_uint(cut[0], _WORD_BYTES, "chain_id") != chain_id:
        raise UnencodableField("chain_id", f"a transaction of another chain than {chain_id}")
    if recipient == _EMPTY and shape.needs_recipient:
        raise UnencodableField("to", f"missing in a transaction of type {shape.type}")
    if recipient != _EMPTY and (recipient[:1] != _ADDRESS_PREFIX or len(recipient) != 1 + _ADDRESS_BYTES):
        raise UnencodableField("to", "neither an address nor empty")
    data = wrap_rlp_list(b"".join((cut[gas_at + 2], *cut[nonce_at + 1 : gas_at], *cut[gas_at + 3 : -3])))
    if len(data) > MAX_TRANSACTION_DATA_BYTES:
        raise UnencodableField("tx_data", f"{len(data)} B, a reader takes {MAX_TRANSACTION_DATA_BYTES}")
    check_transaction_data(data, 0, len(data), shape)
    v = _read_uint(cut[-3], _WORD_BYTES, "v")
    is_protected = shape.type == 0 and v not in (_UNPROTECTED_V, _UNPROTECTED_V + 1)
    parity = v - _compute_v(shape.type, is_protected, chain_id)
    if parity not in (0, 1):
        raise UnencodableField("v", f"{v} in a transaction of type {shape.type} on chain {chain_id}")
    words = (_read_uint(part, _WORD_BYTES, "signature").to_bytes(_WORD_BYTES, "big") for part in cut[-2:])
    return TransactionFields(
        type=shape.type,
        recipient=recipient[1:],
        parity=parity == 1,
        is_protected=is_protected,
        signature=b"".join(words),
        data=bytes((shape.type,)) + data if shape.type else data,
        nonce=_read_uint(cut[nonce_at], 8, "nonce"),
        gas_limit=_read_uint(cut[gas_at], 8, "gas_limit"),
    )


def _compute_v(type_: int, is_protected: bool, chain_id: int) -> int:
    """`v` of a signature with parity 0."""
    if type_ != 0:
        return 0
    return 2 * chain_id + _PROTECTED_V if is_protected else _UNPROTECTED_V


def _read_uint(item: bytes, limit_bytes: int, name: str) -> int:
    """The integer in an item that stands alone."""
    payload = item if item[0] < _LEGACY_FROM else item[1:]
    if item[0] > _LEGACY_FROM + limit_bytes or payload[:1] == b"\x00":
        raise UnencodableField(name, f"no integer of at most {limit_bytes} B")
    return int.from_bytes(payload, "big")


@dataclass(frozen=True, slots=True)
class _Columns:
    """Encoded transactions, each column found and complete."""

    creations: BitList
    parities: BitList
    signatures_start: int
    recipients_start: int
    datas: Sequence[int]
    """Where each `tx_data` begins, and where the last one ends."""
    nonces: Sequence[int]
    gas_limits: Sequence[int]
    protected: BitList


def decode_transactions(data: bytes, position: int, count: int, chain_id: int) -> tuple[bytes, ...]:
    """
    All transactions whose columns begin at `position`, as signed EIP-2718 bytes; bytes behind them are ignored.

    Raises
    ------
    MalformedBatch
        A column is cut off or has no form.
    UnreadableTransaction
        The columns are whole, but a transaction in them has a type, or a field, that can not be.
    """
    columns = _find_columns(data, position, count)
    prefix = encode_rlp(encode_uint(chain_id))
    recipient_at, legacy_index = columns.recipients_start, 0
    transactions: list[bytes] = []
    for index in range(count):
        start, end = columns.datas[index], columns.datas[index + 1]
        kind = data[start] if data[start] < _LEGACY_FROM else 0
        is_creation, is_protected = columns.creations[index], False
        recipient = _EMPTY
        if not is_creation:
            recipient = _ADDRESS_PREFIX + data[recipient_at : recipient_at + _ADDRESS_BYTES]
            recipient_at += _ADDRESS_BYTES
        if kind == 0:
            is_protected = columns.protected[legacy_index]
            legacy_index += 1
        shape = SHAPES.get(kind)
        if shape is None or data[start] == 0 or (is_creation and shape.needs_recipient):
            raise UnreadableTransaction(index, f"type {data[start]}, creation: {is_creation}")
        starts = _check_data(data, start, end, shape, index)
        signature_at = columns.signatures_start + _SIGNATURE_BYTES * index
        gas_at = starts[1 + shape.prices]
        payload = (
            prefix if kind else b"",
            _encode_uint_item(columns.nonces[index]),
            data[starts[1] : gas_at],
            _encode_uint_item(columns.gas_limits[index]),
            recipient,
            data[starts[0] : starts[1]],
            data[gas_at:end],
            _encode_uint_item(_compute_v(kind, is_protected, chain_id) + columns.parities[index]),
            _encode_word(data[signature_at : signature_at + _WORD_BYTES]),
            _encode_word(data[signature_at + _WORD_BYTES : signature_at + _SIGNATURE_BYTES]),
        )
        encoded = wrap_rlp_list(b"".join(payload))
        transactions.append(bytes((kind,)) + encoded if kind else encoded)
    return tuple(transactions)


def _find_columns(data: bytes, position: int, count: int) -> _Columns:
    creations, position = BitList.read(data, position, count)
    parities, signatures_start = BitList.read(data, position, count)
    recipients_start = signatures_start + _SIGNATURE_BYTES * count
    position = recipients_start + _ADDRESS_BYTES * (count - creations.count_ones())
    if position > len(data):
        raise MalformedBatch("signatures or recipients are cut off")
    datas, legacy_count = [position], 0
    for _ in range(count):
        if position < len(data) and (data[position] >= _LEGACY_FROM or data[position] == 0):
            legacy_count += 1
        position = _skip_transaction_data(data, position)
        datas.append(position)
    nonces, position = read_varints(data, position, count)
    gas_limits, position = read_varints(data, position, count)
    protected, _ = BitList.read(data, position, legacy_count)
    return _Columns(creations, parities, signatures_start, recipients_start, datas, nonces, gas_limits, protected)


def _skip_transaction_data(data: bytes, position: int) -> int:
    """Where the `tx_data` at `position` ends."""
    start = position + 1 if position < len(data) and data[position] < _LEGACY_FROM else position
    try:
        item = decode_header(data, start, len(data))
    except MalformedRlp as error:
        raise MalformedBatch(str(error)) from error
    if not item.is_list:
        raise MalformedBatch(f"tx_data at byte {position} is not a list")
    if item.end > len(data) or item.end - start > MAX_TRANSACTION_DATA_BYTES:
        raise MalformedBatch(f"tx_data at byte {position} is cut off, or too large")
    return item.end


def _check_data(data: bytes, start: int, end: int, shape: TransactionShape, index: int) -> list[int]:
    try:
        return check_transaction_data(data, start + 1 if shape.type else start, end, shape)
    except MalformedRlp as error:
        raise UnreadableTransaction(index, str(error)) from error


def _encode_uint_item(value: int) -> bytes:
    if value < _LEGACY_FROM:
        return bytes((value,)) if value else _EMPTY
    payload = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return bytes((_LEGACY_FROM + len(payload),)) + payload


def _encode_word(word: bytes) -> bytes:
    """A number of 32 bytes as an RLP integer."""
    return _WORD_PREFIX + word if word[0] else encode_rlp(word.lstrip(b"\x00"))
