"""
L1 headers: re-encoded from what a node answers, and hashed, so that a header can not be made up.

RLP of the 15 fields of Frontier, then those that forks appended, in order:
base fee (London), withdrawals root (Shanghai), blob gas used, excess blob gas,
beacon root (Cancun), requests hash (Prague). A chain has a prefix of these.
Spec: Yellow Paper 4.3, EIP-1559, 4895, 4844, 4788, 7685.
"""

from collections.abc import Mapping

from contracts.keccak import keccak
from l1_bridge import json_fields
from l1_bridge.errors import L1Lied
from l1_bridge.json_fields import MalformedField
from l1_bridge.rlp_codec import encode_integer, encode_rlp
from l1_bridge.types import ZERO_HASH, L1Header

MAX_EXTRA_DATA_BYTES = 32 * 32
"""Ethereum allows 32; clique chains put signers there. A bound, not a rule."""

FRONTIER_FIELDS: tuple[tuple[str, int | None], ...] = (
    ("parentHash", 32),
    ("sha3Uncles", 32),
    ("miner", 20),
    ("stateRoot", 32),
    ("transactionsRoot", 32),
    ("receiptsRoot", 32),
    ("logsBloom", 256),
    ("difficulty", None),
    ("number", None),
    ("gasLimit", None),
    ("gasUsed", None),
    ("timestamp", None),
    ("extraData", -1),
    ("mixHash", 32),
    ("nonce", 8),
)
"""JSON key and form: a length in bytes, None for a quantity, -1 for bytes of any length."""

FORK_FIELDS: tuple[tuple[str, int | None], ...] = (
    ("baseFeePerGas", None),
    ("withdrawalsRoot", 32),
    ("blobGasUsed", None),
    ("excessBlobGas", None),
    ("parentBeaconBlockRoot", 32),
    ("requestsHash", 32),
)


def encode_header(source: Mapping[str, object]) -> bytes:
    """
    RLP of the header in a JSON-RPC block object.

    Raises
    ------
    MalformedField
        A field is missing or malformed, or a later fork's field is there
        without the earlier ones.
    """
    fields = [_encode_field(source, key, form) for key, form in FRONTIER_FIELDS]
    present = [key for key, _ in FORK_FIELDS if source.get(key) is not None]
    if present != [key for key, _ in FORK_FIELDS[: len(present)]]:
        raise MalformedField(present[-1], "is there without the fields of earlier forks")
    fields += [_encode_field(source, key, form) for key, form in FORK_FIELDS[: len(present)]]
    return encode_rlp(fields)


def verify_header(source: Mapping[str, object]) -> L1Header:
    """
    The header in a JSON-RPC block object, once its hash is the hash of its content.

    Raises
    ------
    MalformedField
        The object is no block.
    L1Lied
        The content hashes to something else than the object says.
    """
    claimed = json_fields.get_bytes(source, "hash", 32)
    actual = keccak(encode_header(source))
    if actual != claimed:
        raise L1Lied("a block hash", claimed, actual)
    return L1Header(
        hash=claimed,
        parent_hash=json_fields.get_bytes(source, "parentHash", 32),
        number=json_fields.get_quantity(source, "number"),
        timestamp=json_fields.get_quantity(source, "timestamp"),
        base_fee=json_fields.get_quantity_or_none(source, "baseFeePerGas") or 0,
        mix_hash=json_fields.get_bytes(source, "mixHash", 32),
        parent_beacon_block_root=json_fields.get_bytes_or_none(source, "parentBeaconBlockRoot", 32) or ZERO_HASH,
        excess_blob_gas=json_fields.get_quantity_or_none(source, "excessBlobGas"),
        receipts_root=json_fields.get_bytes(source, "receiptsRoot", 32),
        transactions_root=json_fields.get_bytes(source, "transactionsRoot", 32),
        state_root=json_fields.get_bytes(source, "stateRoot", 32),
    )


def _encode_field(source: Mapping[str, object], key: str, form: int | None) -> bytes:
    if form is None:
        return encode_integer(json_fields.get_quantity(source, key))
    if form >= 0:
        return json_fields.get_bytes(source, key, form)
    value = json_fields.get_bytes(source, key)
    if len(value) > MAX_EXTRA_DATA_BYTES:
        raise MalformedField(key, f"{len(value)} bytes")
    return value
