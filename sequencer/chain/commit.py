"""What stands around a commit: the cache that hears of it, and the instants at which a process may end."""

from enum import Enum
from typing import Protocol

from l1_bridge.types import BlockId
from sequencer.state.changes import ChangeSet

STATES_BELOW_FINALIZED = 7_200
"""
States are kept for so many blocks below the finalized head: four hours of blocks of two seconds. An output that was
posted stays provable meanwhile.
"""


class HeadCache(Protocol):
    """The hot tier in front of the store. It never raises: what it misses costs speed only."""

    def publish(self, parent: BlockId, block: BlockId, changes: ChangeSet) -> None:
        """The head moved from `parent` to its child `block`; every removed slot stands in `changes` as 0."""
        ...

    def restart(self, head: BlockId) -> None:
        """The head is `head`, by a way that is no single block: start again without values."""
        ...

    def resume(self, head: BlockId) -> None:
        """A writer begins at `head`: keep what is there if it belongs to that head, else restart."""
        ...


class CommitPoint(Enum):
    """Instants around a commit, for those who want to end the process exactly there."""

    BEFORE_COMMIT = "before_commit"
    WRITTEN_NOT_COMMITTED = "written_not_committed"
    COMMITTED_NOT_PUBLISHED = "committed_not_published"
    PUBLISHED = "published"
    SETTLED_NOT_COMMITTED = "settled_not_committed"
    """Pending blocks are spread over the tables; that is due after some blocks only."""
    SETTLED = "settled"


def pass_by(_: CommitPoint) -> None:
    """Nothing happens at a commit point."""


def oldest_kept(finalized: int) -> int:
    """Number of the oldest block whose state is kept, when `finalized` is the finalized head."""
    return max(finalized - STATES_BELOW_FINALIZED, 0)
