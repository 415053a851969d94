"""The watcher, step by step, between a chain that it derives, an oracle that others write to, and a sender."""

import pytest
from prometheus_client import CollectorRegistry

from batcher.config import WatcherSettings
from batcher.metrics import WatcherMetrics
from batcher.watcher import OUTPUTS_A_STEP, OutputWatcher, SourceContradictsItself, WrongOutput
from l1_bridge.bindings import DELETE_L2_OUTPUTS
from l1_bridge.proofs import Output
from l1_bridge.sending import Confirmed, Pending
from l1_bridge.types import BlockId
from tests.fakes.l2_source import FakeL2Source
from tests.fakes.transaction_sender import FakeTransactionSender

ORACLE = b"\x0a" * 20
INTERVAL, PERIOD = 10, 100
WRONG_ROOT = b"\xee" * 32


class FakeOracle:
    """Outputs that the test posts and deletes."""

    def __init__(self) -> None:
        self.outputs: list[Output] = []
        self.now = 1_000

    @property
    def address(self) -> bytes:
        return ORACLE

    async def output_count(self) -> int:
        return len(self.outputs)

    async def output(self, index: int) -> Output:
        return self.outputs[index]

    async def finalization_period(self) -> int:
        return PERIOD

    async def l1_timestamp(self) -> int:
        return self.now

    def post(self, root: bytes) -> None:
        index = len(self.outputs)
        self.now += 1
        self.outputs.append(Output(index, root, (index + 1) * INTERVAL, self.now))


class Heard:
    """An alarm that keeps what it is told."""

    def __init__(self) -> None:
        self.wrong: list[WrongOutput] = []

    async def sound(self, wrong: WrongOutput) -> None:
        self.wrong.append(wrong)


class World:
    """A watcher and what is around it; all blocks are derived."""

    def __init__(self, *, has_key: bool = False, blocks: int = 400) -> None:
        self.source, self.oracle, self.heard = FakeL2Source(), FakeOracle(), Heard()
        self.source.extend(blocks)
        self.source.safe = blocks
        self.sender = FakeTransactionSender()
        self.registry = CollectorRegistry()
        self.watcher = OutputWatcher(
            self.source,
            self.oracle,
            self.heard,
            challenger=self.sender if has_key else None,
            settings=WatcherSettings(poll_seconds=2.0),
            metrics=WatcherMetrics(self.registry),
        )

    async def post(self, count: int = 1) -> None:
        """Right outputs."""
        for _ in range(count):
            number = (len(self.oracle.outputs) + 1) * INTERVAL
            self.oracle.post((await self.source.output_at_block(number)).output_root)

    async def steps(self, count: int = 2) -> float:
        wake = 0.0
        for _ in range(count):
            wake = (await self.watcher.step()).after_seconds
        return wake

    def metric(self, name: str) -> float | None:
        return self.registry.get_sample_value(f"braid_watcher_{name}")


async def test_right_outputs_are_judged_in_bounded_steps() -> None:
    world = World()
    await world.post(OUTPUTS_A_STEP + 1)

    assert (await world.watcher.step()).after_seconds == 0
    assert world.watcher.next_index == OUTPUTS_A_STEP
    assert (await world.watcher.step()).after_seconds == 2.0

    assert world.watcher.next_index == OUTPUTS_A_STEP + 1
    assert (world.heard.wrong, world.watcher.wrong) == ([], ())
    assert world.metric("checked_outputs_total") == OUTPUTS_A_STEP + 1


async def test_wrong_output_is_told_once_after_a_second_look() -> None:
    world = World()
    await world.post()
    world.oracle.post(WRONG_ROOT)
    await world.post()

    await world.watcher.step()
    assert world.heard.wrong == []
    await world.steps(3)

    (wrong,) = world.heard.wrong
    assert wrong.posted == world.oracle.outputs[1]
    assert wrong.derived_root == (await world.source.output_at_block(20)).output_root
    assert world.watcher.next_index == 3
    assert world.metric("wrong_outputs_total") == world.metric("standing_wrong_outputs") == 1


async def test_an_output_that_is_right_at_the_second_look_is_no_alarm() -> None:
    """L1 and derivation were on two branches for a moment."""
    world = World()
    world.oracle.post(WRONG_ROOT)
    await world.watcher.step()
    world.oracle.outputs.clear()
    await world.post()

    await world.steps(2)

    assert world.heard.wrong == []
    assert world.watcher.next_index == 1


async def test_an_output_ahead_of_derivation_waits() -> None:
    world = World()
    world.source.safe = 9
    await world.post()
    await world.steps()
    assert world.watcher.next_index == 0

    world.source.safe = 10
    await world.steps(1)

    assert world.watcher.next_index == 1


async def test_the_challenger_deletes_from_the_lowest_wrong_output_on() -> None:
    world = World(has_key=True)
    await world.post(2)
    world.oracle.post(WRONG_ROOT)
    world.oracle.post(WRONG_ROOT)
    await world.steps(3)

    (submission,) = world.sender.submissions
    assert (submission.to, submission.data) == (ORACLE, DELETE_L2_OUTPUTS.encode(2))
    await world.steps(2)
    assert len(world.sender.submissions) == 1

    del world.oracle.outputs[2:]
    world.sender.confirm(0, BlockId(7, bytes(32)))
    await world.post()
    await world.steps(2)
    assert world.watcher.wrong == ()
    assert world.watcher.next_index == 3
    assert len(world.sender.submissions) == 1
    assert (world.metric("deletions_total"), world.metric("standing_wrong_outputs")) == (1, 0)


async def test_a_deletion_of_an_older_process_is_waited_for_and_its_name_not_given_again() -> None:
    world = World(has_key=True)
    await world.post()
    world.oracle.post(WRONG_ROOT)
    data = DELETE_L2_OUTPUTS.encode(1)
    world.sender.owed = [Pending(0, ORACLE, data, (), None)]
    await world.steps(4)
    assert world.sender.submissions == []

    world.sender.owed = [Pending(0, ORACLE, data, (), BlockId(7, bytes(32)))]
    world.sender.settle(Confirmed(0, BlockId(7, bytes(32)), bytes(32)))
    await world.steps(2)

    assert world.metric("deletions_total") == 1
    assert [item.request_id for item in world.sender.submissions] == [1]


async def test_the_result_of_another_deletion_ends_nothing() -> None:
    world = World(has_key=True)
    world.oracle.post(WRONG_ROOT)
    await world.steps(3)
    world.sender.settle(Confirmed(b"old", BlockId(7, bytes(32)), bytes(32)))
    await world.steps(2)

    assert world.metric("deletions_total") == 0
    assert len(world.sender.submissions) == 1


async def test_without_the_key_nothing_is_sent() -> None:
    world = World()
    world.oracle.post(WRONG_ROOT)

    await world.steps(4)

    assert len(world.watcher.wrong) == 1
    assert world.sender.submissions == []


async def test_the_same_wrong_output_posted_again_is_told_again() -> None:
    world = World()
    world.oracle.post(WRONG_ROOT)
    await world.steps(2)
    world.oracle.outputs.clear()
    world.oracle.post(WRONG_ROOT)

    await world.steps(2)

    assert [wrong.posted.l1_timestamp for wrong in world.heard.wrong] == [1_001, 1_002]


@pytest.mark.parametrize(("age", "deletions"), [(PERIOD - 1, 1), (PERIOD, 0)])
async def test_a_final_output_is_not_deleted_any_more(age: int, deletions: int) -> None:
    world = World(has_key=True)
    world.oracle.post(WRONG_ROOT)
    world.oracle.now += age

    await world.steps(3)

    assert len(world.sender.submissions) == deletions
    assert len(world.heard.wrong) == 1


async def test_a_deletion_that_fails_is_tried_again_after_longer_pauses() -> None:
    world = World(has_key=True)
    world.oracle.post(WRONG_ROOT)
    await world.steps(2)
    world.sender.fail(0)

    assert await world.steps(1) == 4.0
    assert await world.steps(1) == 4.0
    assert len(world.sender.submissions) == 2
    world.sender.fail(1)
    assert await world.steps(1) == 8.0


async def test_a_node_that_contradicts_itself_stops_the_watcher() -> None:
    world = World()
    await world.post()
    world.source.claimed_output = WRONG_ROOT

    with pytest.raises(SourceContradictsItself):
        await world.watcher.step()


async def test_after_a_reset_everything_is_judged_anew() -> None:
    world = World()
    await world.post(3)
    await world.steps()
    await world.watcher.reset()
    assert world.watcher.next_index == 0

    await world.steps()

    assert world.watcher.next_index == 3
