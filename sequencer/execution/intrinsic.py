"""
Gas that a transaction owes before any code runs (Yellow Paper g0; EIP-2028, 2930, 3860, 7702), the floor of what it
pays for its data in the end (EIP-7623), and what it gets back at most (EIP-3529).
"""

from collections.abc import Sequence

from sequencer.primitives.deposit import DepositTransaction
from sequencer.primitives.transaction import Transaction

from .environment import Fork

TRANSACTION_GAS = 21_000
CREATION_GAS = 32_000
INIT_CODE_WORD_GAS = 2
TOKEN_GAS = 4
"""A zero byte of data is one token, any other byte is four."""

FLOOR_TOKEN_GAS = 10
ACCESS_LIST_ADDRESS_GAS = 2_400
ACCESS_LIST_SLOT_GAS = 1_900
AUTHORIZATION_GAS = 25_000
"""Charged for each authorization as if its authority did not exist; `AUTHORIZATION_REFUND` comes back when it does."""

AUTHORIZATION_REFUND = 12_500

MAX_INIT_CODE_BYTES = 49_152
"""Twice the largest code (EIP-3860)."""


MAX_REFUND_QUOTIENT, MAX_REFUND_QUOTIENT_BEFORE_LONDON = 5, 2
"""At most this part of the gas used is refunded (EIP-3529)."""

SELFDESTRUCT_REFUND = 24_000
"""Before London, for each contract that a transaction destroys."""


def intrinsic_gas(
    data: bytes,
    is_creation: bool,
    access_list_sizes: Sequence[int] = (),
    authorization_count: int = 0,
    *,
    fork: Fork = Fork.PRAGUE,
) -> int:
    """Gas owed up front; `access_list_sizes` has the number of slots of each entry."""
    gas = TRANSACTION_GAS + TOKEN_GAS * _tokens(data)
    if is_creation:
        gas += CREATION_GAS
        if fork.includes(Fork.SHANGHAI):
            gas += INIT_CODE_WORD_GAS * ((len(data) + 31) // 32)
    if access_list_sizes:
        gas += ACCESS_LIST_ADDRESS_GAS * len(access_list_sizes) + ACCESS_LIST_SLOT_GAS * sum(access_list_sizes)
    return gas + AUTHORIZATION_GAS * authorization_count


def transaction_intrinsic_gas(transaction: Transaction | DepositTransaction, fork: Fork = Fork.PRAGUE) -> int:
    """Gas that `transaction` owes up front."""
    if isinstance(transaction, DepositTransaction):
        return intrinsic_gas(transaction.data, transaction.to is None, fork=fork)
    sizes = [len(entry.slots) for entry in transaction.access_list]
    return intrinsic_gas(transaction.data, transaction.to is None, sizes, len(transaction.authorizations), fork=fork)


def floor_gas(data: bytes, fork: Fork = Fork.PRAGUE) -> int:
    """The least gas that a transaction with this data uses; nothing before Prague."""
    return TRANSACTION_GAS + FLOOR_TOKEN_GAS * _tokens(data) if fork.includes(Fork.PRAGUE) else 0


def refunded_gas(spent: int, earned: int, fork: Fork = Fork.PRAGUE) -> int:
    """What comes back of `spent` when refunds of `earned` were counted."""
    quotient = MAX_REFUND_QUOTIENT if fork.includes(Fork.LONDON) else MAX_REFUND_QUOTIENT_BEFORE_LONDON
    return min(earned, spent // quotient)


def _tokens(data: bytes) -> int:
    return 4 * len(data) - 3 * data.count(0)
