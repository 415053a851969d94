"""
Law 1 (with 4 and 6 beside it) for every history and interleaving that chance comes upon: acts at random, then a calm
end, after which both nodes must have the same chain and every acknowledged transaction its place.

A failing seed is printed; play it again with `Play(world, seed)`.
"""

import asyncio
import random
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from l1_bridge.errors import L1Unavailable
from l1_bridge.system_config import UPDATE_BATCHER, UPDATE_EIP1559, UPDATE_GAS_LIMIT, UPDATE_OPERATOR_FEE
from sequencer.mempool.errors import AdmissionError
from tests.actions.agreement import BATCHER, OTHER_BATCHER, SYSTEM_CONFIG
from tests.actions.laws import check_law_1, check_law_4
from tests.actions.world import World
from tests.factories import GWEI, RECIPIENT, address, make_transaction, private_key

STEPS = 60
QUICK_SEEDS = range(25)
MORE_SEEDS = range(1000, 1150)


class Play:
    """Acts at random; everything random comes from the seed."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.chance = random.Random(seed)
        self.batcher = BATCHER
        self.acts: dict[Callable[[], Awaitable[None]], int] = {
            self.transfer: 8,
            self.build: 6,
            self.sequence: 8,
            self.batch: 6,
            self.mine: 6,
            self.race: 8,
            self.derive_sequencer: 4,
            self.step_sequencer: 8,
            self.derive_replica: 2,
            self.step_replica: 6,
            self.propose: 1,
            self.reorg: 2,
            self.deposit: 2,
            self.update: 1,
            self.garbage: 1,
            self.rival_batch: 1,
            self.silence: 1,
            self.fail: 2,
            self.finalize: 1,
            self.restart: 2,
        }

    async def act(self, steps: int = STEPS) -> None:
        """That many acts."""
        names, weights = list(self.acts), list(self.acts.values())
        for act in self.chance.choices(names, weights, k=steps):
            await act()

    async def end(self) -> None:
        """L1 is well again, and everything that was held back happens."""
        world = self.world
        world.l1.act_come_back()
        if self.batcher != world.batcher.account:
            world.batcher.act_restart(self.batcher)
        world.l1.act_mine(2)
        await world.act_derive_all()
        for _ in range(3):
            await world.act_settle()

    async def transfer(self) -> None:
        try:
            await self.world.user.act_transfer(
                wei=self.chance.randrange(1, 100),
                account=self.chance.randrange(4),
                tip=self.chance.randrange(1, 9) * GWEI // 4,
            )
        except AdmissionError:
            return  # the sender has to be told, and was

    async def build(self) -> None:
        await self.world.sequencer.act_build_block()

    async def sequence(self) -> None:
        sequencer = self.world.sequencer
        sequencer.clock.advance_to(sequencer.heads.unsafe.timestamp + self.chance.choice((0.0, 0.5, 2.0)))
        await sequencer.act_step()

    async def race(self) -> None:
        """As `sequence`, with derivation and a user beside it."""
        sequencer = self.world.sequencer
        sequencer.clock.advance_to(sequencer.heads.unsafe.timestamp + self.chance.choice((0.0, 0.5, 2.0)))
        if self.chance.random() < 0.3:
            await sequencer.act_see_l1()
        await asyncio.gather(sequencer.act_race(), self.transfer())

    async def batch(self) -> None:
        await self.world.batcher.act_step()

    async def mine(self) -> None:
        self.world.l1.act_mine(self.chance.choice((1, 1, 1, 2, 3)))

    async def derive_sequencer(self) -> None:
        await self.world.sequencer.act_see_l1()
        for _ in range(40):
            await self.world.sequencer.act_derive_step()

    async def step_sequencer(self) -> None:
        if self.chance.random() < 0.3:
            await self.world.sequencer.act_see_l1()
        await self.world.sequencer.act_derive_step()

    async def derive_replica(self) -> None:
        await self.world.replica.act_see_l1()
        for _ in range(40):
            await self.world.replica.act_derive_step()

    async def step_replica(self) -> None:
        if self.chance.random() < 0.3:
            await self.world.replica.act_see_l1()
        await self.world.replica.act_derive_step()

    async def propose(self) -> None:
        await self.world.proposer.act_step()

    async def reorg(self) -> None:
        l1 = self.world.l1
        deepest = l1.head.number - l1._finalized - 1
        if deepest > 0:
            depth = self.chance.randint(1, min(deepest, self.chance.choice((1, 2, 6, 12))))
            l1.act_reorg(depth, requeue=self.chance.random() < 0.5)
            l1.act_mine(self.chance.randint(1, depth + 1))

    async def deposit(self) -> None:
        self.world.user.act_deposit(
            account=self.chance.randrange(5),
            to=self.chance.choice((RECIPIENT, None, address(1))),
            mint=self.chance.choice((0, 10**18)),
            value=self.chance.choice((0, 10**18, 10**30)),
            data=self.chance.choice((b"", bytes.fromhex("60006000fd"), b"\xfe")),
        )

    async def update(self) -> None:
        self.batcher = self.chance.choice((BATCHER, OTHER_BATCHER))
        kind, payload = self.chance.choice(
            (
                (UPDATE_GAS_LIMIT, self.chance.randrange(10**7, 5 * 10**7)),
                (UPDATE_EIP1559, (self.chance.randrange(10, 300) << 32) | self.chance.randrange(2, 9)),
                (UPDATE_OPERATOR_FEE, self.chance.randrange(10**15)),
                (UPDATE_BATCHER, int.from_bytes(address(self.batcher), "big")),
            )
        )
        if kind != UPDATE_BATCHER:
            self.batcher = self.world.batcher.account
        self.world.l1.queue_config_update(SYSTEM_CONFIG, kind, payload.to_bytes(32, "big"))

    async def garbage(self) -> None:
        self.world.inbox.act_post_data(b"\x00" + self.chance.randbytes(self.chance.randrange(80)))

    async def rival_batch(self) -> None:
        """Another block on the safe head, or on some other, by the batcher's key."""
        sequencer = self.world.sequencer
        if sequencer.unsafe > sequencer.safe:
            number = self.chance.randint(sequencer.safe + 1, sequencer.unsafe)
            account = sequencer.chain.head_state().account(address(8))
            theirs = make_transaction(key=private_key(8), nonce=0 if account is None else account.nonce)
            transactions = self.chance.choice(((), (theirs.raw,), (b"\x02bad",)))
            self.world.inbox.act_post_batches(replace(self.world.inbox.batch(number), transactions=transactions))

    async def silence(self) -> None:
        """L1 goes on without our transactions for a while."""
        held, self.world.l1._queue = self.world.l1._queue, []
        self.world.l1.act_mine(self.chance.choice((3, 6, 12)))
        self.world.l1._queue = held

    async def fail(self) -> None:
        self.world.l1.fail_next(self.chance.randint(1, 4), L1Unavailable("eth_getBlockByHash", "timed out"))

    async def finalize(self) -> None:
        l1 = self.world.l1
        l1.act_finalize(max(l1._finalized, l1.head.number - 12))

    async def restart(self) -> None:
        part = self.chance.randrange(4)
        if part == 0:
            await self.world.sequencer.act_restart()
        elif part == 1:
            await self.world.replica.act_restart()
        elif part == 2:
            self.world.batcher.act_restart()
        else:
            self.world.proposer.act_restart()
        check_law_4(self.world)


async def play(seed: int) -> World:
    """One random story to its end; returns its world, closed."""
    print(f"seed {seed}")
    with tempfile.TemporaryDirectory() as folder:
        world = await World.create(Path(folder))
        try:
            story = Play(world, seed)
            for _ in range(2):
                await story.act()
                await story.end()
                check_law_1(world)
                check_law_4(world)
        finally:
            await world.close()
    return world


@pytest.mark.parametrize("seed", QUICK_SEEDS)
async def test_any_story_ends_with_one_chain(seed: int) -> None:
    await play(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", MORE_SEEDS)
async def test_many_more_stories_end_with_one_chain(seed: int) -> None:
    await play(seed)
