"""
User transactions of types 0 (legacy), 1 (EIP-2930), 2 (EIP-1559) and 4 (EIP-7702), in their EIP-2718 encodings.

One flat class holds them all: later types only add fields, and a legacy gas price is a fee cap equal to the tip cap.
The ecosystem's transaction classes (eth-account's builders, py-evm's SerializableFields) are mutable, keep no raw
bytes and recover the sender at each use, so the chain has its own value: decoded once, sender recovered once.
Blob transactions (type 3) do not exist on this chain; plain Ethereum's are decoded in `blob_transaction`. Deposits have
a class of their own in `deposit`.
"""

from dataclasses import dataclass

from contracts.keccak import keccak
from l1_bridge.rlp_codec import encode_integer, encode_rlp

from .errors import BadSignature, DecodingError, TransactionDecodingError, UnsupportedTransactionType
from .fields import RlpItem, decode_list, read_bytes, read_int, read_list, read_recipient, read_sized
from .signature import recover_address

LEGACY_TYPE = 0x00
ACCESS_LIST_TYPE = 0x01
DYNAMIC_FEE_TYPE = 0x02
BLOB_TYPE = 0x03
SET_CODE_TYPE = 0x04

AUTHORIZATION_MAGIC = b"\x05"
"""First byte of what an authorization signs (EIP-7702)."""


@dataclass(frozen=True, slots=True)
class AccessListEntry:
    """An address and the storage slots of it that the transaction declares (EIP-2930)."""

    address: bytes
    slots: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Authorization:
    """A permission to run the code of `address` in the authority's account (EIP-7702); chain id 0 means any chain."""

    chain_id: int
    address: bytes
    nonce: int
    y_parity: int
    r: int
    s: int

    def authority(self) -> bytes | None:
        """The account that signed, or None when the signature is not valid (the tuple is then skipped)."""
        message = encode_rlp([encode_integer(self.chain_id), self.address, encode_integer(self.nonce)])
        try:
            return recover_address(keccak(AUTHORIZATION_MAGIC + message), self.y_parity, self.r, self.s)
        except BadSignature:
            return None


@dataclass(frozen=True, slots=True)
class Transaction:
    """A signed user transaction; fees are in wei per gas, value in wei, `to` is None for a creation."""

    type: int
    chain_id: int | None
    nonce: int
    max_priority_fee_per_gas: int
    max_fee_per_gas: int
    gas_limit: int
    to: bytes | None
    value: int
    data: bytes
    access_list: tuple[AccessListEntry, ...]
    authorizations: tuple[Authorization, ...]
    y_parity: int
    r: int
    s: int
    raw: bytes
    hash: bytes
    sender: bytes
    max_fee_per_blob_gas: int = 0
    blob_hashes: tuple[bytes, ...] = ()

    def effective_gas_price(self, base_fee: int) -> int:
        """Wei per gas that the sender pays in a block with `base_fee`."""
        return min(self.max_fee_per_gas, base_fee + self.max_priority_fee_per_gas)

    def effective_tip(self, base_fee: int) -> int:
        """Wei per gas that the fee recipient gets; negative when the fee cap is below the base fee."""
        return min(self.max_fee_per_gas - base_fee, self.max_priority_fee_per_gas)


def decode_transaction(raw: bytes) -> Transaction:
    """
    Decode a canonical EIP-2718 user transaction and recover its sender.

    Raises
    ------
    UnsupportedTransactionType
        for types 3, 0x7E (deposits come from L1 alone) and every unknown one.
    TransactionDecodingError
        naming the field that is wrong; BadSignature when no sender can be recovered.
    """
    if not raw:
        raise TransactionDecodingError("transaction is empty")
    try:
        if raw[0] >= 0xC0:
            return _decode_legacy(raw)
        if raw[0] in _TYPED_FIELDS:
            return _decode_typed(raw)
    except TransactionDecodingError:
        raise
    except DecodingError as reason:
        raise TransactionDecodingError(str(reason)) from None
    raise UnsupportedTransactionType(raw[0])


def _decode_legacy(raw: bytes) -> Transaction:
    items = decode_list(raw, "legacy transaction", TransactionDecodingError)
    read_list(items, "legacy transaction", 9)
    v = read_int(items[6], 256, "v")
    if v in (27, 28):
        chain_id, y_parity, unsigned = None, v - 27, items[:6]
    elif v >= 35:
        chain_id, y_parity = (v - 35) // 2, (v - 35) % 2
        unsigned = [*items[:6], encode_integer(chain_id), b"", b""]
    else:
        raise TransactionDecodingError(f"v is {v}, neither 27, 28 nor from EIP-155")
    gas_price = read_int(items[1], 256, "gas price")
    r, s = read_int(items[7], 256, "r"), read_int(items[8], 256, "s")
    return Transaction(
        type=LEGACY_TYPE,
        chain_id=chain_id,
        nonce=read_int(items[0], 64, "nonce"),
        max_priority_fee_per_gas=gas_price,
        max_fee_per_gas=gas_price,
        gas_limit=read_int(items[2], 64, "gas limit"),
        to=read_recipient(items[3], "to"),
        value=read_int(items[4], 256, "value"),
        data=read_bytes(items[5], "data"),
        access_list=(),
        authorizations=(),
        y_parity=y_parity,
        r=r,
        s=s,
        raw=raw,
        hash=keccak(raw),
        sender=recover_address(keccak(encode_rlp(unsigned)), y_parity, r, s),
    )


_TYPED_FIELDS = {ACCESS_LIST_TYPE: 11, DYNAMIC_FEE_TYPE: 12, SET_CODE_TYPE: 13}
"""Number of fields of each typed transaction, its signature included."""


def _decode_typed(raw: bytes) -> Transaction:
    kind = raw[0]
    items = decode_list(raw[1:], f"type {kind} transaction", TransactionDecodingError)
    read_list(items, f"type {kind} transaction", _TYPED_FIELDS[kind])
    signing_digest = keccak(raw[:1] + encode_rlp(items[:-3]))
    if kind == ACCESS_LIST_TYPE:
        items.insert(2, items[2])  # one gas price is both fee caps
    to = read_recipient(items[5], "to")
    if kind == SET_CODE_TYPE and to is None:
        raise TransactionDecodingError("a set-code transaction has no recipient")
    authorizations = _read_authorizations(items[9]) if kind == SET_CODE_TYPE else ()
    y_parity, r, s = read_int(items[-3], 8, "y parity"), read_int(items[-2], 256, "r"), read_int(items[-1], 256, "s")
    return Transaction(
        type=kind,
        chain_id=read_int(items[0], 256, "chain id"),
        nonce=read_int(items[1], 64, "nonce"),
        max_priority_fee_per_gas=read_int(items[2], 256, "max priority fee per gas"),
        max_fee_per_gas=read_int(items[3], 256, "max fee per gas"),
        gas_limit=read_int(items[4], 64, "gas limit"),
        to=to,
        value=read_int(items[6], 256, "value"),
        data=read_bytes(items[7], "data"),
        access_list=read_access_list(items[8]),
        authorizations=authorizations,
        y_parity=y_parity,
        r=r,
        s=s,
        raw=raw,
        hash=keccak(raw),
        sender=recover_address(signing_digest, y_parity, r, s),
    )


def read_access_list(item: RlpItem) -> tuple[AccessListEntry, ...]:
    """The declared addresses and slots; raises DecodingError."""
    entries = []
    for entry in read_list(item, "access list"):
        address, slots = read_list(entry, "access list entry", 2)
        entries.append(
            AccessListEntry(
                address=read_sized(address, 20, "access list address"),
                slots=tuple(
                    int.from_bytes(read_sized(slot, 32, "access list slot"), "big")
                    for slot in read_list(slots, "access list slots")
                ),
            )
        )
    return tuple(entries)


def _read_authorizations(item: RlpItem) -> tuple[Authorization, ...]:
    authorizations = []
    for entry in read_list(item, "authorization list"):
        chain_id, address, nonce, y_parity, r, s = read_list(entry, "authorization", 6)
        authorizations.append(
            Authorization(
                chain_id=read_int(chain_id, 256, "authorization chain id"),
                address=read_sized(address, 20, "authorization address"),
                nonce=read_int(nonce, 64, "authorization nonce"),
                y_parity=read_int(y_parity, 8, "authorization y parity"),
                r=read_int(r, 256, "authorization r"),
                s=read_int(s, 256, "authorization s"),
            )
        )
    return tuple(authorizations)
