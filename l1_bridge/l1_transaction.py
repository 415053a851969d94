"""
L1 transactions: canonical encodings rebuilt from what a node answers, and checked against the transactions root.

Types 0 to 4, and 0x7E (deposits) because L1 may itself be an OP Stack chain. A
blob transaction is encoded without its sidecar, as the transactions root
commits to it. Spec: EIP-155, 2718, 2930, 1559, 4844, 7702; deposits.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eth_keys.datatypes import Signature
from eth_keys.exceptions import BadSignature
from eth_utils.exceptions import ValidationError

from contracts.keccak import keccak
from l1_bridge import json_fields
from l1_bridge.errors import L1Lied
from l1_bridge.json_fields import MalformedField, parse_bytes
from l1_bridge.ordered_trie import ordered_trie_root
from l1_bridge.rlp_codec import RlpItem, encode_integer, encode_rlp
from l1_bridge.types import L1Transaction

LEGACY_TYPE = 0
ACCESS_LIST_TYPE = 1
DYNAMIC_FEE_TYPE = 2
BLOB_TYPE = 3
SET_CODE_TYPE = 4
DEPOSIT_TYPE = 0x7E

EIP155_FIRST_V = 35
"""A legacy signature's v from here on carries the chain id: v = 35 + 2 * chain id + parity."""


@dataclass(frozen=True, slots=True)
class SignedFields:
    """One transaction taken apart: what is signed, and by what."""

    type: int
    unsigned: tuple[RlpItem, ...]
    v: int
    r: int
    s: int

    def encode(self) -> bytes:
        """The canonical (EIP-2718) encoding."""
        signature = (encode_integer(self.v), encode_integer(self.r), encode_integer(self.s))
        return _enveloped(self.type, (*self.unsigned, *signature))

    def signing_hash(self) -> bytes:
        """What the sender signed."""
        if self.type != LEGACY_TYPE or self.v < EIP155_FIRST_V:
            return keccak(_enveloped(self.type, self.unsigned))
        chain_id = (self.v - EIP155_FIRST_V) // 2
        return keccak(_enveloped(self.type, (*self.unsigned, encode_integer(chain_id), b"", b"")))

    @property
    def parity(self) -> int:
        """Which of the two points with that r was used."""
        if self.type != LEGACY_TYPE:
            return self.v
        return (self.v - (EIP155_FIRST_V if self.v >= EIP155_FIRST_V else 27)) & 1


def recover_sender(fields: SignedFields) -> bytes:
    """
    The address whose key signed; costs about 0.1 ms.

    Raises
    ------
    MalformedField
        No key can have made this signature.
    """
    try:
        signature = Signature(vrs=(fields.parity, fields.r, fields.s))
        public_key = signature.recover_public_key_from_msg_hash(fields.signing_hash())
    except (BadSignature, ValidationError, ValueError) as error:
        raise MalformedField("signature", f"no key can have made it: {error}") from error
    return bytes(public_key.to_canonical_address())


def encode_transaction(source: Mapping[str, object]) -> bytes:
    """
    The canonical encoding of a JSON-RPC transaction object.

    Raises
    ------
    MalformedField
        A field is missing or malformed, or the type is not known.
    """
    kind = _type_of(source)
    if kind == DEPOSIT_TYPE:
        return _encode_deposit(source)
    return parse_signed_fields(source).encode()


def parse_signed_fields(source: Mapping[str, object]) -> SignedFields:
    """
    Take a signed JSON-RPC transaction object apart.

    Raises
    ------
    MalformedField
        As `encode_transaction`; also for a deposit, which nobody signs.
    """
    kind = _type_of(source)
    if kind == LEGACY_TYPE:
        unsigned: list[RlpItem] = [_quantity(source, "nonce"), _quantity(source, "gasPrice"), *_call_fields(source)]
        v = json_fields.get_quantity(source, "v")
    else:
        unsigned = [_quantity(source, "chainId"), _quantity(source, "nonce"), *_fee_fields(source, kind)]
        unsigned += [*_call_fields(source), _access_list(source)]
        v = json_fields.get_quantity(source, "yParity" if source.get("yParity") is not None else "v")
    if kind == BLOB_TYPE:
        unsigned += [_quantity(source, "maxFeePerBlobGas"), _hashes(source, "blobVersionedHashes")]
    if kind == SET_CODE_TYPE:
        unsigned.append(_authorizations(source))
    r, s = json_fields.get_quantity(source, "r"), json_fields.get_quantity(source, "s")
    return SignedFields(kind, tuple(unsigned), v, r, s)


def verify_transactions(
    sources: Sequence[object],
    transactions_root: bytes,
    recover_senders_to: frozenset[bytes] | None,
    *,
    trust_root: bool = False,
) -> tuple[L1Transaction, ...]:
    """
    The transactions of a block, once they are what its transactions root commits to.

    Parameters
    ----------
    recover_senders_to :
        The sender of transactions to these addresses is recovered from the
        signature; of all others it is what the node says. None: recover all.
    trust_root :
        Do not compare with the root, for a node whose root over blob
        transactions is not the canonical one. Hashes and senders are still checked.

    Raises
    ------
    MalformedField
        An entry is no transaction.
    L1Lied
        The root, a hash or a recovered sender is not what the node says.
    """
    objects = [_as_object(source) for source in sources]
    encodings = [encode_transaction(source) for source in objects]
    root = ordered_trie_root(encodings)
    if root != transactions_root and not trust_root:
        raise L1Lied("a transactions root", transactions_root, root)
    return tuple(
        _transaction(source, encoding, recover_senders_to) for source, encoding in zip(objects, encodings, strict=True)
    )


def _transaction(
    source: Mapping[str, object], encoding: bytes, recover_senders_to: frozenset[bytes] | None
) -> L1Transaction:
    kind = _type_of(source)
    claimed, actual = json_fields.get_bytes(source, "hash", 32), keccak(encoding)
    if claimed != actual:
        raise L1Lied("a transaction hash", claimed, actual)
    to = _recipient(source)
    sender = json_fields.get_bytes(source, "from", 20)
    if kind != DEPOSIT_TYPE and (recover_senders_to is None or to in recover_senders_to):
        recovered = recover_sender(parse_signed_fields(source))
        if recovered != sender:
            raise L1Lied("a transaction's sender", sender, recovered)
    return L1Transaction(
        hash=actual,
        type=kind,
        sender=sender,
        to=to,
        data=json_fields.get_bytes(source, "input"),
        blob_hashes=tuple(_hashes(source, "blobVersionedHashes")) if kind == BLOB_TYPE else (),
    )


def _enveloped(kind: int, fields: RlpItem) -> bytes:
    payload = encode_rlp(fields)
    return payload if kind == LEGACY_TYPE else bytes([kind]) + payload


def _type_of(source: Mapping[str, object]) -> int:
    kind = json_fields.get_quantity_or_none(source, "type") or LEGACY_TYPE
    if kind > SET_CODE_TYPE and kind != DEPOSIT_TYPE:
        raise MalformedField("type", f"unknown transaction type {kind}")
    return kind


def _as_object(source: object) -> Mapping[str, object]:
    if not isinstance(source, Mapping):
        raise MalformedField("transactions", "an entry is not an object")
    return source


def _quantity(source: Mapping[str, object], key: str) -> bytes:
    return encode_integer(json_fields.get_quantity(source, key))


def _recipient(source: Mapping[str, object]) -> bytes | None:
    return json_fields.get_bytes_or_none(source, "to", 20)


def _fee_fields(source: Mapping[str, object], kind: int) -> list[bytes]:
    if kind == ACCESS_LIST_TYPE:
        return [_quantity(source, "gasPrice")]
    return [_quantity(source, "maxPriorityFeePerGas"), _quantity(source, "maxFeePerGas")]


def _call_fields(source: Mapping[str, object]) -> list[bytes]:
    to = _recipient(source) or b""
    return [_quantity(source, "gas"), to, _quantity(source, "value"), json_fields.get_bytes(source, "input")]


def _hashes(source: Mapping[str, object], key: str) -> list[bytes]:
    return [parse_bytes(key, entry, 32) for entry in json_fields.get_list(source, key)]


def _access_list(source: Mapping[str, object]) -> RlpItem:
    if source.get("accessList") is None:
        return ()
    entries = [_as_object(entry) for entry in json_fields.get_list(source, "accessList")]
    return [[json_fields.get_bytes(entry, "address", 20), _hashes(entry, "storageKeys")] for entry in entries]


def _authorizations(source: Mapping[str, object]) -> RlpItem:
    entries = [_as_object(entry) for entry in json_fields.get_list(source, "authorizationList")]
    return [
        [
            _quantity(entry, "chainId"),
            json_fields.get_bytes(entry, "address", 20),
            _quantity(entry, "nonce"),
            _quantity(entry, "yParity" if entry.get("yParity") is not None else "v"),
            _quantity(entry, "r"),
            _quantity(entry, "s"),
        ]
        for entry in entries
    ]


def _encode_deposit(source: Mapping[str, object]) -> bytes:
    fields: list[RlpItem] = [
        json_fields.get_bytes(source, "sourceHash", 32),
        json_fields.get_bytes(source, "from", 20),
        _recipient(source) or b"",
        encode_integer(json_fields.get_quantity_or_none(source, "mint") or 0),
        _quantity(source, "value"),
        _quantity(source, "gas"),
        b"\x01" if source.get("isSystemTx") is True else b"",
        json_fields.get_bytes(source, "input"),
    ]
    return _enveloped(DEPOSIT_TYPE, fields)
