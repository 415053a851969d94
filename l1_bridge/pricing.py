"""
What the transaction manager offers for a transaction now: the market at L1's head, urgency, and the operator's limits.

The blob base fee comes from the head's excess blob gas and L1's fork schedule, the
tip from the node (bounded: a node may err). Urgency, from 0 to 1, raises the tip up
to four times and shortens the wait before a bump; callers say how
urgent what they have is. The limits hold whatever the urgency is, and can be changed while running.
"""

from dataclasses import dataclass

from l1_bridge import metrics
from l1_bridge.fees import FeeLimits, Fees, Market, bump_fees, initial_fees
from l1_bridge.l1_chain_config import L1ChainConfig
from l1_bridge.sending import L1Account, TxManagerSettings
from l1_bridge.types import L1Header

MAX_URGENCY_PERCENT = 300
"""Added to the tip at the highest urgency."""

MAX_PATIENCE_SHARE_PERCENT = 75
"""Of the wait before a bump that falls away at the highest urgency."""


@dataclass(frozen=True, slots=True)
class Offer:
    """The market, and what a new transaction offers at it."""

    market: Market
    plain: Fees
    blob: Fees
    has_cell_proofs: bool
    """Whether nodes want the network form of Osaka."""
    max_blobs: int
    """Of one transaction, at the head's time."""

    def for_kind(self, *, has_blobs: bool) -> Fees:
        """With blobs or without."""
        return self.blob if has_blobs else self.plain


class FeePolicy:
    """See the module."""

    def __init__(self, l1: L1Account, settings: TxManagerSettings, chain: L1ChainConfig) -> None:
        self._l1 = l1
        self._settings = settings
        self._chain = chain
        self.limits = FeeLimits(settings.max_fee_limit, settings.max_blob_fee_limit)
        self._urgency_percent = 0

    @property
    def urgency(self) -> float:
        """From 0 to 1."""
        return self._urgency_percent / 100

    @urgency.setter
    def urgency(self, value: float) -> None:
        self._urgency_percent = round(100 * min(max(value, 0.0), 1.0))
        metrics.L1_URGENCY.set(self.urgency)

    async def offer(self, head: L1Header) -> Offer:
        """Read the tip, and price a new transaction at that head; raises `TemporaryError`."""
        suggested = min(await self._l1.priority_fee(), self._settings.max_suggested_tip)
        tip = suggested * (100 + MAX_URGENCY_PERCENT * self._urgency_percent // 100) // 100
        market = Market(head.base_fee, tip, self._chain.blob_base_fee(head))
        return Offer(
            market,
            self.limits.cap(initial_fees(market, has_blobs=False)),
            self.limits.cap(initial_fees(market, has_blobs=True)),
            self._chain.is_osaka_at(head.timestamp),
            self._chain.max_blobs_at(head.timestamp),
        )

    def bump(self, offered: Fees, offer: Offer, *, is_cancel: bool) -> Fees | None:
        """What replaces `offered`; None when the limits leave no room for it."""
        wanted = bump_fees(offered, offer.for_kind(has_blobs=offered.max_blob_fee > 0))
        limits = self.limits.doubled() if is_cancel else self.limits
        return wanted if limits.allow(wanted) else None

    def patience_blocks(self, *, has_blobs: bool) -> int:
        """L1 blocks that a transaction may wait before it is bumped."""
        settings = self._settings
        blocks = settings.resend_blobs_after_blocks if has_blobs else settings.resend_after_blocks
        share = 100 - MAX_PATIENCE_SHARE_PERCENT * self._urgency_percent // 100
        return max(blocks * share // 100, 1)

    def most_blobs(self) -> int:
        """Blobs that a transaction may carry at whatever time it is most; 0: L1 never has any."""
        return self._chain.most_blobs()
