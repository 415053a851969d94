"""
A sequencer that is killed: real parts over a directory, users that never stop, and instants at which the process ends.

It runs in a forked child and says on a pipe what users were told: `A hash` when a transaction was acknowledged,
`P parent hash receipt` for each preconfirmed transaction of the block over `parent`, with the hash of its receipt.
"""

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from eth_hash.auto import keccak

from l1_bridge.deposits import DepositEvent
from l1_bridge.types import BlockId
from sequencer.chain.chain import Chain
from sequencer.chain.commit import HeadCache
from sequencer.chain.open_block import OpenBlockHandle
from sequencer.execution.interface import Outcome, SealedBlock
from sequencer.mempool.errors import AdmissionError
from sequencer.mempool.mempool import Mempool
from sequencer.mempool.segment_writer import SegmentWriter
from sequencer.primitives.block import AnyTransaction
from sequencer.state.store import Store
from tests.actions.agreement import L1_BLOCK_TIME, PORTAL, Agreement, agree
from tests.actions.nodes import ManualClock, Sequencer, Told
from tests.factories import ETHER, GWEI, RECIPIENT, address, make_transaction, private_key
from tests.fakes.chain_kills import EVERY_COMMIT
from tests.fakes.l1 import FakeL1

ROUNDS = 300
"""After so many a child ends by itself, and the test fails: its kill point was not reached."""

POINTS = (
    *(f"commit {point.value}" for point in EVERY_COMMIT),
    "journal before write",
    "journal half written",
    "journal written not synced",
    "journal synced",
    "slice before execution",
    "slice executed not recorded",
    "slice recorded not published",
    "slice published",
    "block sealed not imported",
    "block imported",
    "after lines",
)
"""The last is no point in the code: the parent kills after it has read so many lines."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Where a life ends: at the `hit`-th time that `point` is reached."""

    point: str
    hit: int
    seed: int


@cache
def past_l1() -> tuple[FakeL1, Agreement]:
    """An L1 with some history, the same in every life; nothing changes it."""
    l1 = FakeL1(block_time=L1_BLOCK_TIME)
    agreement = agree(l1)
    for number in range(40):
        if number % 3 == 0:
            l1.queue_deposit(PORTAL, DepositEvent(bytes(32), address(8), RECIPIENT, ETHER, 1, 100_000, b""))
        l1.act_mine()
    return l1, agreement


def make_sequencer(folder: Path, open_cache: Callable[[Store], HeadCache | None]) -> Sequencer:
    """The sequencer of that directory, not opened yet."""
    l1, agreement = past_l1()
    sequencer = Sequencer(agreement, l1, folder, ManualClock(agreement.genesis.timestamp))
    sequencer.open_cache = open_cache
    return sequencer


class Fault:
    """Counts how often each point is reached, and ends the process at the planned one."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._reached: Counter[str] = Counter()

    def is_due(self, point: str) -> bool:
        self._reached[point] += 1
        return point == self._plan.point and self._reached[point] == self._plan.hit

    def reach(self, point: str) -> None:
        """End here when it is planned: no handler, no buffer, no lock has a say in it."""
        if self.is_due(point):
            os.kill(os.getpid(), signal.SIGKILL)

    def install(self, sequencer: Sequencer) -> None:
        """Put the points into the parts, in this process alone."""
        sequencer.at_point = lambda point: self.reach(f"commit {point.value}")
        self._install_journal()
        self._install_slices()
        import_sealed = Chain.import_sealed

        def importing(chain: Chain, sealed: SealedBlock, derived_from: BlockId | None = None) -> object:
            self.reach("block sealed not imported")
            ref = import_sealed(chain, sealed, derived_from)
            self.reach("block imported")
            return ref

        setattr(Chain, "import_sealed", importing)  # noqa: B010

    def _install_journal(self) -> None:
        write, init = SegmentWriter.write, SegmentWriter.__init__

        def writing(writer: SegmentWriter, records: Sequence[bytes]) -> int:
            self.reach("journal before write")
            if self.is_due("journal half written"):
                setattr(os, "pwrite", _write_half_and_end)  # noqa: B010
            number = write(writer, records)
            self.reach("journal synced")
            return number

        def make(writer: SegmentWriter, *arguments: object, **named: object) -> None:
            def sync(descriptor: int) -> None:
                self.reach("journal written not synced")
                os.fdatasync(descriptor)

            init(writer, *arguments, **{**named, "sync": sync})  # type: ignore[arg-type]

        setattr(SegmentWriter, "write", writing)  # noqa: B010
        setattr(SegmentWriter, "__init__", make)  # noqa: B010

    def _install_slices(self) -> None:
        apply, record = OpenBlockHandle.apply, Mempool.record_slice

        def applying(handle: OpenBlockHandle, transactions: Sequence[AnyTransaction]) -> list[Outcome]:
            self.reach("slice before execution")
            outcomes = apply(handle, transactions)
            self.reach("slice executed not recorded")
            return outcomes

        async def recording(mempool: Mempool, **named: object) -> None:
            await record(mempool, **named)  # type: ignore[arg-type]
            self.reach("slice recorded not published")

        setattr(OpenBlockHandle, "apply", applying)  # noqa: B010
        setattr(Mempool, "record_slice", recording)  # noqa: B010


def _write_half_and_end(descriptor: int, data: bytes, offset: int) -> int:
    os.lseek(descriptor, offset, os.SEEK_SET)
    os.write(descriptor, bytes(data)[: len(data) // 2])
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


class Life:
    """One process: opens the directory, and goes on until it is killed."""

    def __init__(self, sequencer: Sequencer, plan: Plan, output: int) -> None:
        self._sequencer = sequencer
        self._chance = random.Random(plan.seed)
        self._fault = Fault(plan)
        self._output = output

    async def live(self) -> None:
        """Does not return before it is killed, unless the point is never reached."""
        self._fault.install(self._sequencer)
        self._sequencer.on_told = self._tell
        await self._sequencer.open()
        for _ in range(ROUNDS):
            async with asyncio.TaskGroup() as group:
                for account in self._chance.sample(range(6), self._chance.randrange(4)):
                    group.create_task(self._submit(account))
            await self._chance.choice((self._sequencer.act_weave, self._sequencer.act_build_block, self._open))()

    async def _open(self) -> None:
        await self._sequencer.act_open_block()
        await self._sequencer.act_weave()

    async def _submit(self, account: int) -> None:
        mempool = self._sequencer.mempool
        nonce = mempool.pending_nonce(address(account))
        if nonce and self._chance.random() < 0.2:
            nonce -= 1  # to take the place of the last one, if that still waits
        transaction = make_transaction(
            nonce=nonce,
            key=private_key(account),
            value=self._chance.randrange(1000),
            max_priority_fee_per_gas=self._chance.randrange(1, 50) * GWEI,
            max_fee_per_gas=self._chance.randrange(50, 500) * GWEI,
        )
        try:
            acknowledged = await mempool.submit(transaction.raw)
        except AdmissionError:
            return
        self._say(f"A {acknowledged.hex()}")

    def _tell(self, parent: bytes, told: Sequence[Told]) -> None:
        for transaction_hash, receipt in told:
            self._say(f"P {parent.hex()} {transaction_hash.hex()} {keccak(receipt.encode()).hex()}")
        if told:
            self._fault.reach("slice published")

    def _say(self, line: str) -> None:
        os.write(self._output, line.encode() + b"\n")
