"""L1's final part, which can not change: a node that lacks it, is behind it, or has other blocks there."""

from dataclasses import replace

import pytest

from l1_bridge.errors import BraidError, L1Pruned
from l1_bridge.metrics import L1_FAILURES
from l1_bridge.types import BlockId, L1Receipt
from sequencer.derivation.epochs import L1BlockGone
from sequencer.derivation.starting_point import L1Behind, WrongL1Chain
from tests.fakes.l1 import FakeL1
from tests.unit.derivation.story import Node, Story

FINAL = 3
"""L2 blocks that are final, from L1 block 2."""


async def make_final(story: Story) -> Node:
    """The replica, with final blocks, and L1 a block further."""
    story.l1.act_mine()
    await story.build(FINAL)
    story.post(1, FINAL)
    story.l1.act_mine(2)
    story.l1.act_finalize(2)
    await story.replica.derive()
    assert story.replica.chain.heads.finalized.number == FINAL
    return story.replica


async def failure_of(node: Node) -> BraidError | None:
    """What derivation stumbles over; None when it reads all of L1."""
    await node.tracker.step()
    try:
        while (await node.service.step()).after_seconds == 0:
            pass
    except BraidError as failure:
        return failure
    return None


async def go_on(story: Story) -> None:
    """Another block, posted and derived."""
    number = (await story.build()).number
    story.post(number, number)
    story.l1.act_mine()
    await story.replica.derive()
    assert story.replica.chain.heads.safe.number == number


@pytest.mark.parametrize("has_headers", [True, False], ids=["with headers", "without"])
async def test_a_final_block_that_l1_pruned_is_waited_for(story: Story, has_headers: bool) -> None:
    story.l1.act_mine()
    await story.build(3)
    story.post(1, 3)
    story.l1.act_mine(4)
    story.l1.act_finalize(4)
    story.l1.act_prune(4)
    story.l1.has_pruned_headers = not has_headers
    before = L1_FAILURES.labels("pruned")._value.get()

    for _ in range(3):
        with pytest.raises(L1Pruned, match=r"does not have all of L1 block .*pruned.* with an L1 node that has"):
            await story.replica.derive()
    assert story.replica.chain.heads.safe.number == 0
    assert L1_FAILURES.labels("pruned")._value.get() == before + 3

    story.l1.act_prune(0)
    assert await story.replica.derive() == 0
    assert story.replica.chain.heads.safe.number == 3


async def test_a_pruned_header_is_not_taken_for_the_end_of_l1(story: Story) -> None:
    """A node that has read all there was, and then does not get the next header, is not idle."""
    replica = await make_final(story)
    story.l1.act_mine(4)
    story.l1.act_finalize()
    story.l1.act_prune(story.l1.head.number)
    story.l1.has_pruned_headers = True

    with pytest.raises(L1Pruned):
        await replica.derive()
    story.l1.act_prune(0)
    await go_on(story)


@pytest.mark.parametrize(("final", "verdict"), [(1, L1BlockGone), (2, L1Pruned)])
async def test_a_block_without_receipts_was_pruned_up_to_finality_and_reorged_above(
    story: Story, monkeypatch: pytest.MonkeyPatch, final: int, verdict: type[BraidError]
) -> None:
    story.l1.act_mine(3)
    story.l1.act_finalize(final)
    read = FakeL1.receipts_by_hash

    async def read_others(l1: FakeL1, hash: bytes) -> tuple[L1Receipt, ...] | None:
        return None if hash == l1.header(2).hash else await read(l1, hash)

    with monkeypatch.context() as patch:
        patch.setattr(FakeL1, "receipts_by_hash", read_others)
        assert type(await failure_of(story.replica)) is verdict
    await story.replica.derive()

    assert story.replica.service.current_l1 == story.l1.head


async def test_a_block_that_is_not_there_because_l1_has_another_one_was_reorged(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However final L1 calls it: a reorg while it is read, by a node that was on a fork."""
    story.l1.act_mine(2)
    story.l1.act_finalize(2)
    read, head = FakeL1.receipts_by_hash, story.l1.head

    async def change_its_mind(l1: FakeL1, hash: bytes) -> tuple[L1Receipt, ...] | None:
        if hash == head.hash and l1.head == head:
            l1.act_fall_behind(1)
            l1.act_mine()
        return await read(l1, hash)

    monkeypatch.setattr(FakeL1, "receipts_by_hash", change_its_mind)

    assert type(await failure_of(story.replica)) is L1BlockGone
    await story.replica.service.reset()
    await story.replica.derive()
    assert story.replica.service.current_l1 == story.l1.head


async def test_a_rollup_of_another_l1_chain_is_refused(story: Story) -> None:
    anchor = BlockId(0, bytes(32))
    story.rollup = replace(story.rollup, genesis=replace(story.rollup.genesis, l1=anchor))
    other = story.open_node("other")
    await other.tracker.step()

    with pytest.raises(WrongL1Chain) as caught:
        await other.service.step()

    assert (caught.value.expected, caught.value.found) == (anchor, story.l1.header(0).hash)


@pytest.mark.parametrize("is_restarted", [False, True], ids=["running", "restarted"])
async def test_an_l1_with_another_block_below_finality_is_refused(story: Story, is_restarted: bool) -> None:
    replica = await make_final(story)
    heads, final = replica.chain.heads, replica.chain.derived_from(FINAL)
    story.l1.act_fall_behind(2)
    story.l1.act_mine(3)
    if is_restarted:
        replica = story.restart(replica, "replica")

    with pytest.raises(WrongL1Chain) as caught:
        await replica.derive()

    assert (caught.value.expected, caught.value.found) == (final, story.l1.header(2).hash)
    assert replica.chain.heads == heads


async def test_an_l1_with_another_block_just_above_finality_is_followed(story: Story) -> None:
    """The neighbour."""
    replica = await make_final(story)
    story.l1.act_fall_behind(1)
    story.l1.act_mine(2)
    await replica.derive()

    assert replica.chain.heads.finalized.number == FINAL
    await go_on(story)


@pytest.mark.parametrize("is_restarted", [False, True], ids=["running", "restarted"])
async def test_an_l1_that_is_behind_what_is_final_is_waited_for(story: Story, is_restarted: bool) -> None:
    """Another node, which is still catching up: nothing is undone meanwhile."""
    replica = await make_final(story)
    heads = replica.chain.heads
    missing = story.l1.act_fall_behind(2)
    if is_restarted:
        replica = story.replica = story.restart(replica, "replica")

    for _ in range(3):
        with pytest.raises(L1Behind, match=r"the L1 node is behind: it has no block 2"):
            await replica.derive()
    assert replica.chain.heads == heads

    story.l1.act_catch_up(missing)
    assert await replica.derive() == 0
    assert replica.chain.heads == heads
    await go_on(story)
