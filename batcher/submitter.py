"""
The batcher as a service: L2 blocks above the safe head become transactions to the batch inbox (batcher.md).

A step lets the sender work, settles what became of earlier transactions,
compares what is held with the node's heads, reads new blocks, and hands over
what is due. A new start waits until what was handed over before it stands on L1 and is
derived, and then begins at the safe head; so nothing is posted twice, and what
survives a restart is on L1, in the node and in the sender's store.
"""

import asyncio
from typing import Protocol

import structlog

from batcher.channel_manager import ChannelManager, L2Reorg
from batcher.channel_policy import DataChoice, PolicyChooser
from batcher.config import BatcherSettings
from batcher.l2_source import L2Source, L2SyncStatus
from batcher.metrics import BatcherMetrics
from batcher.round_trip import Payload
from batcher.urgency import compute_age_urgency, compute_backlog_urgency
from l1_bridge.errors import TemporaryError
from l1_bridge.fees import Market
from l1_bridge.pool_answer import is_blob_limit
from l1_bridge.service import AGAIN, Wake
from l1_bridge.tx_manager import Confirmed, RequestId, TransactionSender

_log = structlog.get_logger(__name__)


INBOX_GAS, INBOX_BLOB_GAS = 100_000, 10_000
"""
Most that the inbox contract takes for a transaction, and more for each blob. An estimate is asked for without the
blobs, and what holds neither data nor blobs the contract refuses.
"""


class MarketSource(Protocol):
    """L1's prices and limits."""

    @property
    def max_blobs(self) -> int:
        """Blobs that one transaction may carry at the head seen last."""
        ...

    async def market(self) -> Market:
        """At L1's head; raises `TemporaryError`."""
        ...


class BatchSubmitter:
    """Posts the blocks of one node to one inbox, through a sender that is its own to step."""

    def __init__(
        self,
        source: L2Source,
        sender: TransactionSender,
        manager: ChannelManager,
        *,
        chooser: PolicyChooser,
        market: MarketSource,
        inbox_address: bytes,
        settings: BatcherSettings,
        metrics: BatcherMetrics,
    ) -> None:
        self._source = source
        self._sender = sender
        self._manager = manager
        self.chooser = chooser
        self._market = market
        self._inbox_address = inbox_address
        self._settings = settings
        self._metrics = metrics
        self._is_started = False
        self._told_blob_limit = settings.blobs_per_transaction
        self.is_paused = False
        """Read blocks, but hand nothing over; what was handed over is followed to its end."""
        self.is_flush_wanted = False
        """With the next step everything that was read is handed over, whatever its age."""

    @property
    def held_blocks(self) -> int:
        """L2 blocks that are not known to be safe."""
        return self._manager.held_blocks

    async def step(self) -> Wake:
        """
        Do what can be done now.

        Raises
        ------
        TemporaryError
            The node or L1 is away; nothing is lost.
        CriticalError
            What would be posted is not what was built (law 8).
        """
        wake = await self._sender.step()
        self._settle()
        status = await self._source.sync_status()
        if not self._compare(status):
            return Wake(min(wake.after_seconds or self._settings.poll_seconds, self._settings.poll_seconds))
        has_more_blocks = await self._load(status)
        await self._look_at_prices(status)
        if not self.is_paused and await self._hand_over():
            wake = await self._sender.step()
        self._metrics.in_flight_transactions.set(self._manager.in_flight)
        self._metrics.held_blocks.set(self._manager.held_blocks)
        self._metrics.requeued_channels.set(self._manager.requeued_channels)
        return AGAIN if has_more_blocks else Wake(min(wake.after_seconds, self._settings.poll_seconds))

    async def reset(self) -> None:
        """Begin at the safe head with the next step."""
        self._is_started = False

    async def flush(self) -> None:
        """Hand over everything that was read, whatever its age; for an orderly stop. Raises as `step`."""
        self.is_flush_wanted = True
        if not self.is_paused and await self._hand_over():
            await self._sender.step()

    async def _look_at_prices(self, status: L2SyncStatus) -> None:
        """What the next channel and the next transaction go by: L1's prices, how long and how much waits."""
        if self.chooser.choice is not DataChoice.CALLDATA:
            try:
                self.chooser.market = await self._market.market()
                self.chooser.max_blobs = self._market.max_blobs
            except TemporaryError as reason:
                _log.warning("l1_prices_unknown", reason=str(reason))
            self._tell_blob_limit()
        oldest, settings, unposted_bytes = self._manager.oldest_origin, self._settings, self._manager.unposted_bytes
        age = 0 if oldest is None else status.head_l1.number - oldest
        self._sender.urgency = max(
            compute_age_urgency(age, self._manager.limits),
            compute_backlog_urgency(unposted_bytes, settings.urgent_backlog_bytes, settings.most_urgent_backlog_bytes),
        )
        self._metrics.unposted_bytes.set(unposted_bytes)

    def _tell_blob_limit(self) -> None:
        """One line in the log when L1 takes fewer blobs in a transaction than are asked for."""
        wanted, limit = self._settings.blobs_per_transaction, self.chooser.blobs_per_transaction
        if limit < wanted and limit != self._told_blob_limit:
            _log.warning("blobs_per_transaction_cut", wanted=wanted, l1_takes=limit)
        self._told_blob_limit = limit

    def _settle(self) -> None:
        for result in self._sender.results():
            request = _name(result.request_id)
            if isinstance(result, Confirmed):
                self._manager.confirmed(result.request_id, result.block)
                self._metrics.confirmed_transactions.inc()
                _log.info("batch_confirmed", request=request, l1_block=result.block.number)
            else:
                if is_blob_limit(result.reason) and (count := self._manager.blobs_of(result.request_id)):
                    self.chooser.pool_max_blobs = max(count - 1, 1)
                self._manager.failed(result.request_id)
                self._metrics.failed_transactions.inc()
                _log.warning("batch_failed", request=request, reason=result.reason)

    def _compare(self, status: L2SyncStatus) -> bool:
        """
        Bring the manager in line with the node's heads, by a restart when nothing less helps.

        False: a restart has to wait. It begins behind what L1 has, so first what was
        handed over before it (by an older process too) has to be mined and read by
        derivation; else the same blocks would be posted, and paid for, twice. When the
        sequencing window is near its end, paying twice is the lesser evil.
        """
        self._manager.l1_advanced(status.head_l1.number)
        reason = self._reason_to_restart(status)
        if reason is None:
            return True
        derived = status.current_l1.number
        is_unread = any(item.block is None or item.block.number >= derived for item in self._sender.pending())
        if is_unread and not self._manager.is_pressing(status.safe):
            self._is_started = False
            return False
        self._restart(status, reason)
        return True

    def _reason_to_restart(self, status: L2SyncStatus) -> str | None:
        tip = self._manager.tip
        if not self._is_started or tip is None:
            return "start"
        if status.unsafe.number < tip.number or (status.unsafe.number == tip.number and status.unsafe.hash != tip.hash):
            return "l2_reorg"
        if not self._manager.safe_head_advanced(status.safe, status.current_l1.number):
            return "safe_head"
        return None

    def _restart(self, status: L2SyncStatus, reason: str) -> None:
        self._manager.restart(status.safe)
        self._is_started = True
        self._metrics.restarts.labels(reason).inc()
        _log.warning("batcher_restarted", reason=reason, safe=status.safe.number, unsafe=status.unsafe.number)

    async def _load(self, status: L2SyncStatus) -> bool:
        """Read blocks up to the unsafe head; true when there are more than one step may read."""
        settings = self._settings
        for _ in range(settings.max_blocks_a_step):
            tip = self._manager.tip
            if tip is None or tip.number >= status.unsafe.number:
                return False
            if self._manager.held_blocks >= settings.max_held_blocks:
                return False
            block = await self._source.block(tip.number + 1)
            try:
                self._manager.add_block(block)
            except L2Reorg as reorg:
                _log.warning("l2_reorg", block=reorg.number, reason=str(reorg))
                self._restart(status, "l2_reorg")
                return False
            self._metrics.loaded_blocks.inc()
            self._metrics.tip_block_number.set(block.ref.number)
        return True

    async def _hand_over(self) -> bool:
        """
        Give due transactions to the sender, as many as may be in flight; true when there were some.

        A channel that is begun is given whole: the sender keeps through a restart what it has, and half a channel
        is worth nothing to anybody. Compression and the comparison run beside the event loop.
        """
        if self.is_flush_wanted:
            await asyncio.to_thread(self._manager.flush)
            self.is_flush_wanted = False
        has_submitted, is_within_channel = False, False
        while is_within_channel or self._manager.in_flight < self._settings.max_in_flight:
            data = await asyncio.to_thread(self._manager.next_transaction_data)
            if data is None:
                break
            payload, is_within_channel = data.payload, not data.is_last
            try:
                self._sender.submit(
                    data.request_id,
                    self._inbox_address,
                    payload.data,
                    gas_limit=_compute_blobs_gas(payload),
                    blobs=payload.blobs,
                )
            except TemporaryError:
                self._manager.returned(data.request_id)
                raise
            has_submitted = True
            self._metrics.submitted_transactions.inc()
            self._metrics.submitted_bytes.inc(payload.size_bytes)
            self._metrics.submitted_blobs.inc(len(payload.blobs))
            _log.info(
                "batch_submitted",
                request=_name(data.request_id),
                bytes=payload.size_bytes,
                blobs=len(payload.blobs),
            )
        if self._manager.last_channel_bytes is not None:
            self.chooser.expected_bytes = self._manager.last_channel_bytes
        return has_submitted


def _compute_blobs_gas(payload: Payload) -> int | None:
    """Gas limit of a transaction with blobs; None: it has none, and L1 may estimate."""
    return INBOX_GAS + INBOX_BLOB_GAS * len(payload.blobs) if payload.blobs else None


def _name(request_id: RequestId) -> str:
    return request_id.hex() if isinstance(request_id, bytes) else str(request_id)
