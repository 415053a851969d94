"""
L1 transactions of one account, each followed until L1 has settled it.

    queued -> signed, stored -> sent -> mined -> confirmed (depth reached) -> watched -> forgotten
       ^                        ^  |      |          |
       |              fee bump  +--+      +----------+-> a reorg took it out: sent again, same nonce, same bytes
       +-- the nonce was used by somebody else          (or failed: reverted, cancelled, refused by every pool)

What will be sent is stored before it is sent (`sent_store`), so a process that is
killed at any instant goes on with the same nonces and bytes, and nothing is sent
twice. The nonce is read once and owned from then on: nobody else may send from the
account. Time is counted in L1 blocks. A pool holds blob transactions and plain ones
of one account never together: one kind is mined before the other is sent. Passive:
`step` does one round, whoever owns the manager calls it. See docs/spec/l1-transactions.md.
"""

from collections.abc import Sequence

import structlog

from l1_bridge import metrics
from l1_bridge.errors import L1Unavailable
from l1_bridge.fees import FeeLimits
from l1_bridge.funding import Runway
from l1_bridge.kzg import BLOB_BYTES
from l1_bridge.l1_chain_config import L1ChainConfig, prague_l1_chain
from l1_bridge.ledger import Entry, Ledger
from l1_bridge.pool_sender import PoolSender
from l1_bridge.pricing import FeePolicy
from l1_bridge.sending import (
    AlreadyPending,
    Confirmed,
    Failed,
    L1Account,
    Pending,
    QueueFull,
    RequestId,
    SenderStatus,
    TransactionSender,
    TxManagerSettings,
    UnsendableRequest,
)
from l1_bridge.sent_records import L1Request
from l1_bridge.sent_store import NoSentStore, SentStore
from l1_bridge.service import AGAIN, Wake
from l1_bridge.signer import Signer
from l1_bridge.types import L1Header
from l1_bridge.version_maker import VersionMaker
from l1_bridge.whereabouts import Whereabouts

__all__ = [
    "Confirmed",
    "Failed",
    "L1Account",
    "Pending",
    "QueueFull",
    "RequestId",
    "TransactionManager",
    "TransactionSender",
    "TxManagerSettings",
]

_log = structlog.get_logger(__name__)

NONCE_PATIENCE_ROUNDS = 3
"""Rounds in a row that nonces are used by nobody before they are filled: nodes lag for a moment."""


class TransactionManager:
    """See the module; implements `TransactionSender`."""

    def __init__(
        self,
        l1: L1Account,
        signer: Signer,
        settings: TxManagerSettings,
        *,
        store: SentStore | None = None,
        l1_chain: L1ChainConfig | None = None,
    ) -> None:
        """`store` None: nothing outlives the process; `l1_chain` None: Prague from genesis."""
        self._l1 = l1
        self._signer = signer
        self._settings = settings
        self._ledger = Ledger(store or NoSentStore())
        self._policy = FeePolicy(l1, settings, l1_chain or prague_l1_chain(settings.chain_id))
        self._pool = PoolSender(
            l1,
            self._ledger,
            self._policy,
            maker=VersionMaker(signer, settings.chain_id),
            settings=settings,
            report_failure=self._fail,
        )
        self._whereabouts = Whereabouts(l1)
        self._runway = Runway(signer.address, settings.warn_runway_hours)
        self._results: list[Confirmed | Failed] = []
        self._gap_rounds = 0

    @property
    def address(self) -> bytes:
        """The account that sends."""
        return self._signer.address

    @property
    def pending_count(self) -> int:
        """Transactions queued, or sent and not confirmed."""
        return len(self._ledger.queue) + sum(not entry.is_confirmed for entry in self._ledger.sent)

    @property
    def last_refusal(self) -> str | None:
        """Why the node's pool did not take a transaction the last time it did not; None: it took all since."""
        return self._pool.last_refusal

    @property
    def urgency(self) -> float:
        """From 0 to 1: raises the tip and shortens the wait before a bump; the limits hold."""
        return self._policy.urgency

    @urgency.setter
    def urgency(self, value: float) -> None:
        self._policy.urgency = value

    def submit(
        self,
        request_id: RequestId,
        to: bytes | None,
        data: bytes,
        value: int = 0,
        gas_limit: int | None = None,
        blobs: tuple[bytes, ...] = (),
    ) -> None:
        """
        Queue a transaction; `to` None creates a contract, `gas_limit` None estimates, blobs make it one of type 3.

        What is submitted between two steps is stored together: after a crash all of it is there, or nothing.

        Raises
        ------
        QueueFull
            As many as may wait are waiting.
        AlreadyPending
            The name belongs to a request that is not settled.
        UnsendableRequest
            More blobs than L1's schedule has at any time, one of a wrong size, or blobs without a recipient. More than
            at the head's time is a result, Failed.
        """
        if len(self._ledger.queue) >= self._settings.max_queued:
            raise QueueFull(self._settings.max_queued)
        if any(entry.request.request_id == request_id for entry in (*self._ledger.sent, *self._ledger.queue)):
            raise AlreadyPending(request_id)
        if blobs and (to is None or len(blobs) > self._policy.most_blobs()):
            raise UnsendableRequest(f"{len(blobs)} blobs; L1 takes {self._policy.most_blobs()}, to a recipient")
        if any(len(blob) != BLOB_BYTES for blob in blobs):
            raise UnsendableRequest(f"a blob has not {BLOB_BYTES} B")
        self._ledger.add(L1Request(request_id, to, data, value, gas_limit, blobs))

    def results(self) -> list[Confirmed | Failed]:
        """What became final since the last call, each once."""
        results, self._results = self._results, []
        return results

    def pending(self) -> Sequence[Pending]:
        """Every request that is not settled, in the order of submission, those from before a restart among them."""
        entries = sorted((*self._ledger.sent, *self._ledger.queue), key=lambda entry: entry.sequence)
        found = []
        for entry in entries:
            request, mined = entry.request, entry.mined
            if request.request_id is not None:
                block = None if mined is None else mined.block
                found.append(Pending(request.request_id, request.to, request.data, request.blobs, block))
        return found

    def pause(self) -> None:
        """Start no transaction that has no nonce yet; those that have one are followed to their end."""
        self._pool.is_paused = True

    def resume(self) -> None:
        """Start transactions again."""
        self._pool.is_paused = False

    def set_fee_limits(self, max_fee_limit: int, max_blob_fee_limit: int) -> None:
        """Change what is never exceeded, in wei per gas and per blob gas; holds from the next step."""
        self._policy.limits = FeeLimits(max_fee_limit, max_blob_fee_limit)

    def cancel(self, request_id: RequestId) -> bool:
        """
        Give a request up: at once when it has no nonce, else by a transaction of nothing that takes its place.

        Its result is Failed, or Confirmed when it is mined all the same. False: there is none of that name,
        or it is mined.
        """
        for entry in (*self._ledger.queue, *self._ledger.sent):
            if entry.request.request_id != request_id or entry.mined is not None:
                continue
            if entry.nonce >= 0:
                entry.begin_cancel("cancelled")
            else:
                self._fail(entry, "cancelled")
                self._ledger.end(entry)
            return True
        return False

    def status(self) -> SenderStatus:
        """What an operator may ask for."""
        confirmed = sum(entry.is_confirmed for entry in self._ledger.sent)
        return SenderStatus(
            address=self.address,
            next_nonce=self._ledger.next_nonce,
            queued=len(self._ledger.queue),
            in_flight=len(self._ledger.sent) - confirmed,
            watched=confirmed,
            is_paused=self._pool.is_paused,
            max_fee_limit=self._policy.limits.max_fee,
            max_blob_fee_limit=self._policy.limits.max_blob_fee,
            urgency=self._policy.urgency,
            balance_wei=self._runway.balance_wei,
            runway_hours=self._runway.hours,
            last_refusal=self._pool.last_refusal,
        )

    async def step(self) -> Wake:
        """
        Look where everything stands, send again what is stuck or fell out, send what is queued.

        Raises
        ------
        TemporaryError
            L1 or the signer is away, or the disk is full; call again later, nothing is lost.
        """
        self._ledger.store_new()
        head = await self._l1.header_by_tag("latest")
        if head is None:
            raise L1Unavailable("eth_getBlockByNumber", "no latest block")
        used = await self._l1.transaction_count(self.address)
        self._follow_nonce(used)
        await self._whereabouts.look(self._ledger.sent, head, used)
        for entry in list(self._ledger.sent):
            self._settle(entry, head)
        await self._pool.send_all(head)
        if self._runway.is_due(head.timestamp):
            self._runway.look(await self._l1.balance(self.address), head.timestamp)
        metrics.L1_IN_FLIGHT.set(self.pending_count - len(self._ledger.queue))
        metrics.L1_QUEUED.set(len(self._ledger.queue))
        return AGAIN if self._results else Wake(self._settings.poll_seconds)

    async def reset(self) -> None:
        """Forget everything, without a result; the nonce is read again, so leftovers get replaced."""
        self._ledger.clear()
        self._results.clear()

    def _follow_nonce(self, used: int) -> None:
        """
        Keep the owned nonce and L1's count together.

        They part when somebody else sends from the account, and when a reorg takes
        out what is no longer watched: then what is in flight waits behind a gap that
        has to be filled.
        """
        sent = self._ledger.sent
        if self._ledger.next_nonce is None:
            self._ledger.next_nonce = max(used, sent[-1].nonce + 1 if sent else 0)
        elif used > self._ledger.next_nonce:
            metrics.L1_TRANSACTIONS.labels("foreign").inc()
            _log.warning("l1_nonce_used_by_others", address="0x" + self.address.hex(), nonce=self._ledger.next_nonce)
            self._ledger.next_nonce = used
        elif not sent:
            self._ledger.next_nonce = used
        held = {entry.nonce for entry in sent}
        gaps = [nonce for nonce in range(used, self._ledger.next_nonce) if nonce not in held]
        self._gap_rounds = self._gap_rounds + 1 if gaps else 0
        if self._gap_rounds < NONCE_PATIENCE_ROUNDS:
            return
        self._gap_rounds = 0
        for nonce in gaps[: self._settings.max_in_flight]:
            self._pool.fill(nonce, has_blobs=False)

    def _settle(self, entry: Entry, head: L1Header) -> None:
        """Report what is deep enough, forget what is final, and let go of a nonce that is lost."""
        mined, settings = entry.mined, self._settings
        if mined is None:
            since = entry.missing_since_block
            if since is not None and head.number - since >= settings.nonce_patience_blocks:
                self._lose_nonce(entry)
            return
        depth = head.number - mined.block.number + 1
        if depth < settings.confirmations:
            return
        is_effective = mined.status == 1 and not entry.has_cancelled(mined.transaction_hash)
        if entry.reported != mined.block:
            self._report(entry, head, is_effective=is_effective)
        is_watched = is_effective and entry.request.request_id is not None
        if depth >= settings.watch_blocks or not is_watched:
            self._ledger.end(entry)

    def _report(self, entry: Entry, head: L1Header, *, is_effective: bool) -> None:
        mined, request_id = entry.mined, entry.request.request_id
        if mined is None:
            raise AssertionError("only what is mined is reported")
        entry.reported = mined.block
        self._runway.add_spent(mined.fee_wei, head.timestamp)
        is_cancelled = entry.has_cancelled(mined.transaction_hash)
        if is_cancelled:
            metrics.L1_TRANSACTIONS.labels("cancelled").inc()
        if not is_effective:
            reason = (entry.reason or "cancelled") if is_cancelled else "the transaction reverted"
            self._fail(entry, reason, mined.transaction_hash)
            return
        metrics.L1_TRANSACTIONS.labels("confirmed").inc()
        if request_id is not None:
            self._results.append(Confirmed(request_id, mined.block, mined.transaction_hash))

    def _lose_nonce(self, entry: Entry) -> None:
        """Somebody used the nonce: the request takes a fresh one."""
        metrics.L1_TRANSACTIONS.labels("foreign").inc()
        _log.warning("l1_nonce_used_by_others", address="0x" + self.address.hex(), nonce=entry.nonce)
        if entry.request.request_id is not None and not entry.is_cancelling:
            self._ledger.return_to_queue([entry])
            return
        self._fail(entry, entry.reason or "cancelled")
        self._ledger.end(entry)

    def _fail(self, entry: Entry, reason: str, transaction_hash: bytes | None = None) -> None:
        metrics.L1_TRANSACTIONS.labels("failed").inc()
        if entry.request.request_id is not None:
            self._results.append(Failed(entry.request.request_id, reason, transaction_hash))
