"""
Blob transactions (type 3, EIP-4844) as they stand in plain Ethereum's blocks: without their blobs.

    0x03 || rlp([chain id, nonce, tip, fee cap, gas limit, to, value, data, access list,
                 fee cap of blob gas, versioned hashes, y parity, r, s])

Our chain has none (specs, ecotone/l1-attributes.md: type 3 is disabled on L2), so neither the pool nor derivation comes
here: the runners of Ethereum's test fixtures do.
"""

from contracts.keccak import keccak
from l1_bridge.rlp_codec import encode_rlp

from .errors import DecodingError, TransactionDecodingError
from .fields import decode_list, read_bytes, read_int, read_list, read_sized
from .signature import recover_address
from .transaction import BLOB_TYPE, Transaction, decode_transaction, read_access_list

FIELD_COUNT = 14
"""Fields of the encoding, its signature included."""


def decode_ethereum_transaction(raw: bytes) -> Transaction:
    """Decode a transaction of plain Ethereum, blob transactions among them; raises as `decode_transaction` does."""
    if raw[:1] != bytes([BLOB_TYPE]):
        return decode_transaction(raw)
    try:
        return _decode_blob_transaction(raw)
    except TransactionDecodingError:
        raise
    except DecodingError as reason:
        raise TransactionDecodingError(str(reason)) from None


def _decode_blob_transaction(raw: bytes) -> Transaction:
    items = decode_list(raw[1:], "type 3 transaction", TransactionDecodingError)
    read_list(items, "type 3 transaction", FIELD_COUNT)
    y_parity, r, s = read_int(items[11], 8, "y parity"), read_int(items[12], 256, "r"), read_int(items[13], 256, "s")
    return Transaction(
        type=BLOB_TYPE,
        chain_id=read_int(items[0], 256, "chain id"),
        nonce=read_int(items[1], 64, "nonce"),
        max_priority_fee_per_gas=read_int(items[2], 256, "max priority fee per gas"),
        max_fee_per_gas=read_int(items[3], 256, "max fee per gas"),
        gas_limit=read_int(items[4], 64, "gas limit"),
        to=read_sized(items[5], 20, "to"),
        value=read_int(items[6], 256, "value"),
        data=read_bytes(items[7], "data"),
        access_list=read_access_list(items[8]),
        authorizations=(),
        y_parity=y_parity,
        r=r,
        s=s,
        raw=raw,
        hash=keccak(raw),
        sender=recover_address(keccak(raw[:1] + encode_rlp(items[:-3])), y_parity, r, s),
        max_fee_per_blob_gas=read_int(items[9], 256, "max fee per blob gas"),
        blob_hashes=tuple(read_sized(item, 32, "versioned hash") for item in read_list(items[10], "versioned hashes")),
    )
