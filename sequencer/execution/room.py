"""Room in an open block: gas, and on plain Ethereum blob gas, that its transactions have not taken."""

from sequencer.primitives.transaction import Transaction

from .environment import BlockEnvironment
from .interface import Included
from .validation import blob_gas_of


class BlockRoom:
    """What is left of the block's limits; `gas_used` is what the included transactions used so far."""

    def __init__(self, environment: BlockEnvironment) -> None:
        limits = environment.rules.blob_limits
        self._gas_limit = environment.gas_limit
        self._max_blob_gas = 0 if limits is None else limits.max_gas
        self._blob_gas_used = 0
        self.gas_used = 0

    def has_for(self, transaction: Transaction) -> bool:
        """Whether `transaction` fits; one with blobs where there is no room for any at all is not judged here."""
        if transaction.gas_limit > self._gas_limit - self.gas_used:
            return False
        return not transaction.blob_hashes or self._blob_gas_used + blob_gas_of(transaction) <= self._max_blob_gas

    def take(self, outcome: Included) -> None:
        """Count what an included transaction used."""
        self.gas_used += outcome.gas_used
        if isinstance(outcome.transaction, Transaction) and outcome.transaction.blob_hashes:
            self._blob_gas_used += blob_gas_of(outcome.transaction)
