"""What the pool sees of the chain: the head's values, and whether a transaction is included. The node bridges both."""

from dataclasses import dataclass
from typing import Protocol

from sequencer.execution.fees import FeeParameters
from sequencer.state.reader import StateReader


@dataclass(frozen=True, slots=True)
class PoolHead:
    """The newest block as admission and ordering need it; `base_fee` is the next block's, in wei per gas."""

    number: int
    hash: bytes
    base_fee: int
    gas_limit: int
    """What one user's transaction can have of a block at most."""
    state: StateReader
    fees: FeeParameters | None
    """None under plain Ethereum rules."""
    safe_number: int = 0
    finalized_number: int = 0


class HeadView(Protocol):
    """The chain, read only; answers are immutable values, so any thread may hold them."""

    def head(self) -> PoolHead:
        """The unsafe head now."""
        ...

    def included_in(self, transaction_hash: bytes) -> int | None:
        """Number of the block that holds the transaction, None when no block of the chain does."""
        ...
