"""
Message calls without a trace in state: `eth_call`, and what estimates gas (execution-apis, `eth_call`).

As go-ethereum does it: intrinsic gas counts, nonce and code of the sender do not, and with a gas price of zero no fee
is charged and BASEFEE is zero.
"""

from dataclasses import replace

from contracts.keccak import keccak
from sequencer.primitives.account import EMPTY_CODE_HASH, Account
from sequencer.state.reader import StateReader

from .environment import BlockEnvironment
from .evm import Evm
from .evm_message import EvmMessage
from .flat_accounts import FlatAccounts
from .interface import CallMessage, CallResult, Overrides
from .intrinsic import MAX_INIT_CODE_BYTES, floor_gas, intrinsic_gas, refunded_gas
from .transaction_execution import contract_address


class OverriddenState:
    """A StateReader that pretends."""

    def __init__(self, state: StateReader, overrides: Overrides) -> None:
        self._state = state
        self._overrides = overrides
        self._codes = {
            keccak(override.code): override.code for override in overrides.values() if override.code is not None
        }

    def account(self, address: bytes) -> Account | None:
        """The account at a 20-byte address."""
        override = self._overrides.get(address)
        if override is None:
            return self._state.account(address)
        account = self._state.account(address) if override.account is None else override.account
        if override.code is None:
            return account
        return replace(account or Account(), code_hash=keccak(override.code))

    def storage(self, address: bytes, slot: int) -> int:
        """The value of one storage slot."""
        override = self._overrides.get(address)
        if override is not None and slot in override.storage:
            return override.storage[slot]
        return self._state.storage(address, slot)

    def code(self, code_hash: bytes) -> bytes:
        """The code with that hash."""
        if code_hash == EMPTY_CODE_HASH:
            return b""
        found = self._codes.get(code_hash)
        return self._state.code(code_hash) if found is None else found


def run_call(
    environment: BlockEnvironment, state: StateReader, message: CallMessage, overrides: Overrides
) -> CallResult:
    """Run one message in `environment` over `state` with `overrides`."""
    if message.gas_price == 0:
        environment = replace(environment, base_fee_per_gas=0)
    accounts = FlatAccounts(OverriddenState(state, overrides) if overrides else state)
    if (refusal := _refuse(accounts, environment, message)) is not None:
        return CallResult(output=b"", gas_used=0, error=refusal)
    nonce = accounts.get_nonce(message.sender)
    accounts.add_balance(message.sender, -message.gas_limit * message.gas_price)
    accounts.set_nonce(message.sender, nonce + 1)
    inner = EvmMessage(
        sender=message.sender,
        to=message.to,
        value=message.value,
        data=message.data,
        gas=message.gas_limit - _intrinsic_gas(message),
        gas_price=message.gas_price,
        created=contract_address(message.sender, nonce) if message.to is None else None,
    )
    _warm(accounts, inner, environment, message)
    result = Evm(environment).run(accounts, inner)
    spent = message.gas_limit - result.gas_left
    gas_used = max(spent - refunded_gas(spent, result.refund), floor_gas(message.data))
    return CallResult(output=result.output, gas_used=gas_used, error=result.error)


def _refuse(accounts: FlatAccounts, environment: BlockEnvironment, message: CallMessage) -> str | None:
    if message.gas_price and message.gas_price < environment.base_fee_per_gas:
        return "max fee per gas less than block base fee"
    if not accounts.require_balance(message.sender, message.value + message.gas_limit * message.gas_price):
        return "insufficient funds for gas * price + value"
    if message.gas_limit < max(_intrinsic_gas(message), floor_gas(message.data)):
        return "intrinsic gas too low"
    if message.to is None and len(message.data) > MAX_INIT_CODE_BYTES:
        return "max initcode size exceeded"
    return None


def _intrinsic_gas(message: CallMessage) -> int:
    return intrinsic_gas(message.data, message.to is None, [len(slots) for _, slots in message.access_list])


def _warm(accounts: FlatAccounts, inner: EvmMessage, environment: BlockEnvironment, message: CallMessage) -> None:
    for address in (inner.sender, inner.to, inner.created, environment.fee_recipient):
        if address is not None:
            accounts.mark_address_warm(address)
    for address, slots in message.access_list:
        accounts.mark_address_warm(address)
        for slot in slots:
            accounts.mark_storage_warm(address, slot)
