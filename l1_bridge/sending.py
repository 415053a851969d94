"""
What the transaction manager and its callers say to each other, and what it needs of L1.

    submit(request) ... step, step ... -> Confirmed | Failed        pending(): what is still owed

The caller names each request. A name may come back from before a restart, with a
result or in `pending`: what was submitted is kept until L1 has settled it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from l1_bridge.errors import CriticalError, TemporaryError
from l1_bridge.fees import GWEI
from l1_bridge.l1_client import MinedTransaction
from l1_bridge.service import Wake
from l1_bridge.types import BlockId, L1Header, L1Tag

RequestId: TypeAlias = int | bytes
"""Chosen by the caller; comes back with the result."""


@dataclass(frozen=True, slots=True)
class TxManagerSettings:
    """How the manager sends; every value is local to this process. Ages are in L1 blocks."""

    chain_id: int
    confirmations: int = 1
    """The including block counted, until a transaction counts as confirmed."""
    watch_blocks: int = 0
    """How long a confirmed transaction is still watched, and sent again when a reorg takes it out."""
    resend_after_blocks: int = 4
    """How long a transaction may wait in the pool before its fees are bumped."""
    resend_blobs_after_blocks: int = 8
    """The same for one with blobs, whose bump doubles all fees."""
    cancel_after_blocks: int = 64
    """How long one that pays what L1 asks for may wait before its nonce is freed by a cancellation."""
    nonce_patience_blocks: int = 2
    """How long a used nonce may be without a receipt of ours before somebody else is held to have used it."""
    max_in_flight: int = 8
    """Transactions sent and not mined; a node's pool takes 16 a account for sure."""
    max_queued: int = 256
    max_fee_limit: int = 500 * GWEI
    """Wei per gas that is never exceeded."""
    max_blob_fee_limit: int = 500 * GWEI
    """Wei per blob gas that is never exceeded."""
    max_suggested_tip: int = 20 * GWEI
    """Wei per gas; a node that suggests more is not believed."""
    gas_margin_percent: int = 20
    """Added to an estimate: state may change until the transaction is mined."""
    warn_runway_hours: int = 24
    """Below so many hours of gas money there are warnings."""
    poll_seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class Confirmed:
    """
    The transaction succeeded and is deep enough.

    Comes again for the same request when a reorg took it out and it stands in another block now.
    """

    request_id: RequestId
    block: BlockId
    transaction_hash: bytes


@dataclass(frozen=True, slots=True)
class Failed:
    """It will not have its effect: it reverted or was cancelled (then it has a hash), or no node takes it."""

    request_id: RequestId
    reason: str
    transaction_hash: bytes | None = None


@dataclass(frozen=True, slots=True)
class Pending:
    """A request that L1 has not settled: queued, in flight, or mined and still watched."""

    request_id: RequestId
    to: bytes | None
    data: bytes
    blobs: tuple[bytes, ...]
    block: BlockId | None
    """Where it stands, as far as is known; None: nowhere yet."""


@dataclass(frozen=True, slots=True)
class SenderStatus:
    """What an operator may ask for."""

    address: bytes
    next_nonce: int | None
    """None: L1 was not asked yet."""
    queued: int
    in_flight: int
    """Sent and not confirmed."""
    watched: int
    """Confirmed and not final."""
    is_paused: bool
    max_fee_limit: int
    max_blob_fee_limit: int
    urgency: float
    balance_wei: int | None
    runway_hours: float | None
    """None: nothing was spent yet."""
    last_refusal: str | None


class QueueFull(TemporaryError):
    """More is waiting than may wait."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} L1 transactions are waiting already")
        self.limit = limit


class UnsendableRequest(CriticalError):
    """No L1 would take such a transaction: the caller has a bug, or disagrees about L1's blob limits."""


class AlreadyPending(CriticalError):
    """A request of that name is not settled yet, maybe from before a restart: see `pending`."""

    def __init__(self, request_id: RequestId) -> None:
        super().__init__(f"L1 transaction {request_id!r} was submitted before and is not settled")
        self.request_id = request_id


class TransactionSender(Protocol):
    """What the batcher and the proposer need of a transaction manager."""

    urgency: float
    """From 0 to 1: how much more than usual a transaction may cost so that it is mined soon."""

    def submit(
        self,
        request_id: RequestId,
        to: bytes,
        data: bytes,
        value: int = 0,
        gas_limit: int | None = None,
        blobs: tuple[bytes, ...] = (),
    ) -> None:
        """Queue a transaction; its result comes under `request_id`."""

    async def step(self) -> Wake:
        """Do one round of sending and looking."""

    def results(self) -> list[Confirmed | Failed]:
        """What became final since the last call, each once."""

    def pending(self) -> Sequence[Pending]:
        """Every request that is not settled, in the order of submission, those from before a restart among them."""


def find_unmined(sender: TransactionSender) -> Pending | None:
    """The first request on its way to L1 already: one from before a restart, or one that a reorg took out."""
    return next((item for item in sender.pending() if item.block is None), None)


class L1Account(Protocol):
    """What the manager needs of L1; `L1Client` is one."""

    async def header_by_tag(self, tag: L1Tag) -> L1Header | None:
        """The header that L1 names so now."""

    async def header_by_number(self, number: int) -> L1Header | None:
        """The canonical header at that height."""

    async def transaction_count(self, address: bytes, block: str = "latest") -> int:
        """The next nonce."""

    async def balance(self, address: bytes) -> int:
        """Wei of the account."""

    async def priority_fee(self) -> int:
        """The suggested tip."""

    async def estimate_gas(self, sender: bytes, to: bytes | None, data: bytes, value: int) -> int:
        """Gas needed now."""

    async def send_raw_transaction(self, encoded: bytes) -> None:
        """Hand over a signed transaction."""

    async def mined_transaction(self, hash: bytes) -> MinedTransaction | None:
        """Where it stands."""
