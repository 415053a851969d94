"""
Calls that the protocol makes before a block's first transaction (EIP-4788, EIP-2935; both rule sets).

They have 30,000,000 gas of their own, pay nothing, and move no nonce. Where a chain's genesis lacks the contract,
nothing happens.
"""

from sequencer.primitives.predeploys import BEACON_ROOTS, HISTORY_STORAGE, SYSTEM_ADDRESS
from sequencer.state.changes import StateChanges
from sequencer.state.reader import StateReader

from .evm import Evm, EvmMessage
from .flat_accounts import FlatAccounts

SYSTEM_CALL_GAS = 30_000_000


def run_system_calls(evm: Evm, state: StateReader) -> StateChanges:
    """The changes that opening a block over `state` makes."""
    environment = evm.environment
    accounts = FlatAccounts(state)
    for contract, data in (
        (BEACON_ROOTS, environment.parent_beacon_block_root),
        (HISTORY_STORAGE, environment.parent_hash),
    ):
        accounts.mark_address_warm(contract)
        if accounts.get_code(contract):
            message = EvmMessage(SYSTEM_ADDRESS, contract, value=0, data=data, gas=SYSTEM_CALL_GAS, gas_price=0)
            evm.run(accounts, message)
    return accounts.changes()
