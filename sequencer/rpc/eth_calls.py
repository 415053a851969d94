"""
`eth_call`, `eth_estimateGas`: code executed over a state without a trace in it.

Estimates are L2 gas alone, as clients expect; the L1 and operator fees come from the oracle contract. Both run on
threads of their own with a gas cap; the caller stops waiting at the time limit.
"""

from collections.abc import Mapping
from dataclasses import replace

from sequencer.execution.environment import BlockEnvironment
from sequencer.execution.interface import AccountOverride, CallMessage, CallResult, Overrides
from sequencer.primitives.account import Account
from sequencer.state.changes import ChangesOver, StateChanges
from sequencer.state.reader import StateReader

from .backend import Backend
from .block_lookup import get_execution_context
from .call_parameters import (
    AccountPretence,
    BlockPretence,
    CallObject,
    read_block_overrides,
    read_call_object,
    read_state_overrides,
)
from .errors import ExecutionFailed, ExecutionReverted
from .formatters import data, quantity
from .job_pool import Deadline
from .method import Method, Runs, method
from .parameters import LATEST_BLOCK, PENDING_BLOCK, BlockReference, optional, read_block_reference, required

DELEGATION_PREFIX = bytes.fromhex("ef0100")
"""Code of an account that delegates, before the address (EIP-7702)."""

AUTHORIZATION_GAS = 25_000
"""Intrinsic gas of each authorization (EIP-7702, PER_EMPTY_ACCOUNT_COST)."""

CALL_STIPEND = 2_300
ESTIMATE_TOLERANCE = 64
"""An estimate may lie above the least gas that works by one part in this many."""

ERROR_SELECTOR = bytes.fromhex("08c379a0")
"""`Error(string)`: what Solidity's require and revert return."""

PANIC_SELECTOR = bytes.fromhex("4e487b71")
"""`Panic(uint256)`: what Solidity's failed assertions return."""

NO_STATE: Mapping[bytes, AccountPretence] = {}
NO_BLOCK = BlockPretence()


class _Call:
    """One call object over one state, ready to run with different gas limits."""

    def __init__(
        self,
        backend: Backend,
        call: CallObject,
        block: BlockReference,
        accounts: Mapping[bytes, AccountPretence],
        pretence: BlockPretence = NO_BLOCK,
    ) -> None:
        environment, state = get_execution_context(backend, block)
        self.environment = _pretend_block(environment, pretence)
        self.call = call
        self._backend = backend
        self.state, self._overrides = _pretend_accounts(state, accounts, call)

    def gas_price(self) -> int:
        """Wei per gas that the call offers; 0 when it names no price, and then no fee counts."""
        call = self.call
        if call.gas_price is not None:
            return call.gas_price
        if call.max_fee_per_gas is None:
            return 0
        offered = self.environment.base_fee_per_gas + (call.max_priority_fee_per_gas or 0)
        return min(call.max_fee_per_gas, offered)

    def gas_allowance(self, price: int) -> int:
        """Most gas that the call may use: its own limit, the block's or the node's, and what the sender can pay."""
        settings, call = self._backend.settings, self.call
        allowance = min(self.environment.gas_limit if call.gas is None else call.gas, settings.call_gas_cap)
        if price:
            override = self._overrides.get(call.sender)
            account = override.account if override is not None else None
            account = account or self.state.account(call.sender) or Account()
            allowance = min(allowance, max(account.balance - call.value, 0) // price)
        return allowance

    def run(self, gas_limit: int) -> CallResult:
        """The call with that much gas, the cost of its authorizations counted in."""
        call = self.call
        message = CallMessage(
            sender=call.sender,
            to=call.to,
            gas_limit=gas_limit,
            value=call.value,
            data=call.data,
            gas_price=self.gas_price(),
            access_list=tuple((entry.address, entry.slots) for entry in call.access_list),
        )
        return self._backend.engine.call(self.environment, self.state, message, self._overrides)


def call(
    backend: Backend,
    call: CallObject,
    block: BlockReference,
    state_overrides: Mapping[bytes, AccountPretence],
    block_overrides: BlockPretence,
) -> object:
    """What a call returns, executed over a block's state; state and block values may be pretended."""
    prepared = _Call(backend, call, block, state_overrides, block_overrides)
    gas = backend.settings.call_gas_cap if call.gas is None else min(call.gas, backend.settings.call_gas_cap)
    return data(_output(prepared.run(gas), gas))


def estimate_gas(
    backend: Backend, call: CallObject, block: BlockReference, state_overrides: Mapping[bytes, AccountPretence]
) -> object:
    """Gas limit with which the transaction succeeds; L2 gas alone."""
    deadline = Deadline(backend.monotonic, backend.settings.call_timeout_seconds)
    prepared = _Call(backend, call, block, state_overrides)
    authorization_gas = AUTHORIZATION_GAS * len(call.authorizations)
    highest = prepared.gas_allowance(prepared.gas_price()) - authorization_gas
    if highest <= 0:
        raise ExecutionFailed("insufficient funds for gas * price + value")
    first = prepared.run(highest)
    _output(first, highest)
    return quantity(_least_gas(prepared, first.gas_used, highest, deadline) + authorization_gas)


def _least_gas(prepared: _Call, used: int, highest: int, deadline: Deadline) -> int:
    """The least gas that works, within the tolerance; `highest` is known to work, less than `used` can not."""
    lowest = used - 1
    guesses = [used, (used + CALL_STIPEND) * 64 // 63]  # enough for most: nothing was held back, or 1/64 a call
    while highest - lowest > 1 and (highest - lowest) * ESTIMATE_TOLERANCE > highest:
        deadline.check()
        guess = guesses.pop(0) if guesses else (lowest + highest) // 2
        if not lowest < guess < highest:
            continue
        if prepared.run(guess).error is None:
            highest = guess
        else:
            lowest = guess
    return highest


def _output(result: CallResult, gas: int) -> bytes:
    """Return data of a call that succeeded; raises what the caller is told otherwise."""
    if result.error is None:
        return result.output
    if result.is_revert:
        raise ExecutionReverted(decode_revert_reason(result.output), data(result.output))
    if "gas" in result.error:
        raise ExecutionFailed(f"{result.error} (gas {gas})")
    raise ExecutionFailed(result.error)


def decode_revert_reason(output: bytes) -> str | None:
    """The text in `Error(string)` or the code in `Panic(uint256)`; None for anything else."""
    selector, body = output[:4], output[4:]
    if selector == PANIC_SELECTOR and len(body) == 32:
        return f"panic code {quantity(int.from_bytes(body, 'big'))}"
    if selector != ERROR_SELECTOR or int.from_bytes(body[:32], "big") != 32:
        return None
    length = int.from_bytes(body[32:64], "big")
    if len(body) < 64 + length:
        return None
    return body[64 : 64 + length].decode("utf-8", errors="replace")


def _pretend_block(environment: BlockEnvironment, pretence: BlockPretence) -> BlockEnvironment:
    def either(pretended: int | None, real: int) -> int:
        return real if pretended is None else pretended

    return replace(
        environment,
        number=either(pretence.number, environment.number),
        timestamp=either(pretence.time, environment.timestamp),
        gas_limit=either(pretence.gas_limit, environment.gas_limit),
        base_fee_per_gas=either(pretence.base_fee_per_gas, environment.base_fee_per_gas),
        fee_recipient=pretence.fee_recipient or environment.fee_recipient,
        prev_randao=pretence.prev_randao or environment.prev_randao,
    )


def _pretend_accounts(
    state: StateReader, accounts: Mapping[bytes, AccountPretence], call: CallObject
) -> tuple[StateReader, Overrides]:
    """The state under the call, and overrides for the engine; whole-storage replacement happens in the state."""
    wiped = frozenset(address for address, pretence in accounts.items() if pretence.state is not None)
    if wiped:
        state = ChangesOver(StateChanges(wiped=wiped), state)
    overrides = {
        address: AccountOverride(
            account=_pretend_account(state, address, pretence),
            code=pretence.code,
            storage=pretence.state_diff if pretence.state is None else pretence.state,
        )
        for address, pretence in accounts.items()
    }
    for authorization in call.authorizations:
        authority = authorization.authority()
        if authority is not None:
            code = DELEGATION_PREFIX + authorization.address if any(authorization.address) else b""
            overrides[authority] = replace(overrides.get(authority, AccountOverride()), code=code)
    return state, overrides


def _pretend_account(state: StateReader, address: bytes, pretence: AccountPretence) -> Account | None:
    if pretence.balance is None and pretence.nonce is None:
        return None
    account = state.account(address) or Account()
    return replace(
        account,
        balance=account.balance if pretence.balance is None else pretence.balance,
        nonce=account.nonce if pretence.nonce is None else pretence.nonce,
    )


_CALL = required("call", read_call_object)
_STATE = optional("state overrides", read_state_overrides, NO_STATE)

METHODS: tuple[Method, ...] = (
    method(
        "eth_call",
        call,
        _CALL,
        optional("block", read_block_reference, LATEST_BLOCK),
        _STATE,
        optional("block overrides", read_block_overrides, NO_BLOCK),
        runs=Runs.CALLING,
    ),
    method(
        "eth_estimateGas",
        estimate_gas,
        _CALL,
        optional("block", read_block_reference, PENDING_BLOCK),
        _STATE,
        runs=Runs.CALLING,
    ),
)
