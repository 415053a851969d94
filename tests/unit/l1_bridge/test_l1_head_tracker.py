"""L1 heads: what counts as a reorg, and that finality does not go back."""

import hashlib

import pytest

from l1_bridge.errors import L1Unavailable
from l1_bridge.l1_heads import L1HeadTracker
from l1_bridge.types import L1Block, L1Header, L1Receipt, L1Tag


def _hash(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()


def _chain(*names: str) -> list[L1Header]:
    """A chain of headers with those names, from block 0 on."""
    parents = [bytes(32), *(_hash(name) for name in names)]
    return [L1Header(_hash(name), parents[at], at, at * 12, 1, bytes(32)) for at, name in enumerate(names)]


class _Source:
    """An L1 that is whatever the test says."""

    def __init__(self, headers: list[L1Header], safe: int | None = 0, finalized: int | None = 0) -> None:
        self.headers, self.safe, self.finalized = headers, safe, finalized
        self.is_away = False

    async def header_by_number(self, number: int) -> L1Header | None:
        return self.headers[number] if number < len(self.headers) else None

    async def header_by_tag(self, tag: L1Tag) -> L1Header | None:
        if self.is_away:
            raise L1Unavailable("eth_getBlockByNumber", "away")
        number = {"latest": len(self.headers) - 1, "safe": self.safe, "finalized": self.finalized}[tag]
        return None if number is None else self.headers[number]

    async def header_by_hash(self, hash: bytes) -> L1Header | None:
        return next((header for header in self.headers if header.hash == hash), None)

    async def block_by_hash(self, hash: bytes) -> L1Block | None:
        return None

    async def receipts_by_hash(self, hash: bytes) -> tuple[L1Receipt, ...] | None:
        return None


@pytest.mark.parametrize(
    ("before", "after", "reorgs"),
    [
        pytest.param("a", "a", 0, id="same block"),
        pytest.param("a b", "a b c", 0, id="child"),
        pytest.param("a b", "a b c d e", 0, id="several blocks at once"),
        pytest.param("a b", "a B", 1, id="another block at the same height"),
        pytest.param("a b", "a B C", 1, id="child of another block"),
        pytest.param("a b", "a B C D E", 1, id="longer chain without the block held"),
        pytest.param("a b c", "a b", 1, id="shorter chain"),
    ],
)
async def test_reorg_is_a_latest_block_that_does_not_extend_the_one_held(before: str, after: str, reorgs: int) -> None:
    source = _Source(_chain(*before.split()))
    tracker = L1HeadTracker(source)
    await tracker.step()
    source.headers = _chain(*after.split())

    await tracker.step()

    assert tracker.heads.reorgs == reorgs
    assert tracker.heads.latest == source.headers[-1]


async def test_heads_are_empty_before_the_first_step_and_where_l1_has_none() -> None:
    tracker = L1HeadTracker(_Source(_chain("a"), safe=None, finalized=None))
    assert tracker.heads.latest is None

    await tracker.step()

    assert tracker.heads.latest is not None
    assert (tracker.heads.safe, tracker.heads.finalized) == (None, None)


async def test_finalized_does_not_go_back() -> None:
    source = _Source(_chain("a", "b", "c"), finalized=2)
    tracker = L1HeadTracker(source)
    await tracker.step()

    for lower in (1, None):
        source.finalized = lower
        await tracker.step()
        assert tracker.heads.finalized == source.headers[2]


async def test_l1_that_is_away_leaves_the_heads_as_they_were() -> None:
    source = _Source(_chain("a", "b"))
    tracker = L1HeadTracker(source)
    await tracker.step()
    held = tracker.heads
    source.is_away = True

    with pytest.raises(L1Unavailable):
        await tracker.step()
    assert tracker.heads is held


async def test_after_a_reset_any_latest_block_is_accepted() -> None:
    source = _Source(_chain("a", "b"))
    tracker = L1HeadTracker(source)
    await tracker.step()
    source.headers = _chain("a", "B", "C")

    await tracker.reset()
    await tracker.step()

    assert tracker.heads.reorgs == 0
