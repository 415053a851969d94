"""
Which L1 block the next L2 block builds upon (specs, derivation.md, "L2 Chain Derivation" and "Sequencer drift").

The origin stays or advances by one; its time is never later than the block's. Once the block's time is more than the
drift past its origin's, the block must be empty, so a sequencer moves on to the next origin as soon as it may.
"""

from dataclasses import dataclass

from l1_bridge.errors import TemporaryError
from l1_bridge.rollup_config import MAX_SEQUENCER_DRIFT_SECONDS
from l1_bridge.types import BlockId, L1Header


class NextOriginUnknown(TemporaryError):
    """The drift is used up and L1 has shown no later block yet: whether to stay can not be decided."""

    def __init__(self, origin: BlockId, block_time: int) -> None:
        super().__init__(f"no L1 block after {origin.number} is known, and L2 time {block_time} is past its drift")
        self.origin = origin
        self.block_time = block_time


@dataclass(frozen=True, slots=True)
class OriginChoice:
    """The origin of the next block, and whether user transactions may stand in that block."""

    origin: L1Header
    allows_user_transactions: bool


def choose_origin(current: L1Header, following: L1Header | None, block_time: int) -> OriginChoice:
    """
    Choose the origin of the block at `block_time` (seconds).

    Parameters
    ----------
    current :
        The parent's origin.
    following :
        The L1 block after it, or None while it is unknown or not confirmed deeply enough.

    Raises NextOriginUnknown when the drift is over and `following` is None.
    """
    is_past_drift = block_time > current.timestamp + MAX_SEQUENCER_DRIFT_SECONDS
    if following is None:
        if is_past_drift:
            raise NextOriginUnknown(current.id, block_time)
        return OriginChoice(current, allows_user_transactions=True)
    if following.timestamp <= block_time:
        is_past_drift = block_time > following.timestamp + MAX_SEQUENCER_DRIFT_SECONDS
        return OriginChoice(following, allows_user_transactions=not is_past_drift)
    return OriginChoice(current, allows_user_transactions=not is_past_drift)
