"""Signed blob transactions: valid by default, a test breaks one field."""

from l1_bridge.rlp_codec import encode_integer
from sequencer.primitives.blob_transaction import decode_ethereum_transaction
from sequencer.primitives.transaction import Transaction
from tests.factories import CHAIN_ID, GWEI, RECIPIENT, private_key, sign_typed


def make_blob_transaction(
    *,
    nonce: int = 0,
    gas_limit: int = 21_000,
    to: bytes = RECIPIENT,
    max_fee_per_blob_gas: int = 10,
    blobs: int = 1,
    version: int = 1,
    chain_id: int = CHAIN_ID,
) -> Transaction:
    """A type 3 transaction by account 0 with that many blobs."""
    hashes = [bytes([version]) + bytes(30) + bytes([index]) for index in range(blobs)]
    numbers = [encode_integer(number) for number in (chain_id, nonce, GWEI, 100 * GWEI, gas_limit)]
    fields = [*numbers, to, encode_integer(1), b"", [], encode_integer(max_fee_per_blob_gas), hashes]
    return decode_ethereum_transaction(sign_typed(private_key(0), 3, fields))
