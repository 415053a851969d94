"""
What a transaction must be to be taken: rules that need no state, then rules against the head.

Everything here raises an `AdmissionError` that states the fact; nothing is kept of a refused transaction. Rules of
the chain come from `execution`; limits of the pool are its own and can differ between nodes.
"""

from dataclasses import dataclass

from sequencer.execution.intrinsic import MAX_INIT_CODE_BYTES, floor_gas, transaction_intrinsic_gas
from sequencer.execution.validation import MAX_NONCE, delegation_target
from sequencer.primitives.account import EMPTY_CODE_HASH, Account
from sequencer.primitives.recovery import Decoding
from sequencer.primitives.transaction import SET_CODE_TYPE, Transaction

from .errors import (
    FeeCapTooLow,
    GasLimitTooHigh,
    InitCodeTooLarge,
    InsufficientFunds,
    IntrinsicGasTooLow,
    NoAuthorizations,
    NonceAtMaximum,
    NonceTooFarAhead,
    NonceTooLow,
    SenderHasCode,
    TipAboveFeeCap,
    TransactionTooLarge,
    Undecodable,
    UnprotectedTransaction,
    WrongChainId,
)
from .head import PoolHead

MAX_TRANSACTION_BYTES = 128 * 1024
"""Largest encoding that is taken, as in geth's pool."""


@dataclass(frozen=True, slots=True)
class AdmissionRules:
    """The chain's id and the pool's own limits; fees in wei per gas."""

    chain_id: int
    minimum_fee_cap: int = 1
    max_transaction_bytes: int = MAX_TRANSACTION_BYTES
    max_nonces_ahead: int = 1024
    """How far a nonce may be from the one at the head."""


def check_size(raw: bytes, rules: AdmissionRules) -> None:
    """Refuse an encoding above the limit before any work is done on it."""
    if len(raw) > rules.max_transaction_bytes:
        raise TransactionTooLarge(len(raw), rules.max_transaction_bytes)


def check_without_state(decoding: Decoding, rules: AdmissionRules) -> Transaction:
    """Check everything that needs no state of what was decoded; raises AdmissionError."""
    if not isinstance(decoding, Transaction):
        raise Undecodable(str(decoding))
    _check_form(decoding, rules)
    _check_fees(decoding, rules)
    _check_gas(decoding)
    return decoding


def check_against_head(
    transaction: Transaction, head: PoolHead, rules: AdmissionRules, *, cost: int, queued_cost: int
) -> Account:
    """
    Check nonce, code, gas limit and balance at the head; returns the sender's account there.

    Parameters
    ----------
    cost :
        Most that the transaction can take from its sender, in wei.
    queued_cost :
        The same, summed over the sender's other transactions in the pool.
    """
    if transaction.gas_limit > head.gas_limit:
        raise GasLimitTooHigh(transaction.gas_limit, head.gas_limit)
    account = head.state.account(transaction.sender) or Account()
    if transaction.nonce < account.nonce:
        raise NonceTooLow(transaction.nonce, account.nonce)
    if transaction.nonce >= account.nonce + rules.max_nonces_ahead:
        raise NonceTooFarAhead(transaction.nonce, account.nonce, rules.max_nonces_ahead)
    if account.code_hash != EMPTY_CODE_HASH and delegation_target(head.state.code(account.code_hash)) is None:
        raise SenderHasCode(transaction.sender)
    if cost + queued_cost > account.balance:
        raise InsufficientFunds(account.balance, cost, queued_cost)
    return account


def _check_form(transaction: Transaction, rules: AdmissionRules) -> None:
    if transaction.chain_id is None:
        raise UnprotectedTransaction
    if transaction.chain_id != rules.chain_id:
        raise WrongChainId(transaction.chain_id, rules.chain_id)
    if transaction.nonce >= MAX_NONCE:
        raise NonceAtMaximum
    if transaction.type == SET_CODE_TYPE and not transaction.authorizations:
        raise NoAuthorizations
    if transaction.to is None and len(transaction.data) > MAX_INIT_CODE_BYTES:
        raise InitCodeTooLarge(len(transaction.data), MAX_INIT_CODE_BYTES)


def _check_fees(transaction: Transaction, rules: AdmissionRules) -> None:
    if transaction.max_priority_fee_per_gas > transaction.max_fee_per_gas:
        raise TipAboveFeeCap(transaction.max_priority_fee_per_gas, transaction.max_fee_per_gas)
    if transaction.max_fee_per_gas < rules.minimum_fee_cap:
        raise FeeCapTooLow(transaction.max_fee_per_gas, rules.minimum_fee_cap)


def _check_gas(transaction: Transaction) -> None:
    required = max(transaction_intrinsic_gas(transaction), floor_gas(transaction.data))
    if transaction.gas_limit < required:
        raise IntrinsicGasTooLow(transaction.gas_limit, required)


def least_raise(wei: int, percent: int) -> int:
    """The least that counts as a raise: `percent` more, rounded up, and never the same."""
    return max(wei + 1, -(-wei * (100 + percent) // 100))
