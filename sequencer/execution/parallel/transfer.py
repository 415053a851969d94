"""
Plain transfers without the interpreter: where no code runs, a message is arithmetic.

Everything around the message (verdict, fees, floor, refunds) is in `transaction_execution`, the same for both.
"""

from sequencer.execution.environment import BlockEnvironment
from sequencer.execution.evm import Evm
from sequencer.execution.evm_message import EvmMessage, EvmResult
from sequencer.execution.flat_accounts import FlatAccounts


class TransferShortcut:
    """An Interpreter: moves value to accounts without code by itself, and leaves every other message to the EVM."""

    def __init__(self, evm: Evm) -> None:
        self._evm = evm
        self._precompiles = evm.precompiles
        self.transfers = 0
        """Messages that did not need the interpreter."""

    @property
    def environment(self) -> BlockEnvironment:
        """The block's own values."""
        return self._evm.environment

    def runs_code(self, accounts: FlatAccounts, to: bytes | None) -> bool:
        """Whether a message to `to` needs the interpreter."""
        return to is None or to in self._precompiles or bool(accounts.get_code(to))

    def run(self, accounts: FlatAccounts, message: EvmMessage) -> EvmResult:
        """Run one message over `accounts`; see `Evm.run`."""
        to = message.to
        if to is None or self.runs_code(accounts, to):
            return self._evm.run(accounts, message)
        self.transfers += 1
        if message.value:
            if not accounts.require_balance(message.sender, message.value):
                return self._evm.run(accounts, message)
            accounts.add_balance(message.sender, -message.value)
            accounts.add_balance(to, message.value)
        accounts.touch_account(to)
        return EvmResult(gas_left=message.gas, refund=0, output=b"", error=None, logs=(), destroyed=())
