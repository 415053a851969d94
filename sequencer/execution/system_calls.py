"""
Calls that the protocol makes outside transactions: before a block's first one (EIP-4788, EIP-2935; both rule sets), and
after its last one to the contracts that hold execution requests (EIP-7002, EIP-7251; plain Ethereum).

They have 30,000,000 gas of their own, pay nothing, and move no nonce. Before the first transaction, where a chain's
genesis lacks the contract, nothing happens; after the last one the block is not valid then.
"""

from sequencer.primitives.predeploys import BEACON_ROOTS, HISTORY_STORAGE, SYSTEM_ADDRESS
from sequencer.state.changes import StateChanges
from sequencer.state.reader import StateReader

from .environment import Fork
from .evm import Evm
from .evm_message import EvmMessage, EvmResult
from .flat_accounts import FlatAccounts
from .interface import SystemCallFailed

SYSTEM_CALL_GAS = 30_000_000


def run_system_calls(evm: Evm, state: StateReader) -> StateChanges:
    """The changes that opening a block over `state` makes."""
    environment = evm.environment
    fork = environment.rules.fork
    accounts = FlatAccounts(state)
    if fork.includes(Fork.CANCUN):
        _call(evm, accounts, BEACON_ROOTS, environment.parent_beacon_block_root)
    if fork.includes(Fork.PRAGUE):
        _call(evm, accounts, HISTORY_STORAGE, environment.parent_hash)
    return accounts.changes()


def run_system_call(evm: Evm, state: StateReader, contract: bytes, data: bytes) -> tuple[bytes, StateChanges]:
    """Output and changes of one call to `contract` over `state`; raises SystemCallFailed."""
    accounts = FlatAccounts(state)
    result = _call(evm, accounts, contract, data)
    if result is None:
        raise SystemCallFailed(contract, "there is no code")
    if result.error is not None:
        raise SystemCallFailed(contract, result.error)
    return result.output, accounts.changes(result.destroyed)


def _call(evm: Evm, accounts: FlatAccounts, contract: bytes, data: bytes) -> EvmResult | None:
    accounts.mark_address_warm(contract)
    if not accounts.get_code(contract):
        return None
    message = EvmMessage(SYSTEM_ADDRESS, contract, value=0, data=data, gas=SYSTEM_CALL_GAS, gas_price=0)
    return evm.run(accounts, message)
