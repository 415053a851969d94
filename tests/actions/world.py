"""
One process with a whole rollup in it: L1, sequencer, batcher, proposer, replica, users. No clock, no sleep.

A test is a story of acts, each a noun and what it does:

    await world.user.act_transfer(wei=1)
    await world.sequencer.act_build_block()
    await world.act_post()                     the batcher submits, L1 mines, both nodes derive

Everything is real but L1 (`FakeL1`: hash-linked, reorged by hand) and the transport between the processes.
"""

from dataclasses import dataclass
from pathlib import Path

from batcher.config import BatcherSettings
from tests.actions.agreement import L1_BLOCK_TIME, Agreement, agree
from tests.actions.inbox import Inbox
from tests.actions.nodes import ManualClock, Node, Sequencer
from tests.actions.posting import CALLDATA, Batcher, Proposer
from tests.actions.users import Users
from tests.fakes.l1 import FakeL1


@dataclass(slots=True)
class World:
    """See the module."""

    agreement: Agreement
    l1: FakeL1
    sequencer: Sequencer
    replica: Node
    batcher: Batcher
    proposer: Proposer
    user: Users
    inbox: Inbox

    @classmethod
    async def create(cls, folder: Path, posting: BatcherSettings = CALLDATA) -> "World":
        """A rollup at its genesis, every part running."""
        l1 = FakeL1(block_time=L1_BLOCK_TIME)
        agreement = agree(l1)
        clock = ManualClock(agreement.genesis.timestamp)
        sequencer = Sequencer(agreement, l1, folder / "sequencer", clock)
        replica = Node(agreement, l1, folder / "replica")
        for node in (sequencer, replica):
            node.folder.mkdir(parents=True, exist_ok=True)
            await node.open()
            await node.act_derive_all()
        return cls(
            agreement,
            l1,
            sequencer,
            replica,
            Batcher(l1, sequencer, posting),
            Proposer(l1, sequencer),
            Users(l1, sequencer),
            Inbox(l1, sequencer),
        )

    async def close(self) -> None:
        """End every part."""
        await self.sequencer.close()
        await self.replica.close()

    async def act_derive_all(self) -> None:
        """Both nodes read all of L1."""
        await self.sequencer.act_derive_all()
        await self.replica.act_derive_all()

    async def act_post(self) -> None:
        """The sequencer's blocks go to L1, and both nodes read them there."""
        await self.sequencer.act_derive_all()
        await self.batcher.act_submit_all()
        self.l1.act_mine()
        await self.act_derive_all()

    async def act_grow(self, rounds: int = 1, *, blocks: int = 3) -> None:
        """Rounds of one transfer, some blocks, and a batch."""
        for _ in range(rounds):
            await self.user.act_transfer()
            await self.sequencer.act_build_blocks(blocks)
            await self.act_post()

    async def act_settle(self) -> None:
        """Build, post and derive until everything that the sequencer has is safe."""
        for _ in range(12):
            await self.sequencer.act_build_block()
            await self.act_post()
            if self.sequencer.safe == self.sequencer.unsafe:
                return
        raise AssertionError(f"safe {self.sequencer.safe}, unsafe {self.sequencer.unsafe}")
