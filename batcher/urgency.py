"""
How much more than usual a transaction to L1 may cost so that it is mined soon, from 0 to 1 (l1-transactions.md).

    batcher     the larger of: age of the oldest block that is not safe, size of what L1 does not hold yet
    proposer    how late the output is that comes next, in intervals

Each share is 0 up to a beginning, 1 from an end on, and a line between them. Pure; what urgency does is in
`l1_bridge.pricing`.
"""

from batcher.channel_manager import ChannelLimits

LATEST_START_SHARE = 0.25
"""Part of the sequencing window that a block may be old before anything costs more, however long its channels live."""

MOST_URGENT_SHARE = 0.75
"""The same, from which on everything is as urgent as can be."""

MOST_URGENT_INTERVALS = 4
"""
Intervals by which an output may be late until it is as urgent as can be. Up to one it is not: the head that is proposed
moves in steps, and no second output is due.
"""


def compute_age_urgency(age_l1_blocks: int, limits: ChannelLimits) -> float:
    """
    By the age of the oldest block that is not known to be safe.

    It begins when a block is older than a channel gets, from its opening until its frames are too far apart: then
    something did not go as it should. In a short sequencing window it begins earlier.
    """
    window = limits.sequencing_window_l1_blocks
    life_of_channel = limits.max_duration_l1_blocks + limits.channel_timeout_l1_blocks
    return _rise(age_l1_blocks, min(life_of_channel, LATEST_START_SHARE * window), MOST_URGENT_SHARE * window)


def compute_backlog_urgency(unposted_bytes: int, urgent_bytes: int, most_urgent_bytes: int) -> float:
    """By the bytes of transactions that L1 does not hold yet; they are what the node throttles by."""
    return _rise(unposted_bytes, urgent_bytes, most_urgent_bytes)


def compute_lateness_urgency(late_blocks: int, interval_blocks: int) -> float:
    """By the L2 blocks that could be proposed since the next output was due."""
    return _rise(late_blocks / max(interval_blocks, 1), 1, MOST_URGENT_INTERVALS)


def _rise(value: float, beginning: float, end: float) -> float:
    return min(max((value - beginning) / (end - beginning), 0.0), 1.0)
