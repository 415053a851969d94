"""Law 1 for derivation: whatever happens to L1 and in whatever order things run, replica and sequencer agree."""

import asyncio
import random
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from l1_bridge.errors import ResetError, TemporaryError
from tests.unit.derivation.story import Node, Story, require_block

ACTIONS = (
    *("build", "build", "build", "post", "post", "overlap", "partial", "garbage", "mine", "mine", "mine_many"),
    *("reorg", "reorg_requeue", "finalize", "step_replica", "derive_replica", "derive_sequencer"),
    *("restart_replica", "restart_sequencer", "failing_replica"),
)


class Play:
    """Carries out actions by name; amounts come from a seeded source."""

    def __init__(self, story: Story, seed: int) -> None:
        self.story = story
        self.source = random.Random(seed)

    async def act(self, name: str) -> None:
        story, l1 = self.story, self.story.l1
        match name:
            case "build":
                if not l1.is_canonical(story.sequencer.chain.heads.unsafe.l1_origin):
                    await story.sequencer.derive()
                await story.build(self.source.randint(1, 4), transfers=self.source.randint(0, 2))
            case "post":
                self._post(0)
            case "overlap":
                self._post(2)
            case "partial":
                self._post(0, count=2)
            case "garbage":
                story.post_data(self.source.randbytes(60))
            case "mine":
                l1.act_mine()
            case "mine_many":
                l1.act_mine(self.source.randint(2, 6))
            case "reorg" | "reorg_requeue":
                self._reorg(requeue=name == "reorg_requeue")
            case "finalize":
                l1.act_finalize(max(l1._finalized, l1.head.number - 6))
            case "step_replica" | "failing_replica":
                await self._step(story.replica, is_failing=name == "failing_replica")
            case "derive_replica":
                await story.replica.derive()
            case "derive_sequencer":
                await story.sequencer.derive()
            case "restart_replica":
                story.replica = story.restart(story.replica, "replica")
            case _:
                story.sequencer = story.restart(story.sequencer, "sequencer")

    def _post(self, overlap: int, count: int = 1000) -> None:
        heads = self.story.sequencer.chain.heads
        first = max(heads.safe.number + 1 - overlap, 1)
        last = min(heads.unsafe.number, first + count - 1)
        if first <= last:
            self.story.post(first, last, frames=self.source.randint(1, 3))

    def _reorg(self, *, requeue: bool) -> None:
        l1 = self.story.l1
        depth = min(self.source.randint(1, 4), l1.head.number - l1._finalized)
        if depth > 0:
            l1.act_reorg(depth, requeue=requeue)
            l1.act_mine(self.source.randint(1, depth + 1))

    async def _step(self, node: Node, *, is_failing: bool) -> None:
        await node.tracker.step()
        for _ in range(self.source.randint(1, 12)):
            if is_failing:
                self.story.l1.fail_next(self.source.randint(0, 1))
            try:
                await node.service.step()
            except ResetError:
                await node.service.reset()
            except TemporaryError:
                pass
        self.story.l1.act_come_back()

    async def settle(self) -> None:
        """Everything that is built gets posted, mined and derived."""
        story = self.story
        story.l1.act_mine()
        await story.sequencer.derive()
        self._post(0)
        story.l1.act_mine(2)
        await story.sequencer.derive()
        await story.replica.derive()


async def play(folder: Path, actions: list[str], seed: int) -> None:
    story = Story(folder)
    try:
        performance = Play(story, seed)
        for name in actions:
            await performance.act(name)
        await performance.settle()
        sequencer, replica = story.sequencer.chain, story.replica.chain
        assert replica.heads.safe == sequencer.heads.safe
        for number in range(replica.heads.safe.number + 1):
            assert require_block(replica, number).hash == require_block(sequencer, number).hash
            assert replica.derived_from(number) == sequencer.derived_from(number)
        assert replica.output_root(replica.heads.safe.number) == sequencer.output_root(sequencer.heads.safe.number)
        fresh = story.open_node("fresh")
        await fresh.derive()
        assert fresh.chain.heads.safe == replica.heads.safe
    finally:
        story.close()


@settings(max_examples=20, deadline=None)
@given(actions=st.lists(st.sampled_from(ACTIONS), max_size=30), seed=st.integers(0, 2**32))
def test_replica_sequencer_and_a_node_that_starts_from_nothing_agree(actions: list[str], seed: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(play(Path(folder), actions, seed))
