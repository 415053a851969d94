"""
A signer in another process: `eth_signTransaction` over JSON-RPC, as op-signer, Web3Signer and geth answer it.

Nothing of the answer is believed: of it the signature alone is taken, after every
signed field was compared with what was asked and the sender recovered. The URL may
hold a password, so it is in no log and no error.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from l1_bridge.errors import CriticalError, L1Refused, L1Unavailable, TemporaryError
from l1_bridge.json_fields import MalformedField, hex_bytes, parse_bytes
from l1_bridge.l1_connection import L1Connection, L1Endpoint
from l1_bridge.l1_transaction import BLOB_TYPE, recover_sender
from l1_bridge.outgoing import DynamicFeeTransaction, SignedTransaction
from l1_bridge.rlp_codec import MalformedRlp, RlpItem, decode_rlp, encode_rlp

METHOD = "eth_signTransaction"

RESPONSE_LIMIT_BYTES = 4 * 1024 * 1024
"""The transaction comes back in hex, maybe twice, maybe with blobs."""

HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
"""Half the order of secp256k1: nodes refuse a larger s (EIP-2)."""


class SignerUnavailable(TemporaryError):
    """The signer did not answer, refused, or answered with something that is no signed transaction."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the remote signer did not sign: {reason}")
        self.reason = reason


class SignerLied(CriticalError):
    """The signer signed something else than it was asked to, or with another key."""


class RemoteSigner:
    """Signs for one account by asking for it."""

    def __init__(self, connection: L1Connection, address: bytes) -> None:
        self._connection = connection
        self._address = address

    @classmethod
    @asynccontextmanager
    async def connect(cls, url: str, address: bytes) -> AsyncIterator["RemoteSigner"]:
        """A signer with its own connection pool; nothing is asked yet."""
        endpoint = L1Endpoint(url, response_limit_bytes=RESPONSE_LIMIT_BYTES)
        async with L1Connection.connect(endpoint) as connection:
            yield cls(connection, address)

    def __repr__(self) -> str:
        return f"RemoteSigner(0x{self._address.hex()})"

    @property
    def address(self) -> bytes:
        """The account that is asked for."""
        return self._address

    async def sign_transaction(self, transaction: DynamicFeeTransaction) -> SignedTransaction:
        """
        The same transaction, signed.

        Raises
        ------
        SignerUnavailable
            No usable answer; asking again is safe.
        SignerLied
            Another transaction, or another account's signature.
        """
        try:
            answer = await self._connection.call(METHOD, _to_json(transaction, self._address))
        except L1Unavailable as error:
            raise SignerUnavailable(error.reason) from None
        except L1Refused as error:
            raise SignerUnavailable(f"{error.message} (code {error.code})") from None
        try:
            fields = _signed_fields(answer, transaction.type)
        except (MalformedField, MalformedRlp) as error:
            raise SignerUnavailable(f"malformed answer: {error}") from None
        return _check(fields, transaction, self._address)


def _to_json(transaction: DynamicFeeTransaction, sender: bytes) -> Mapping[str, object]:
    request: dict[str, object] = {
        "type": hex(transaction.type),
        "chainId": hex(transaction.chain_id),
        "from": hex_bytes(sender),
        "nonce": hex(transaction.nonce),
        "maxPriorityFeePerGas": hex(transaction.priority_fee),
        "maxFeePerGas": hex(transaction.max_fee),
        "gas": hex(transaction.gas_limit),
        "value": hex(transaction.value),
        "input": hex_bytes(transaction.data),
    }
    if transaction.to is not None:
        request["to"] = hex_bytes(transaction.to)
    if transaction.blob_hashes:
        request["maxFeePerBlobGas"] = hex(transaction.max_blob_fee)
        request["blobVersionedHashes"] = [hex_bytes(digest) for digest in transaction.blob_hashes]
    return request


def _signed_fields(answer: object, expected_type: int) -> Sequence[RlpItem]:
    """The fields of the transaction in the answer, from canonical bytes or the network form; raises MalformedField."""
    raw = parse_bytes("raw", answer.get("raw") if isinstance(answer, Mapping) else answer)
    if raw[:1] != bytes([expected_type]):
        raise MalformedField("raw", f"not a transaction of type {expected_type}")
    fields = decode_rlp(raw[1:])
    if not isinstance(fields, bytes) and expected_type == BLOB_TYPE and fields and not isinstance(fields[0], bytes):
        fields = fields[0]
    if isinstance(fields, bytes):
        raise MalformedField("raw", "not a list")
    return fields


def _check(fields: Sequence[RlpItem], transaction: DynamicFeeTransaction, sender: bytes) -> SignedTransaction:
    unsigned = transaction.unsigned_fields()
    if len(fields) != len(unsigned) + 3:
        raise SignerLied(f"the remote signer's transaction has {len(fields)} fields, not {len(unsigned) + 3}")
    if encode_rlp(fields[: len(unsigned)]) != encode_rlp(unsigned):
        raise SignerLied("the remote signer signed another transaction than it was asked to")
    parity, r, s = (int.from_bytes(item, "big") if isinstance(item, bytes) else -1 for item in fields[-3:])
    if parity not in (0, 1) or not 0 < s <= HALF_ORDER or r <= 0:
        raise SignerLied("the remote signer's signature is out of range")
    try:
        recovered = recover_sender(transaction.signed_fields(parity, r, s))
    except MalformedField as error:
        raise SignerLied(f"the remote signer's signature is none: {error}") from None
    if recovered != sender:
        raise SignerLied(f"the remote signer holds 0x{recovered.hex()}, not 0x{sender.hex()}")
    return transaction.with_signature(parity, r, s)
