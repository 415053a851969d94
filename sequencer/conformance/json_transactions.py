"""
Transactions as JSON-RPC shows them, put back into their encoding (execution-apis, `eth_getBlockByNumber`).

The encoding is made from the fields and must hash to the `hash` that stands beside them; so nothing can be misread.
"""

from collections.abc import Mapping

from l1_bridge.json_fields import MalformedField
from l1_bridge.rlp_codec import encode_integer, encode_rlp
from sequencer.primitives.blob_transaction import decode_ethereum_transaction
from sequencer.primitives.errors import TransactionDecodingError
from sequencer.primitives.fields import RlpItem
from sequencer.primitives.transaction import (
    ACCESS_LIST_TYPE,
    BLOB_TYPE,
    DYNAMIC_FEE_TYPE,
    LEGACY_TYPE,
    SET_CODE_TYPE,
    Transaction,
)

from .fields import read_address, read_data, read_list, read_number, read_object, read_word

FIELDS: Mapping[int, tuple[str, ...]] = {
    LEGACY_TYPE: ("nonce", "gasPrice", "gas", "to", "value", "input", "v", "r", "s"),
    ACCESS_LIST_TYPE: (
        *("chainId", "nonce", "gasPrice", "gas", "to", "value", "input", "accessList"),
        *("yParity", "r", "s"),
    ),
    DYNAMIC_FEE_TYPE: (
        *("chainId", "nonce", "maxPriorityFeePerGas", "maxFeePerGas", "gas", "to", "value", "input", "accessList"),
        *("yParity", "r", "s"),
    ),
    BLOB_TYPE: (
        *("chainId", "nonce", "maxPriorityFeePerGas", "maxFeePerGas", "gas", "to", "value", "input", "accessList"),
        *("maxFeePerBlobGas", "blobVersionedHashes", "yParity", "r", "s"),
    ),
    SET_CODE_TYPE: (
        *("chainId", "nonce", "maxPriorityFeePerGas", "maxFeePerGas", "gas", "to", "value", "input", "accessList"),
        *("authorizationList", "yParity", "r", "s"),
    ),
}
"""What each type encodes, in order, by the names of JSON-RPC."""


def read_transaction(value: object, name: str) -> Transaction:
    """A transaction of a block; raises MalformedField, also when the fields do not hash to the hash."""
    fields = read_object(value, name)
    kind = read_number(fields.get("type", 0), f"{name}.type", 8)
    if kind not in FIELDS:
        raise MalformedField(f"{name}.type", f"{kind} is unknown")
    payload = encode_rlp([_item(fields, key, f"{name}.{key}") for key in FIELDS[kind]])
    try:
        transaction = decode_ethereum_transaction(bytes([kind]) + payload if kind else payload)
    except TransactionDecodingError as problem:
        raise MalformedField(name, str(problem)) from None
    if transaction.hash != read_word(fields.get("hash"), f"{name}.hash"):
        raise MalformedField(name, "the fields do not hash to the hash")
    return transaction


def _item(fields: Mapping[str, object], key: str, name: str) -> RlpItem:
    value = fields.get(key)
    if key == "to":
        return read_address(value, name) if value else b""
    if key == "input":
        return read_data(fields.get("data") if value is None else value, name)
    if key == "accessList":
        return [_access(entry, name) for entry in read_list(value, name)]
    if key == "blobVersionedHashes":
        return [read_word(entry, name) for entry in read_list(value, name)]
    if key == "authorizationList":
        return [_authorization(entry, name) for entry in read_list(value, name)]
    if key == "yParity" and value is None:
        value = fields.get("v")
    return encode_integer(read_number(value, name))


def _access(value: object, name: str) -> RlpItem:
    entry = read_object(value, name)
    slots = read_list(entry.get("storageKeys"), f"{name}.storageKeys")
    return [read_address(entry.get("address"), name), [read_word(slot, f"{name}.storageKeys") for slot in slots]]


def _authorization(value: object, name: str) -> RlpItem:
    entry = read_object(value, name)
    parity = entry.get("v") if entry.get("yParity") is None else entry["yParity"]
    return [
        encode_integer(read_number(entry.get("chainId"), f"{name}.chainId")),
        read_address(entry.get("address"), f"{name}.address"),
        encode_integer(read_number(entry.get("nonce"), f"{name}.nonce")),
        encode_integer(read_number(parity, f"{name}.yParity")),
        encode_integer(read_number(entry.get("r"), f"{name}.r")),
        encode_integer(read_number(entry.get("s"), f"{name}.s")),
    ]
