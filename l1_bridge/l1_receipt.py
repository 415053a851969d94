"""
L1 receipts: consensus encodings rebuilt from what a node answers, and checked against the receipts root.

    type | rlp([status, cumulative gas used, bloom, [[address, [topics], data], ...]])

The bloom and the log indexes are computed here, not taken from the answer. The
transaction's hash is not part of the encoding: that one field is the node's
word. Receipts of deposits (0x7E) also commit to nonce and version.
Spec: Yellow Paper 4.3.1, EIP-658, 2718; deposits.md.
"""

from collections.abc import Iterable, Mapping, Sequence

from contracts.keccak import keccak
from l1_bridge import json_fields
from l1_bridge.errors import L1Lied
from l1_bridge.json_fields import MalformedField, parse_bytes
from l1_bridge.l1_transaction import DEPOSIT_TYPE, LEGACY_TYPE
from l1_bridge.ordered_trie import ordered_trie_root
from l1_bridge.rlp_codec import RlpItem, encode_integer, encode_rlp
from l1_bridge.types import L1Log, L1Receipt

MAX_TOPICS = 4
"""LOG4 is the EVM's largest."""

BLOOM_BITS = 2048


def compute_bloom(logs: Iterable[L1Log]) -> bytes:
    """The 256-byte filter of the addresses and topics of `logs`."""
    bloom = 0
    for entry in {value for log in logs for value in (log.address, *log.topics)}:
        digest = keccak(entry)
        for at in (0, 2, 4):
            bloom |= 1 << (int.from_bytes(digest[at : at + 2], "big") % BLOOM_BITS)
    return bloom.to_bytes(BLOOM_BITS // 8, "big")


def verify_receipts(sources: Sequence[object], receipts_root: bytes) -> tuple[L1Receipt, ...]:
    """
    The receipts of a block, in order, once they are what its receipts root commits to.

    Raises
    ------
    MalformedField
        An entry is no receipt.
    L1Lied
        They have another root.
    """
    receipts: list[L1Receipt] = []
    encodings: list[bytes] = []
    next_log_index = 0
    for source in sources:
        if not isinstance(source, Mapping):
            raise MalformedField("receipts", "an entry is not an object")
        receipt = _receipt(source, next_log_index)
        next_log_index += len(receipt.logs)
        receipts.append(receipt)
        encodings.append(_encode_receipt(source, receipt))
    root = ordered_trie_root(encodings)
    if root != receipts_root:
        raise L1Lied("a receipts root", receipts_root, root)
    return tuple(receipts)


def parse_log(source: object, log_index: int = 0) -> L1Log:
    """The event in a JSON-RPC answer, unchecked; raises MalformedField."""
    if not isinstance(source, Mapping):
        raise MalformedField("logs", "an entry is not an object")
    topics = tuple(parse_bytes("topics", topic, 32) for topic in json_fields.get_list(source, "topics"))
    if len(topics) > MAX_TOPICS:
        raise MalformedField("topics", f"{len(topics)} of them")
    return L1Log(
        address=json_fields.get_bytes(source, "address", 20),
        topics=topics,
        data=json_fields.get_bytes(source, "data"),
        log_index=log_index,
    )


def _receipt(source: Mapping[str, object], first_log_index: int) -> L1Receipt:
    status = json_fields.get_quantity(source, "status")
    if status > 1:
        raise MalformedField("status", f"is {status}")
    return L1Receipt(
        transaction_hash=json_fields.get_bytes(source, "transactionHash", 32),
        status=status,
        logs=tuple(
            parse_log(entry, first_log_index + position)
            for position, entry in enumerate(json_fields.get_list(source, "logs"))
        ),
    )


def _encode_receipt(source: Mapping[str, object], receipt: L1Receipt) -> bytes:
    kind = json_fields.get_quantity_or_none(source, "type") or LEGACY_TYPE
    if kind >= 0x80:
        raise MalformedField("type", f"unknown receipt type {kind}")
    fields: list[RlpItem] = [
        encode_integer(receipt.status),
        encode_integer(json_fields.get_quantity(source, "cumulativeGasUsed")),
        compute_bloom(receipt.logs),
        [[log.address, log.topics, log.data] for log in receipt.logs],
    ]
    if kind == DEPOSIT_TYPE:
        fields += [
            encode_integer(json_fields.get_quantity(source, key))
            for key in ("depositNonce", "depositReceiptVersion")
            if source.get(key) is not None
        ]
    payload = encode_rlp(fields)
    return payload if kind == LEGACY_TYPE else bytes([kind]) + payload
