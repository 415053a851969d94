"""
What an L1 transaction offers to pay: from the head's base fee and the node's tip, raised by a bump when it is stuck.

A pool replaces a transaction only when both the tip and the fee cap rise by at
least 10 %. Spec: EIP-1559; the bump is go-ethereum's rule.
"""

from dataclasses import dataclass

BUMP_NUMERATOR = 1125
BUMP_DENOMINATOR = 1000
"""12.5 % a step: above the 10 % that pools ask for, also after rounding."""

BASE_FEE_HEADROOM = 2
"""The cap covers a base fee that doubles, which takes six full blocks."""

MIN_PRIORITY_FEE_WEI = 1
"""A tip of 0 could never be bumped."""


@dataclass(frozen=True, slots=True)
class Fees:
    """Wei per gas."""

    priority_fee: int
    max_fee: int


def initial_fees(base_fee: int, suggested_priority_fee: int) -> Fees:
    """What a new transaction offers at that base fee."""
    tip = max(suggested_priority_fee, MIN_PRIORITY_FEE_WEI)
    return Fees(tip, BASE_FEE_HEADROOM * base_fee + tip)


def bump_fees(offered: Fees, current: Fees) -> Fees:
    """What replaces `offered`: a full bump of both parts, and not below what a new transaction would offer."""
    tip = max(_bumped(offered.priority_fee), current.priority_fee)
    cap = max(_bumped(offered.max_fee), current.max_fee)
    return Fees(tip, max(cap, tip))


def cap_fees(fees: Fees, limit: int) -> Fees:
    """`fees`, no part above `limit` wei per gas."""
    return Fees(min(fees.priority_fee, limit), min(fees.max_fee, limit))


def _bumped(value: int) -> int:
    return -(-value * BUMP_NUMERATOR // BUMP_DENOMINATOR)
