"""
Transactions from the fields of a state test, where the fixture does not hold the encoding: built, and signed.

`data`, `gasLimit`, `value` and `accessLists` are lists, and a case names one of each by its index.
"""

from collections.abc import Mapping

from contracts.keccak import keccak
from l1_bridge.json_fields import MalformedField
from l1_bridge.rlp_codec import encode_integer, encode_rlp
from sequencer.primitives.fields import RlpItem
from sequencer.primitives.signature import sign_digest
from sequencer.primitives.transaction import (
    ACCESS_LIST_TYPE,
    BLOB_TYPE,
    DYNAMIC_FEE_TYPE,
    LEGACY_TYPE,
    SET_CODE_TYPE,
)

from .fields import read_address, read_data, read_list, read_number, read_object, read_word


def sign_fields(fields: Mapping[str, object], indexes: Mapping[str, object], chain_id: int) -> bytes:
    """The signed encoding of one combination; raises MalformedField."""
    body = _Body(fields, indexes, chain_id)
    key = read_word(fields.get("secretKey"), "secretKey")
    unsigned, kind = body.items(), body.kind
    prefix = bytes([kind]) if kind else b""
    y_parity, r, s = sign_digest(key, keccak(prefix + encode_rlp(unsigned)))
    signature = [encode_integer(27 + y_parity if kind == LEGACY_TYPE else y_parity)]
    return prefix + encode_rlp([*unsigned, *signature, encode_integer(r), encode_integer(s)])


class _Body:
    """One transaction without its signature."""

    def __init__(self, fields: Mapping[str, object], indexes: Mapping[str, object], chain_id: int) -> None:
        self._fields = fields
        self._indexes = indexes
        self._chain_id = chain_id
        self._access_list = self._pick_access_list()
        self.kind = self._find_kind()

    def items(self) -> list[RlpItem]:
        """The fields in their order."""
        fee = "gasPrice" if self.kind in (LEGACY_TYPE, ACCESS_LIST_TYPE) else "maxFeePerGas"
        items: list[RlpItem] = [] if self.kind == LEGACY_TYPE else [encode_integer(self._chain_id)]
        items.append(self._number("nonce"))
        if fee == "maxFeePerGas":
            items.append(self._number("maxPriorityFeePerGas"))
        to = self._fields.get("to")
        items += [
            self._number(fee),
            self._picked_number("gasLimit", "gas"),
            read_address(to, "to") if to else b"",
            self._picked_number("value", "value"),
            read_data(self._pick("data", "data"), "data"),
        ]
        if self.kind != LEGACY_TYPE:
            items.append(_access_list(self._access_list or []))
        if self.kind == BLOB_TYPE:
            hashes = read_list(self._fields["blobVersionedHashes"], "blobVersionedHashes")
            items += [self._number("maxFeePerBlobGas"), [read_word(item, "blobVersionedHashes") for item in hashes]]
        if self.kind == SET_CODE_TYPE:
            entries = read_list(self._fields["authorizationList"], "authorizationList")
            items.append([_authorization(read_object(entry, "authorizationList")) for entry in entries])
        return items

    def _find_kind(self) -> int:
        if "authorizationList" in self._fields:
            return SET_CODE_TYPE
        if "blobVersionedHashes" in self._fields:
            return BLOB_TYPE
        if "maxFeePerGas" in self._fields:
            return DYNAMIC_FEE_TYPE
        return LEGACY_TYPE if self._access_list is None else ACCESS_LIST_TYPE

    def _pick(self, name: str, index_name: str) -> object:
        choices = read_list(self._fields.get(name), name)
        index = read_number(self._indexes.get(index_name), f"indexes.{index_name}")
        if index >= len(choices):
            raise MalformedField(name, f"has no entry {index}")
        return choices[index]

    def _pick_access_list(self) -> object:
        return self._pick("accessLists", "data") if "accessLists" in self._fields else None

    def _number(self, name: str) -> bytes:
        return encode_integer(read_number(self._fields.get(name), name))

    def _picked_number(self, name: str, index_name: str) -> bytes:
        return encode_integer(read_number(self._pick(name, index_name), name))


def _access_list(value: object) -> RlpItem:
    entries = [read_object(entry, "accessLists") for entry in read_list(value, "accessLists")]
    return [
        [
            read_address(entry.get("address"), "accessLists.address"),
            [
                read_word(slot, "accessLists.storageKeys")
                for slot in read_list(entry.get("storageKeys"), "accessLists.storageKeys")
            ],
        ]
        for entry in entries
    ]


def _authorization(entry: Mapping[str, object]) -> RlpItem:
    numbers = [encode_integer(read_number(entry.get(name), name)) for name in ("chainId", "nonce", "v", "r", "s")]
    return [numbers[0], read_address(entry.get("address"), "address"), *numbers[1:]]
