"""
The three heads of L1 - latest, safe, finalized - and whether latest still extends what was held.

A reorg is a latest block whose ancestor at the held height is not the block
held. The finalized head never goes back: an L1 node that says so is behind or
confused, and what it says is left aside until it has caught up.
"""

from dataclasses import dataclass

from l1_bridge import metrics
from l1_bridge.service import Wake
from l1_bridge.types import L1Header, L1Source

DEFAULT_POLL_SECONDS = 2.0
"""A sixth of Ethereum's slot."""


@dataclass(frozen=True, slots=True)
class L1Heads:
    """An immutable view of L1's heads; None until the first read, and while L1 has no such block."""

    latest: L1Header | None = None
    safe: L1Header | None = None
    finalized: L1Header | None = None
    reorgs: int = 0
    """Reorgs of `latest` seen so far: a reader that holds an older count must look again at what it built upon."""


class L1HeadTracker:
    """Keeps `heads` up to date, one read of all three a step."""

    def __init__(self, source: L1Source, poll_seconds: float = DEFAULT_POLL_SECONDS) -> None:
        self._source = source
        self._poll_seconds = poll_seconds
        self._heads = L1Heads()

    @property
    def heads(self) -> L1Heads:
        """What L1 said at the last step that succeeded."""
        return self._heads

    async def step(self) -> Wake:
        """
        Read the heads once; finalized first, so that what is read later is not older.

        Raises
        ------
        TemporaryError
            L1 is away, slow, or lies; the heads are what they were.
        """
        finalized = await self._source.header_by_tag("finalized")
        safe = await self._source.header_by_tag("safe")
        latest = await self._source.header_by_tag("latest")
        held = self._heads
        reorged = latest is not None and held.latest is not None and not await self._extends(latest, held.latest)
        if finalized is None or (held.finalized is not None and finalized.number < held.finalized.number):
            finalized = held.finalized
        self._heads = L1Heads(
            latest=latest or held.latest, safe=safe, finalized=finalized, reorgs=held.reorgs + int(reorged)
        )
        self._publish(reorged)
        return Wake(self._poll_seconds)

    async def reset(self) -> None:
        """Forget latest and safe, so that the next step compares with nothing; finalized stays."""
        self._heads = L1Heads(finalized=self._heads.finalized, reorgs=self._heads.reorgs)

    async def _extends(self, latest: L1Header, held: L1Header) -> bool:
        """Whether `held` is `latest` or an ancestor of it."""
        if latest.number <= held.number:
            return latest.hash == held.hash
        if latest.number == held.number + 1:
            return latest.parent_hash == held.hash
        canonical = await self._source.header_by_number(held.number)
        return canonical is not None and canonical.hash == held.hash

    def _publish(self, reorged: bool) -> None:
        if reorged:
            metrics.L1_REORGS.inc()
        for tag, header in (
            ("latest", self._heads.latest),
            ("safe", self._heads.safe),
            ("finalized", self._heads.finalized),
        ):
            if header is not None:
                metrics.L1_HEAD.labels(tag).set(header.number)
