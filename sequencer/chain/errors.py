"""What can be wrong with a request to change the chain. None of them leaves a trace in the store."""

from l1_bridge.errors import BraidError, CriticalError, TemporaryError
from l1_bridge.types import BlockId


class WrongParent(BraidError):
    """A block or payload does not extend the unsafe head."""

    def __init__(self, parent: bytes, head: BlockId) -> None:
        super().__init__(f"parent 0x{parent.hex()} is not the head {head}")
        self.parent = parent
        self.head = head


class UnknownBlock(BraidError):
    """A block is not part of the chain."""

    def __init__(self, block: BlockId) -> None:
        super().__init__(f"block {block} is not part of the chain")
        self.block = block


class BlockTakenAway(TemporaryError):
    """The open block was abandoned or sealed: its transactions have to go into another one."""

    def __init__(self, number: int) -> None:
        super().__init__(f"block {number} is not open any more")
        self.number = number


class NoOpenBlock(TemporaryError):
    """There is nothing to seal."""

    def __init__(self) -> None:
        super().__init__("no block is open")


class DepositLeftOut(CriticalError):
    """The engine did not include a deposit, but deposits can not be left out: the chain has to stop."""

    def __init__(self, number: int, source_hash: bytes, reason: str) -> None:
        super().__init__(f"block {number} can not hold deposit 0x{source_hash.hex()}: {reason}")
        self.number = number
        self.source_hash = source_hash
        self.reason = reason


class BelowFinalized(CriticalError):
    """Somebody asks to undo blocks that are final."""

    def __init__(self, number: int, finalized: int) -> None:
        super().__init__(f"block {number} is below the finalized block {finalized}")
        self.number = number
        self.finalized = finalized


class GenesisMismatch(CriticalError):
    """The rollup config names another genesis block than the one that the genesis file makes."""

    def __init__(self, made: bytes, agreed: bytes) -> None:
        super().__init__(f"genesis makes block 0x{made.hex()}, the rollup config names 0x{agreed.hex()}")
        self.made = made
        self.agreed = agreed
