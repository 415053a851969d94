"""
What an L1 transaction offers to pay, from the market at the head, and what replaces it when it is stuck.

    market (base fee, blob base fee, tip) -> initial fees -> bump -> bump ...   never above the limits

A pool replaces a transaction only when all its fees rise: by 10 % each, those of a
blob transaction by 100 %. A bump is computed from the transaction before it and then
raised to the market. Spec: EIP-1559, EIP-4844; the bumps are go-ethereum's rule.
"""

from dataclasses import dataclass

GWEI = 10**9

BUMP_NUMERATOR = 1125
BUMP_DENOMINATOR = 1000
"""12.5 % a step: above the 10 % that pools ask for, also after rounding."""

BLOB_BUMP_FACTOR = 2
"""Pools ask for 100 % on the tip, the cap and the blob cap of a blob transaction."""

BASE_FEE_HEADROOM = 2
"""The caps cover a base fee and a blob base fee that double, which takes six full blocks."""

MIN_PRIORITY_FEE_WEI = 1
"""A tip of 0 could never be bumped."""


@dataclass(frozen=True, slots=True)
class Market:
    """What L1 asks for now, in wei per gas."""

    base_fee: int
    priority_fee: int
    blob_base_fee: int = 1
    """Wei per blob gas."""


@dataclass(frozen=True, slots=True)
class Fees:
    """What a transaction offers, in wei per gas."""

    priority_fee: int
    max_fee: int
    max_blob_fee: int = 0
    """Wei per blob gas; 0: it has no blobs."""

    def covers(self, market: Market) -> bool:
        """Whether a block would take it now, tips aside."""
        has_blob_fee = self.max_blob_fee == 0 or self.max_blob_fee >= market.blob_base_fee
        return self.max_fee >= market.base_fee and has_blob_fee


@dataclass(frozen=True, slots=True)
class FeeLimits:
    """What is never exceeded, in wei per gas."""

    max_fee: int
    max_blob_fee: int

    def allow(self, fees: Fees) -> bool:
        """Whether no part is above its limit."""
        return fees.max_fee <= self.max_fee and fees.max_blob_fee <= self.max_blob_fee

    def cap(self, fees: Fees) -> Fees:
        """`fees`, no part above its limit."""
        return Fees(
            min(fees.priority_fee, self.max_fee),
            min(fees.max_fee, self.max_fee),
            min(fees.max_blob_fee, self.max_blob_fee),
        )

    def doubled(self) -> "FeeLimits":
        """For a cancellation, which costs 21,000 gas and must outbid what it cancels."""
        return FeeLimits(2 * self.max_fee, 2 * self.max_blob_fee)


def initial_fees(market: Market, *, has_blobs: bool) -> Fees:
    """What a new transaction offers at that market."""
    tip = max(market.priority_fee, MIN_PRIORITY_FEE_WEI)
    blob_fee = max(BASE_FEE_HEADROOM * market.blob_base_fee, 1) if has_blobs else 0
    return Fees(tip, BASE_FEE_HEADROOM * market.base_fee + tip, blob_fee)


def bump_fees(offered: Fees, current: Fees) -> Fees:
    """What replaces `offered`: a full bump of every part, and not below `current`, what a new one would offer."""
    has_blobs = offered.max_blob_fee > 0
    tip = max(_bumped(offered.priority_fee, has_blobs), current.priority_fee)
    cap = max(_bumped(offered.max_fee, has_blobs), current.max_fee)
    blob_fee = max(_bumped(offered.max_blob_fee, has_blobs), current.max_blob_fee) if has_blobs else 0
    return Fees(tip, max(cap, tip), blob_fee)


def _bumped(value: int, has_blobs: bool) -> int:
    if has_blobs:
        return value * BLOB_BUMP_FACTOR
    return -(-value * BUMP_NUMERATOR // BUMP_DENOMINATOR)
