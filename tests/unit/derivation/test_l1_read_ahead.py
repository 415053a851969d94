"""Reading L1 ahead: while blocks are taken the next ones are read, and what goes wrong there is told in its turn."""

import asyncio

import pytest

from l1_bridge.errors import L1Unavailable
from sequencer.derivation.epochs import EpochReader
from sequencer.derivation.l1_read_ahead import BLOCKS_AT_ONCE, L1ReadAhead, L1Sources
from tests.unit.derivation.story import Story

L1_BLOCKS = 5 * BLOCKS_AT_ONCE


class Taking:
    """A reader that goes on from block to block."""

    def __init__(self, story: Story) -> None:
        self._story = story
        self._last, self._config = story.l1.header(0), story.rollup.genesis.system_config
        self.ahead = L1ReadAhead(L1Sources(story.l1, story.l1), EpochReader(story.l1, story.rollup), story.rollup)

    async def take(self) -> int | None:
        block = await self.ahead.next_block(self._last, self._config, self._story.l1.head.number)
        if block is None:
            return None
        self._last, self._config = block.header, block.config
        return block.header.number


async def let_others_run() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


def blocks_read(story: Story) -> int:
    return story.l1.reads["block_by_number"]


async def test_the_next_blocks_are_read_while_those_before_them_are_derived(story: Story) -> None:
    story.l1.act_mine(L1_BLOCKS)
    taking = Taking(story)

    assert await taking.take() == 1
    assert blocks_read(story) == BLOCKS_AT_ONCE
    await let_others_run()
    assert blocks_read(story) == 2 * BLOCKS_AT_ONCE


async def test_no_more_than_that_is_held(story: Story) -> None:
    story.l1.act_mine(L1_BLOCKS)
    taking = Taking(story)
    for number in range(1, BLOCKS_AT_ONCE + 1):
        assert await taking.take() == number
        await let_others_run()

    assert blocks_read(story) <= 3 * BLOCKS_AT_ONCE


async def test_every_block_comes_once_and_in_order(story: Story) -> None:
    story.l1.act_mine(L1_BLOCKS)
    taking = Taking(story)

    taken = [await taking.take() for _ in range(L1_BLOCKS + 1)]

    assert taken == [*range(1, L1_BLOCKS + 1), None]
    assert blocks_read(story) == L1_BLOCKS + 1  # one that is not there yet


async def test_a_failure_is_told_when_its_blocks_are_asked_for_and_made_good_then(story: Story) -> None:
    story.l1.act_mine(L1_BLOCKS)
    taking = Taking(story)
    await taking.take()
    story.l1.act_go_away()
    await let_others_run()
    held = [await taking.take() for _ in range(BLOCKS_AT_ONCE - 1)]

    with pytest.raises(L1Unavailable):
        await taking.take()
    story.l1.act_come_back()

    assert held == list(range(2, BLOCKS_AT_ONCE + 1))
    assert await taking.take() == BLOCKS_AT_ONCE + 1


async def test_closing_ends_what_is_being_read(story: Story) -> None:
    story.l1.act_mine(L1_BLOCKS)
    taking = Taking(story)
    await taking.take()
    story.l1.gate = asyncio.Event()

    taking.ahead.close()
    story.l1.gate.set()
    await let_others_run()

    assert blocks_read(story) == BLOCKS_AT_ONCE
