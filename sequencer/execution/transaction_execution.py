"""
One transaction, from its charge to its refund: the rules around the EVM run (Yellow Paper 6; specs, deposits.md).

    verdict -> charge sender, move nonce -> authorizations -> warm addresses -> EVM -> refund, floor -> settle

The state below is only read. What happened comes back as changes and reads, and what others are owed as payments: these
are pure additions to balances that the transaction itself did not look at, so they stand apart from the changes, and
whoever commits results decides how to add them up.
"""

from dataclasses import dataclass
from typing import Protocol

from contracts.keccak import keccak
from l1_bridge.rlp_codec import encode_integer, encode_rlp
from sequencer.primitives.deposit import DepositTransaction
from sequencer.primitives.predeploys import BASE_FEE_VAULT, L1_FEE_VAULT, OPERATOR_FEE_VAULT
from sequencer.primitives.receipt import Log
from sequencer.primitives.transaction import Authorization, Transaction
from sequencer.state.changes import StateChanges
from sequencer.state.reader import StateReader

from .environment import BlockEnvironment, Fork
from .evm_message import EvmMessage, EvmResult
from .fees import FeeParameters
from .flat_accounts import NONCE, FlatAccounts, ReadSet
from .interface import InvalidReason
from .intrinsic import (
    AUTHORIZATION_REFUND,
    MAX_INIT_CODE_BYTES,
    SELFDESTRUCT_REFUND,
    floor_gas,
    refunded_gas,
    transaction_intrinsic_gas,
)
from .validation import (
    DELEGATION_PREFIX,
    MAX_NONCE,
    blob_gas_of,
    check_transaction,
    delegation_target,
    maximum_cost,
)


@dataclass(frozen=True, slots=True)
class Payment:
    """Wei that a fee recipient gets; nothing about the recipient was read."""

    recipient: bytes
    amount: int


@dataclass(frozen=True, slots=True)
class TransactionResult:
    """What one transaction did. `payments` are not part of `changes`; `output` and `error` are the EVM's."""

    status: int
    gas_used: int
    logs: tuple[Log, ...]
    changes: StateChanges
    reads: ReadSet
    payments: tuple[Payment, ...]
    output: bytes
    error: str | None
    deposit_nonce: int | None = None


class Interpreter(Protocol):
    """What runs the outermost message: `Evm`, or something that gives the same result by a shorter way."""

    @property
    def environment(self) -> BlockEnvironment:
        """The block's own values."""
        ...

    def run(self, accounts: FlatAccounts, message: EvmMessage) -> EvmResult:
        """Run one message over `accounts`; see `Evm.run`."""
        ...


def contract_address(sender: bytes, nonce: int) -> bytes:
    """Where a creation by `sender` at `nonce` puts its contract."""
    return keccak(encode_rlp([sender, encode_integer(nonce)]))[12:]


def execute_transaction(
    evm: Interpreter, state: StateReader, transaction: Transaction, fees: FeeParameters | None
) -> TransactionResult | InvalidReason:
    """
    Execute a user transaction over `state`.

    Parameters
    ----------
    fees :
        The block's parameters under OP rules, None under plain Ethereum rules.
    """
    environment, sender = evm.environment, transaction.sender
    accounts = FlatAccounts(state)
    price = transaction.effective_gas_price(environment.base_fee_per_gas)
    charges = _Charges(transaction, fees, price, environment)
    cost = maximum_cost(transaction, charges.extra)
    reason = _check(accounts, transaction, environment, cost)
    if reason is not None:
        return reason
    accounts.require_balance(sender, cost)
    accounts.add_balance(sender, -charges.upfront)
    accounts.set_nonce(sender, transaction.nonce + 1)
    refund = sum(_authorize(accounts, entry, environment) for entry in transaction.authorizations)
    fork = environment.rules.fork
    gas = transaction.gas_limit - transaction_intrinsic_gas(transaction, fork)
    message = EvmMessage(
        sender=sender,
        to=transaction.to,
        value=transaction.value,
        data=transaction.data,
        gas=gas,
        gas_price=price,
        created=contract_address(sender, transaction.nonce) if transaction.to is None else None,
        blob_hashes=transaction.blob_hashes,
    )
    _warm(accounts, message, environment, transaction)
    result = evm.run(accounts, message)
    if not fork.includes(Fork.LONDON):
        refund += SELFDESTRUCT_REFUND * len(result.destroyed)
    gas_used = _gas_used(transaction, result, refund, fork)
    accounts.add_balance(sender, charges.give_back(gas_used))
    return _finish(accounts, result, gas_used, charges.payments(gas_used))


def judge_transaction(
    environment: BlockEnvironment, state: StateReader, transaction: Transaction, fees: FeeParameters | None
) -> InvalidReason | None:
    """The verdict alone: why `transaction` can not stand over `state`, None when it can."""
    extra_fees = 0 if fees is None else fees.extra_fees(transaction.raw, transaction.gas_limit)
    return _check(FlatAccounts(state), transaction, environment, maximum_cost(transaction, extra_fees))


def execute_deposit(evm: Interpreter, state: StateReader, deposit: DepositTransaction) -> TransactionResult:
    """Execute a deposit over `state`: it is always included; its mint stands and its nonce moves whatever happens."""
    accounts = FlatAccounts(state)
    nonce = accounts.get_nonce(deposit.sender)
    accounts.add_balance(deposit.sender, deposit.mint)
    accounts.set_nonce(deposit.sender, nonce + 1)
    intrinsic = transaction_intrinsic_gas(deposit)
    if failure := _deposit_failure(accounts, deposit, intrinsic):
        result, gas_used = EvmResult(0, 0, b"", failure, (), ()), deposit.gas_limit
    else:
        message = EvmMessage(
            sender=deposit.sender,
            to=deposit.to,
            value=deposit.value,
            data=deposit.data,
            gas=deposit.gas_limit - intrinsic,
            gas_price=0,
            created=contract_address(deposit.sender, nonce) if deposit.to is None else None,
        )
        _warm(accounts, message, evm.environment, None)
        result = evm.run(accounts, message)
        gas_used = _gas_used(deposit, result, 0, evm.environment.rules.fork)
    return _finish(accounts, result, gas_used, (), deposit_nonce=nonce)


def _check(
    accounts: FlatAccounts, transaction: Transaction, environment: BlockEnvironment, cost: int
) -> InvalidReason | None:
    code = accounts.get_code(transaction.sender)
    return check_transaction(transaction, accounts.observe(transaction.sender, NONCE), code, environment, cost)


def _deposit_failure(accounts: FlatAccounts, deposit: DepositTransaction, intrinsic: int) -> str | None:
    """Why a deposit does not reach the EVM, which uses up its gas limit; None when it does."""
    if deposit.gas_limit < max(intrinsic, floor_gas(deposit.data)):
        return "gas limit below intrinsic or floor cost"
    if deposit.value and not accounts.require_balance(deposit.sender, deposit.value):
        return "insufficient balance for transfer"
    if deposit.to is None and len(deposit.data) > MAX_INIT_CODE_BYTES:
        return "max initcode size exceeded"
    return None


class _Charges:
    """Wei that a user transaction moves besides its value."""

    def __init__(
        self, transaction: Transaction, fees: FeeParameters | None, price: int, environment: BlockEnvironment
    ) -> None:
        self._environment = environment
        self._fees = fees
        self._price = price
        self._gas_limit = transaction.gas_limit
        self._l1_fee = 0 if fees is None else fees.l1_fee(transaction.raw)
        blob_gas = blob_gas_of(transaction)
        self._blob_fee = blob_gas * environment.blob_base_fee if blob_gas else 0

    @property
    def extra(self) -> int:
        """What comes on top of gas, as long as nobody knows how much gas is used."""
        return self._l1_fee + self._operator_fee(self._gas_limit)

    @property
    def upfront(self) -> int:
        """Taken from the sender before anything runs."""
        return self._gas_limit * self._price + self._blob_fee + self.extra

    def give_back(self, gas_used: int) -> int:
        """Returned to the sender for gas that was not used."""
        unused = (self._gas_limit - gas_used) * self._price
        return unused + self._operator_fee(self._gas_limit) - self._operator_fee(gas_used)

    def payments(self, gas_used: int) -> tuple[Payment, ...]:
        """Who gets what; a plain chain burns base fee and blob fee, and has no other recipient than the block's."""
        base_fee = self._environment.base_fee_per_gas
        tip = Payment(self._environment.fee_recipient, gas_used * (self._price - base_fee))
        if self._fees is None:
            return (tip,)
        return (
            tip,
            Payment(BASE_FEE_VAULT, gas_used * base_fee),
            Payment(L1_FEE_VAULT, self._l1_fee),
            Payment(OPERATOR_FEE_VAULT, self._operator_fee(gas_used)),
        )

    def _operator_fee(self, gas: int) -> int:
        return 0 if self._fees is None else self._fees.operator_fee(gas)


def _authorize(accounts: FlatAccounts, entry: Authorization, environment: BlockEnvironment) -> int:
    """Apply one authorization (EIP-7702) or skip it; returns the gas refund that it earns."""
    if entry.chain_id not in (0, environment.rules.chain_id) or entry.nonce == MAX_NONCE:
        return 0
    authority = entry.authority()
    if authority is None:
        return 0
    accounts.mark_address_warm(authority)
    code = accounts.get_code(authority)
    if code and delegation_target(code) is None:
        return 0
    if accounts.get_nonce(authority) != entry.nonce:
        return 0
    refund = AUTHORIZATION_REFUND if accounts.account_exists(authority) else 0
    accounts.set_code(authority, b"" if entry.address == bytes(20) else DELEGATION_PREFIX + entry.address)
    accounts.set_nonce(authority, entry.nonce + 1)
    return refund


def _warm(
    accounts: FlatAccounts, message: EvmMessage, environment: BlockEnvironment, transaction: Transaction | None
) -> None:
    """What counts as accessed from the start (EIP-2929, 2930, 3651); precompiles always do."""
    accounts.mark_address_warm(message.sender)
    if environment.rules.fork.includes(Fork.SHANGHAI):
        accounts.mark_address_warm(environment.fee_recipient)
    if message.to is not None:
        accounts.mark_address_warm(message.to)
    if message.created is not None:
        accounts.mark_address_warm(message.created)
    for entry in () if transaction is None else transaction.access_list:
        accounts.mark_address_warm(entry.address)
        for slot in entry.slots:
            accounts.mark_storage_warm(entry.address, slot)


def _gas_used(transaction: Transaction | DepositTransaction, result: EvmResult, refund: int, fork: Fork) -> int:
    """Gas that counts: after the capped refunds, but never below the floor of the data."""
    spent = transaction.gas_limit - result.gas_left
    return max(spent - refunded_gas(spent, result.refund + refund, fork), floor_gas(transaction.data, fork))


def _finish(
    accounts: FlatAccounts,
    result: EvmResult,
    gas_used: int,
    payments: tuple[Payment, ...],
    deposit_nonce: int | None = None,
) -> TransactionResult:
    # A fee paid to a contract that this very transaction destroys goes with it.
    kept = tuple(payment for payment in payments if payment.recipient not in result.destroyed)
    return TransactionResult(
        status=int(result.error is None),
        gas_used=gas_used,
        logs=result.logs,
        changes=accounts.changes(result.destroyed),
        reads=accounts.reads(),
        payments=kept,
        output=result.output,
        error=result.error,
        deposit_nonce=deposit_nonce,
    )
