"""
Hands the transactions of one account to a node's pool, and deals with what the pool says.

In nonce order, one kind (blob or plain) at a time, each version stored before it is
sent. What waits too long is bumped; what pays and still is not mined is cancelled, so
that its nonce holds up nothing behind it. What the fee limits hold back waits for the
market or for the operator.
"""

from typing import Protocol

import structlog

from l1_bridge import metrics
from l1_bridge.errors import L1Refused
from l1_bridge.fees import Fees
from l1_bridge.kzg import BLOB_BYTES, MalformedBlob
from l1_bridge.ledger import Entry, Ledger
from l1_bridge.pool_answer import TOO_MANY_BLOBS, PoolAnswer, classify_refusal, is_revert
from l1_bridge.pricing import FeePolicy, Offer
from l1_bridge.sending import L1Account, TxManagerSettings
from l1_bridge.sent_records import L1Request
from l1_bridge.types import L1Header
from l1_bridge.version_maker import CANCEL_GAS, VersionMaker

_log = structlog.get_logger(__name__)


class FailureReport(Protocol):
    """Tells the caller that a request will not have its effect."""

    def __call__(self, entry: Entry, reason: str) -> None:
        """`entry` is settled after this."""


class PoolSender:
    """See the module."""

    def __init__(
        self,
        l1: L1Account,
        ledger: Ledger,
        policy: FeePolicy,
        *,
        maker: VersionMaker,
        settings: TxManagerSettings,
        report_failure: FailureReport,
    ) -> None:
        self._l1 = l1
        self._ledger = ledger
        self._policy = policy
        self._maker = maker
        self._settings = settings
        self._report_failure = report_failure
        self._capped = 0
        self.is_paused = False
        self.last_refusal: str | None = None
        """Why the pool did not take a transaction the last time it did not; None: it took all since."""

    async def send_all(self, head: L1Header) -> None:
        """Bump, publish again, and start new ones; a refusal that concerns one transaction stops no other."""
        unmined = self._ledger.unmined()
        capped = 0
        if unmined or (self._ledger.queue and not self.is_paused):
            offer = await self._policy.offer(head)
            for entry in unmined:
                if entry.has_blobs is not unmined[0].has_blobs:
                    break
                if entry in self._ledger.sent:
                    self._note_turn(entry, head, offer, is_first=entry is unmined[0])
                    await self._advance(entry, head, offer)
                    capped += bool(entry.versions) and not entry.versions[-1].fees.covers(offer.market)
            while self._may_start():
                await self._start(head, offer)
        self._note_capped(capped)

    def fill(self, nonce: int, *, has_blobs: bool) -> None:
        """Use a nonce for nothing, so that those above it can go on."""
        metrics.L1_TRANSACTIONS.labels("filled").inc()
        _log.warning("l1_nonce_filled", nonce=nonce)
        blobs = (bytes(BLOB_BYTES),) if has_blobs else ()
        self._ledger.add_filler(L1Request(None, self._maker.address, b"", 0, CANCEL_GAS, blobs), nonce)

    def _may_start(self) -> bool:
        """Whether something waits that the pool would take beside what is in it."""
        unmined, queue = self._ledger.unmined(), self._ledger.queue
        is_free = bool(queue) and not self.is_paused and len(unmined) < self._settings.max_in_flight
        return is_free and all(entry.has_blobs is queue[0].has_blobs for entry in unmined)

    async def _start(self, head: L1Header, offer: Offer) -> None:
        """Give the first of the queue a nonce and send it, or settle it."""
        entry, nonce = self._ledger.queue[0], self._ledger.next_nonce
        if nonce is None:
            raise AssertionError("the nonce is read before anything is sent")
        if (count := len(entry.request.blobs)) > offer.max_blobs:
            self._give_up(entry, f"{TOO_MANY_BLOBS}: {count}, and L1 takes {offer.max_blobs} in a transaction")
            return
        gas_limit = await self._gas_limit(entry)
        if gas_limit is None:
            return
        fees = offer.for_kind(has_blobs=entry.has_blobs)
        try:
            version = await self._maker.make(entry, nonce, gas_limit, fees, has_cell_proofs=offer.has_cell_proofs)
        except MalformedBlob as reason:
            self._give_up(entry, str(reason))
            return
        self._ledger.add_version(entry, version, nonce, gas_limit)
        self._ledger.next_nonce = nonce + 1
        await self._publish(entry, head, offer)

    async def _gas_limit(self, entry: Entry) -> int | None:
        """Gas to offer; None when the transaction would revert, which is then reported."""
        request = entry.request
        if request.gas_limit is not None:
            return request.gas_limit
        try:
            estimate = await self._l1.estimate_gas(self._maker.address, request.to, request.data, request.value)
        except L1Refused as error:
            if not is_revert(error):
                self.last_refusal = error.message
                raise
            self._give_up(entry, str(error))
            return None
        return estimate * (100 + self._settings.gas_margin_percent) // 100

    def _give_up(self, entry: Entry, reason: str) -> None:
        self._report_failure(entry, reason)
        self._ledger.end(entry)

    def _note_turn(self, entry: Entry, head: L1Header, offer: Offer, *, is_first: bool) -> None:
        """One that pays enough and stands behind another of ours waits for that one: its own wait begins later."""
        if not is_first and entry.is_in_pool and entry.versions[-1].fees.covers(offer.market):
            entry.sent_at_block = entry.waiting_since_block = head.number

    async def _advance(self, entry: Entry, head: L1Header, offer: Offer) -> None:
        """Do for one that is in no block what is due."""
        if not entry.versions:
            await self._add_version(entry, offer.for_kind(has_blobs=entry.has_blobs), offer)
        elif entry.is_cancelling and not entry.versions[-1].is_cancel:
            await self._bump(entry, offer)
        elif entry.is_in_pool:
            if head.number - entry.sent_at_block < self._policy.patience_blocks(has_blobs=entry.has_blobs):
                return
            if self._is_stuck(entry, head, offer):
                _log.warning("l1_transaction_stuck", nonce=entry.nonce)
                entry.begin_cancel(f"not mined in {self._settings.cancel_after_blocks} L1 blocks, and cancelled")
            await self._bump(entry, offer)
        await self._publish(entry, head, offer)

    def _is_stuck(self, entry: Entry, head: L1Header, offer: Offer) -> bool:
        """It pays what is asked for, and is not mined all the same."""
        is_request = entry.request.request_id is not None and not entry.is_cancelling
        if not is_request or entry.waiting_since_block is None:
            return False
        is_old = head.number - entry.waiting_since_block >= self._settings.cancel_after_blocks
        return is_old and entry.versions[-1].fees.covers(offer.market)

    async def _bump(self, entry: Entry, offer: Offer) -> None:
        """Sign the same nonce with higher fees, unless the limits leave no room for a full bump."""
        entry.is_in_pool = False
        fees = self._policy.bump(entry.versions[-1].fees, offer, is_cancel=entry.is_cancelling)
        if fees is None:
            return
        await self._add_version(entry, fees, offer)
        metrics.L1_TRANSACTIONS.labels("resent").inc()
        _log.info("l1_transaction_bumped", nonce=entry.nonce, max_fee=fees.max_fee, tip=fees.priority_fee)

    async def _add_version(self, entry: Entry, fees: Fees, offer: Offer) -> None:
        gas_limit = entry.gas_limit or entry.request.gas_limit or CANCEL_GAS
        version = await self._maker.make(entry, entry.nonce, gas_limit, fees, has_cell_proofs=offer.has_cell_proofs)
        self._ledger.add_version(entry, version, entry.nonce, gas_limit)

    async def _publish(self, entry: Entry, head: L1Header, offer: Offer) -> None:
        """Hand the newest version to the node, and deal with what its pool says."""
        entry.sent_at_block = head.number
        encoded = await self._maker.network_form(entry, has_cell_proofs=offer.has_cell_proofs)
        try:
            await self._l1.send_raw_transaction(encoded)
        except L1Refused as error:
            await self._handle_refusal(entry, error.message, head, offer)
            return
        if entry.waiting_since_block is None:
            _log.debug("l1_transaction_sent", nonce=entry.nonce, hash="0x" + entry.versions[-1].signed.hash.hex())
        self._take(entry, head)
        self.last_refusal = None
        metrics.L1_TRANSACTIONS.labels("sent").inc()

    def _take(self, entry: Entry, head: L1Header) -> None:
        entry.is_in_pool = True
        entry.reserved_since_block = None
        entry.waiting_since_block = head.number if entry.waiting_since_block is None else entry.waiting_since_block

    async def _handle_refusal(self, entry: Entry, message: str, head: L1Header, offer: Offer) -> None:
        answer = classify_refusal(message)
        if answer is PoolAnswer.ALREADY_THERE:
            self._take(entry, head)
            return
        if message != self.last_refusal:
            level = _log.error if answer is PoolAnswer.UNFUNDED else _log.warning
            level("l1_transaction_refused", nonce=entry.nonce, reason=message)
        self.last_refusal = message
        if answer is PoolAnswer.UNDERPRICED:
            await self._bump(entry, offer)
        elif answer is PoolAnswer.OTHER_KIND:
            self._make_way(entry, head)
        elif answer is PoolAnswer.NEVER:
            self._refuse(entry, message)

    def _make_way(self, entry: Entry, head: L1Header) -> None:
        """
        The pool holds a transaction of the other kind that is not known here: cancel that one, after some patience.

        It has the lowest nonce that is free. What was meant for it, and was never
        taken by a pool, waits for other nonces.
        """
        since = entry.reserved_since_block
        if since is None or since > head.number:
            entry.reserved_since_block = head.number
            return
        unmined = self._ledger.unmined()
        is_untouched = all(waiting.waiting_since_block is None for waiting in unmined)
        if head.number - since < self._settings.nonce_patience_blocks or not is_untouched:
            return
        nonce = unmined[0].nonce
        requests = [waiting for waiting in unmined if waiting.request.request_id is not None]
        for filler in unmined:
            if filler.request.request_id is None:
                self._ledger.end(filler)
        self._ledger.return_to_queue(requests)
        self._ledger.next_nonce = nonce + 1
        self.fill(nonce, has_blobs=not entry.has_blobs)

    def _refuse(self, entry: Entry, reason: str) -> None:
        """No node takes it: report that, and give its nonce back or fill it, so that later ones are not stuck."""
        self._give_up(entry, reason)
        if self._ledger.next_nonce == entry.nonce + 1 and len(entry.versions) == 1:
            self._ledger.next_nonce = entry.nonce
            return
        self.fill(entry.nonce, has_blobs=entry.has_blobs)

    def _note_capped(self, capped: int) -> None:
        """Say when the limits begin or cease to hold transactions back."""
        if (capped > 0) is not (self._capped > 0):
            level = _log.warning if capped else _log.info
            level("l1_fees_above_limits" if capped else "l1_fees_within_limits", transactions=capped)
        self._capped = capped
        metrics.L1_CAPPED.set(capped)
