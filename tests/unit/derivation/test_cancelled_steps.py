"""A step that is cancelled, wherever it waits, leaves a service that goes on."""

import asyncio
import contextlib
import threading
from collections.abc import Sequence

import pytest

from batcher.l2_source import L2BlockRef
from sequencer.chain.chain import Chain, InvalidPayload
from sequencer.execution.interface import SealedBlock
from sequencer.primitives.attributes import PayloadAttributes
from sequencer.primitives.recovery import Decoding
from tests.unit.derivation.story import Story


async def let_others_run() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def cancel(task: "asyncio.Task[object]") -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_a_block_that_was_being_executed_is_finished_and_not_executed_twice(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    story.l1.act_mine()
    await story.build(3)
    story.post(1, 3)
    story.l1.act_mine()
    await story.replica.tracker.step()
    entered, released, executed = threading.Event(), threading.Event(), []
    execute = Chain.execute_payload

    def wait_and_execute(
        chain: Chain, parent: L2BlockRef, attributes: PayloadAttributes, decoded: Sequence[Decoding] | None
    ) -> SealedBlock | InvalidPayload:
        executed.append(parent.number + 1)
        entered.set()
        assert released.wait(10)
        return execute(chain, parent, attributes, decoded)

    monkeypatch.setattr(Chain, "execute_payload", wait_and_execute)

    async def run() -> object:
        while not entered.is_set():
            await story.replica.service.step()
        return None

    task = asyncio.create_task(run())
    await asyncio.to_thread(entered.wait, 10)
    await cancel(task)
    released.set()
    await story.replica.derive()

    assert executed == [1, 2, 3]
    assert story.replica.chain.heads.safe == story.sequencer.chain.heads.unsafe


async def test_a_read_of_a_slow_l1_may_be_cancelled_and_made_again(story: Story) -> None:
    story.l1.act_mine()
    await story.build(3)
    story.post(1, 3)
    story.l1.act_mine()
    await story.replica.tracker.step()
    story.l1.gate = asyncio.Event()
    for _ in range(30):
        task: asyncio.Task[object] = asyncio.create_task(story.replica.service.step())
        await let_others_run()
        await cancel(task)
        story.l1.gate.set()
        await story.replica.service.step()
        story.l1.gate.clear()
    story.l1.gate = None
    await story.replica.derive()

    assert story.replica.chain.heads.safe == story.sequencer.chain.heads.unsafe
