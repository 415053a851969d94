"""
Whether a user transaction may stand at its place: one pure verdict, in op-geth's order of checks.

The engine asks it at the transaction's turn, the pool against the head. Room in the block is not asked here: a
transaction that only lacks room is deferred.
"""

from collections.abc import Mapping

from sequencer.primitives.account import EMPTY_CODE_HASH, Account
from sequencer.primitives.transaction import (
    ACCESS_LIST_TYPE,
    BLOB_TYPE,
    DYNAMIC_FEE_TYPE,
    LEGACY_TYPE,
    SET_CODE_TYPE,
    Transaction,
)

from .environment import GAS_PER_BLOB, BlockEnvironment, Fork
from .interface import InvalidReason
from .intrinsic import MAX_INIT_CODE_BYTES, floor_gas, transaction_intrinsic_gas

MAX_NONCE = 2**64 - 1
"""An account at this nonce can send nothing any more (EIP-2681)."""

TYPE_FORKS: Mapping[int, Fork] = {
    LEGACY_TYPE: Fork.ISTANBUL,
    ACCESS_LIST_TYPE: Fork.BERLIN,
    DYNAMIC_FEE_TYPE: Fork.LONDON,
    BLOB_TYPE: Fork.CANCUN,
    SET_CODE_TYPE: Fork.PRAGUE,
}
"""The fork that brought a type, the first one of ours for what is older; OP chains have no blob transactions."""

BLOB_VERSION = b"\x01"
"""First byte of a blob's versioned hash: a KZG commitment (EIP-4844)."""

DELEGATION_PREFIX = bytes.fromhex("ef0100")
DELEGATION_BYTES = 23
"""Code of an account that delegates to another one's code: the prefix, then the address (EIP-7702)."""


def delegation_target(code: bytes) -> bytes | None:
    """The address that `code` delegates to, None when it is ordinary code or none."""
    if len(code) == DELEGATION_BYTES and code[:3] == DELEGATION_PREFIX:
        return code[3:]
    return None


def maximum_cost(transaction: Transaction, extra_fees: int) -> int:
    """Wei that the sender must hold: value, all gas at the fee caps, and the L1 and operator fees in `extra_fees`."""
    gas = transaction.gas_limit * transaction.max_fee_per_gas
    blob_gas = blob_gas_of(transaction) * transaction.max_fee_per_blob_gas
    return gas + blob_gas + transaction.value + extra_fees


def blob_gas_of(transaction: Transaction) -> int:
    """Blob gas that `transaction` takes."""
    return GAS_PER_BLOB * len(transaction.blob_hashes)


def check_transaction(
    transaction: Transaction,
    sender: Account | None,
    sender_code: bytes,
    environment: BlockEnvironment,
    cost: int,
) -> InvalidReason | None:
    """
    The first reason why `transaction` can not stand in the block, None when it can.

    Parameters
    ----------
    sender :
        The sender's account at the transaction's turn, with its code in `sender_code`.
    cost :
        The sender's `maximum_cost` in wei.
    """
    account = Account() if sender is None else sender
    return (
        _check_form(transaction, environment)
        or _check_sender(transaction, account, sender_code, environment.rules.fork)
        or _check_blobs(transaction, environment)
        or _check_fees(transaction, account, environment, cost)
        or _check_gas(transaction, environment)
    )


def _check_form(transaction: Transaction, environment: BlockEnvironment) -> InvalidReason | None:
    rules, since = environment.rules, TYPE_FORKS.get(transaction.type)
    if since is None or not rules.fork.includes(since):
        return InvalidReason.UNSUPPORTED_TYPE
    if transaction.type == BLOB_TYPE and rules.blob_limits is None:
        return InvalidReason.UNSUPPORTED_TYPE
    if transaction.chain_id not in (None, rules.chain_id):
        return InvalidReason.WRONG_CHAIN_ID
    return None


def _check_sender(transaction: Transaction, sender: Account, sender_code: bytes, fork: Fork) -> InvalidReason | None:
    if transaction.nonce > sender.nonce:
        return InvalidReason.NONCE_TOO_HIGH
    if transaction.nonce < sender.nonce:
        return InvalidReason.NONCE_TOO_LOW
    if sender.nonce == MAX_NONCE:
        return InvalidReason.NONCE_AT_MAXIMUM
    if sender.code_hash == EMPTY_CODE_HASH:
        return None
    if delegation_target(sender_code) is None or not fork.includes(Fork.PRAGUE):
        return InvalidReason.SENDER_HAS_CODE
    return None


def _check_blobs(transaction: Transaction, environment: BlockEnvironment) -> InvalidReason | None:
    limits = environment.rules.blob_limits
    if transaction.type != BLOB_TYPE or limits is None:
        return None
    if not transaction.blob_hashes:
        return InvalidReason.NO_BLOBS
    if any(blob_hash[:1] != BLOB_VERSION for blob_hash in transaction.blob_hashes):
        return InvalidReason.UNKNOWN_BLOB_VERSION
    if blob_gas_of(transaction) > limits.max_gas:
        return InvalidReason.TOO_MANY_BLOBS
    if transaction.max_fee_per_blob_gas < environment.blob_base_fee:
        return InvalidReason.BLOB_FEE_CAP_TOO_LOW
    return None


def _check_fees(
    transaction: Transaction, sender: Account, environment: BlockEnvironment, cost: int
) -> InvalidReason | None:
    if transaction.max_fee_per_gas < transaction.max_priority_fee_per_gas:
        return InvalidReason.TIP_ABOVE_FEE_CAP
    if transaction.max_fee_per_gas < environment.base_fee_per_gas:
        return InvalidReason.FEE_CAP_TOO_LOW
    if transaction.type == SET_CODE_TYPE and not transaction.authorizations:
        return InvalidReason.EMPTY_AUTHORIZATION_LIST
    if sender.balance < cost:
        return InvalidReason.INSUFFICIENT_FUNDS
    return None


def _check_gas(transaction: Transaction, environment: BlockEnvironment) -> InvalidReason | None:
    if transaction.gas_limit > environment.gas_limit:
        return InvalidReason.GAS_LIMIT_ABOVE_BLOCK
    fork = environment.rules.fork
    if transaction.gas_limit < max(transaction_intrinsic_gas(transaction, fork), floor_gas(transaction.data, fork)):
        return InvalidReason.INTRINSIC_GAS
    is_limited = transaction.to is None and fork.includes(Fork.SHANGHAI)
    if is_limited and len(transaction.data) > MAX_INIT_CODE_BYTES:
        return InvalidReason.INIT_CODE_TOO_LARGE
    return None
