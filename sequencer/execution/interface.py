"""
The one interface of every engine, and what goes through it.

    open_block -> apply (one slice) ... apply -> seal     or abandon at any time

Opening runs the system calls (EIP-4788, EIP-2935). Deposits come in the first slice, attributes first. When
sequencing, an invalid transaction is left out; when deriving, one invalidates the whole payload: engines report,
callers decide. A deposit is never left out.

What plain Ethereum does besides transactions is the caller's part: withdrawals are credits, and contracts that hold
execution requests are called, both after the last slice (EIP-4895, EIP-7002, EIP-7251).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol, TypeAlias

from l1_bridge.errors import BraidError
from sequencer.primitives.account import Account
from sequencer.primitives.block import AnyTransaction, Block
from sequencer.primitives.header import Header
from sequencer.primitives.receipt import Receipt
from sequencer.state.changes import ChangeSet
from sequencer.state.commitment import StateCommitment, TrieUpdate
from sequencer.state.reader import StateReader

from .access_list import BlockAccesses
from .environment import BlockEnvironment


class InvalidReason(Enum):
    """Why a transaction can not stand at this place of this block; the value is what users see."""

    NONCE_TOO_LOW = "nonce too low"
    NONCE_TOO_HIGH = "nonce too high"
    INSUFFICIENT_FUNDS = "insufficient funds for gas * price + value + L1 fee + operator fee"
    FEE_CAP_TOO_LOW = "max fee per gas less than block base fee"
    TIP_ABOVE_FEE_CAP = "max priority fee per gas higher than max fee per gas"
    INTRINSIC_GAS = "gas limit below intrinsic or floor cost"
    GAS_LIMIT_ABOVE_BLOCK = "gas limit above the block's gas limit"
    SENDER_HAS_CODE = "sender is a contract"
    WRONG_CHAIN_ID = "wrong chain id"
    NONCE_AT_MAXIMUM = "nonce has its maximum value"
    INIT_CODE_TOO_LARGE = "init code above 49152 bytes"
    EMPTY_AUTHORIZATION_LIST = "set-code transaction without authorizations"
    UNSUPPORTED_TYPE = "transaction type not supported"
    NO_BLOBS = "blob transaction without blobs"
    UNKNOWN_BLOB_VERSION = "versioned hash of a blob has an unknown version"
    TOO_MANY_BLOBS = "more blobs than a block may hold"
    BLOB_FEE_CAP_TOO_LOW = "max fee per blob gas less than block blob base fee"

    @property
    def is_terminal(self) -> bool:
        """Whether no later block can make it valid without another transaction's help (a drop, not a wait)."""
        return self not in (
            InvalidReason.NONCE_TOO_HIGH,
            InvalidReason.INSUFFICIENT_FUNDS,
            InvalidReason.FEE_CAP_TOO_LOW,
            InvalidReason.GAS_LIMIT_ABOVE_BLOCK,
            InvalidReason.BLOB_FEE_CAP_TOO_LOW,
        )


class SystemCallFailed(BraidError):
    """A call of the protocol met no code, or did not end well: under EIP-7002 and EIP-7251 no such block is valid."""

    def __init__(self, contract: bytes, reason: str) -> None:
        super().__init__(f"system call to 0x{contract.hex()}: {reason}")
        self.contract = contract


@dataclass(frozen=True, slots=True)
class Included:
    """The transaction stands in the block at this place; gas in units of gas."""

    transaction: AnyTransaction
    receipt: Receipt
    gas_used: int


@dataclass(frozen=True, slots=True)
class Invalid:
    """The transaction can not stand here; nothing was changed by it."""

    transaction: AnyTransaction
    reason: InvalidReason


@dataclass(frozen=True, slots=True)
class Deferred:
    """No gas, or no blob gas, is left for it in this block: it waits for the next one."""

    transaction: AnyTransaction


Outcome: TypeAlias = Included | Invalid | Deferred


@dataclass(frozen=True, slots=True)
class SealedBlock:
    """A finished block with all that one commit writes."""

    block: Block
    receipts: tuple[Receipt, ...]
    changes: ChangeSet
    trie: TrieUpdate
    accesses: BlockAccesses | None = field(default=None, compare=False)
    """Who read and wrote what; None where the engine can not tell."""


@dataclass(frozen=True, slots=True)
class CallMessage:
    """A message call as `eth_call` has it; `to` None is a creation; gas prices of zero mean no fee is charged."""

    sender: bytes
    to: bytes | None
    gas_limit: int
    value: int = 0
    data: bytes = b""
    gas_price: int = 0
    access_list: tuple[tuple[bytes, tuple[int, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class AccountOverride:
    """State that a call pretends for one account; None leaves a part as it is."""

    account: Account | None = None
    code: bytes | None = None
    storage: Mapping[int, int] = field(default_factory=dict)


Overrides: TypeAlias = Mapping[bytes, AccountOverride]


@dataclass(frozen=True, slots=True)
class CallResult:
    """Outcome of a call: `output` is the return or revert data; `error` is None on success, else its short name."""

    output: bytes
    gas_used: int
    error: str | None

    @property
    def is_revert(self) -> bool:
        """Whether the call ended by REVERT (its output is the reason)."""
        return self.error == "execution reverted"


class OpenBlock(Protocol):
    """A block that grows by slices. Its state after the last slice is the pending view."""

    def apply(self, transactions: Sequence[AnyTransaction]) -> list[Outcome]:
        """Execute one slice in order; one outcome a transaction, in the same order."""
        ...

    def view(self) -> StateReader:
        """The state after the last slice, immutable: later slices do not change it."""
        ...

    def system_call(self, contract: bytes, data: bytes) -> bytes:
        """Call `contract` as the protocol does, after the slices so far; its output. Raises SystemCallFailed."""
        ...

    def credit(self, address: bytes, wei: int) -> None:
        """Add to a balance; a credit of nothing ends an empty account (EIP-161)."""
        ...

    def accesses(self) -> BlockAccesses:
        """
        What the transactions so far read and wrote, as docs/spec/execution.md defines it: the same for every engine.

        Cheap: nothing is converted until somebody looks inside. It stays as it is while the block goes on, and may be
        used from another thread and after the block has gone.
        """
        ...

    def seal(self, commitment: StateCommitment) -> SealedBlock:
        """Finish the block over its parent's trie."""
        ...

    def abandon(self) -> None:
        """Throw the block away; harmless after `seal`."""
        ...


class Engine(Protocol):
    """Turns ordered transactions into receipts and state changes; no I/O of its own."""

    def open_block(self, parent: Header, environment: BlockEnvironment, state: StateReader) -> OpenBlock:
        """Begin the block after `parent`, whose state is `state`."""
        ...

    def call(
        self, environment: BlockEnvironment, state: StateReader, message: CallMessage, overrides: Overrides
    ) -> CallResult:
        """Run one message without a trace in state."""
        ...

    def close(self) -> None:
        """Give back threads and processes."""
        ...
