"""
The watcher as a service: every output root that stands on L1 is computed again from what L1 itself says.

    posted output -> its L2 block is derived -> same root: checked
                                             -> another root, twice in a row: alarm; deleted, with the challenger's key

It trusts its own derivation alone, never a sequencer. An output of a block that is not derived yet waits; with the end
of the sequencing window at the latest every node knows that block. Spec: proposals.md, withdrawals.md.
"""

from collections import deque
from dataclasses import dataclass
from typing import Protocol

import structlog

from batcher.config import WatcherSettings
from batcher.l2_source import L2SyncStatus, OutputSource
from batcher.metrics import WatcherMetrics
from l1_bridge.bindings import DELETE_L2_OUTPUTS
from l1_bridge.errors import CriticalError
from l1_bridge.output_root import compute_output_root
from l1_bridge.proofs import Output
from l1_bridge.sending import find_unmined
from l1_bridge.service import AGAIN, Wake
from l1_bridge.tx_manager import Confirmed, RequestId, TransactionSender

_log = structlog.get_logger(__name__)

OUTPUTS_A_STEP = 16
"""Outputs that one step judges, before others have their turn."""

REMEMBERED_OUTPUTS = 10_000
"""Checked ones that are kept, to see which of them a deletion or a reorg has taken away."""

MAX_BACKOFF_DOUBLINGS = 6
"""Deletions that fail cost gas, so the pause after them grows up to 64 times."""


class SourceContradictsItself(CriticalError):
    """The node that derives gives an output root that its own parts do not have."""

    def __init__(self, number: int) -> None:
        super().__init__(f"the output of L2 block {number} does not follow from the parts that came with it")
        self.number = number


class PostedOutputs(Protocol):
    """The oracle on L1. Every method raises `TemporaryError` when L1 is away."""

    @property
    def address(self) -> bytes:
        """Where deletions are sent to."""
        ...

    async def output_count(self) -> int:
        """How many stand there."""
        ...

    async def output(self, index: int) -> Output:
        """One of them."""
        ...

    async def finalization_period(self) -> int:
        """Seconds in which an output can be deleted."""
        ...

    async def l1_timestamp(self) -> int:
        """Unix seconds of the latest L1 block."""
        ...


@dataclass(frozen=True, slots=True)
class Deletion:
    """One that is on its way to L1."""

    request_id: RequestId
    index: int
    """Of the lowest output that it takes away."""


@dataclass(frozen=True, slots=True)
class WrongOutput:
    """A posted output, and the root that its block has by derivation."""

    posted: Output
    derived_root: bytes


class Alarm(Protocol):
    """Tells somebody, beyond log and metrics."""

    async def sound(self, wrong: WrongOutput) -> None:
        """Called once for each wrong output; does not raise and ends within bounded time."""
        ...


class OutputWatcher:
    """Watches one oracle; `challenger` is a sender with the challenger's key, its own to step, or None."""

    def __init__(
        self,
        source: OutputSource,
        oracle: PostedOutputs,
        alarm: Alarm,
        *,
        challenger: TransactionSender | None,
        settings: WatcherSettings,
        metrics: WatcherMetrics,
    ) -> None:
        self._source = source
        self._oracle = oracle
        self._alarm = alarm
        self._challenger = challenger
        self._settings = settings
        self._metrics = metrics
        self._checked: deque[Output] = deque(maxlen=REMEMBERED_OUTPUTS)
        self._next_index = 0
        self._suspect: WrongOutput | None = None
        """Found wrong once; L1 and derivation may have been on two branches for a moment, so it is looked at again."""
        self._wrong: dict[int, WrongOutput] = {}
        self._untold: deque[WrongOutput] = deque()
        """Their alarms are due; a deletion does not wait for them."""
        self._waits_for: int | None = None
        """Index of an output that is ahead of what L1 holds, once it was told."""
        self._deletions = 0
        self._deleting: Deletion | None = None
        self._failures = 0
        """Deletions that failed, in a row; each doubles the pause."""

    @property
    def next_index(self) -> int:
        """All outputs below it are judged."""
        return self._next_index

    @property
    def wrong(self) -> tuple[WrongOutput, ...]:
        """Wrong outputs that stand on L1, lowest first."""
        return tuple(self._wrong[index] for index in sorted(self._wrong))

    async def step(self) -> Wake:
        """
        Judge the next outputs; delete the lowest wrong one.

        Raises
        ------
        TemporaryError
            L1 or the node is away; nothing is lost.
        CriticalError
            The node contradicts itself.
        """
        count = await self._oracle.output_count()
        await self._follow_deletions(count)
        is_behind = await self._judge_up_to(count)
        self._metrics.standing_wrong_outputs.set(len(self._wrong))
        self._metrics.next_output_index.set(self._next_index)
        if self._challenger is not None:
            await self._challenge(self._challenger)
        while self._untold:
            await self._alarm.sound(self._untold.popleft())
        pause = self._settings.poll_seconds * 2 ** min(self._failures, MAX_BACKOFF_DOUBLINGS)
        return AGAIN if is_behind else Wake(pause)

    async def reset(self) -> None:
        """Judge everything anew; what is wrong is found and told again."""
        self._checked.clear()
        self._wrong.clear()
        self._next_index, self._suspect, self._deleting = 0, None, None

    async def _follow_deletions(self, count: int) -> None:
        """Forget what no longer stands on L1 as it was judged; deletions and reorgs take from the end."""
        while self._next_index > 0:
            if not self._checked:
                self._next_index = min(self._next_index, count)
                break
            last = self._checked[-1]
            if last.index < count and await self._oracle.output(last.index) == last:
                break
            self._checked.pop()
            self._next_index = last.index
            self._suspect = None
            if self._wrong.pop(last.index, None) is not None:
                _log.info("wrong_output_gone", index=last.index)

    async def _judge_up_to(self, count: int) -> bool:
        """Judge a bounded number of outputs; whether more can be judged at once."""
        for _ in range(OUTPUTS_A_STEP):
            if self._next_index >= count:
                return False
            output = await self._oracle.output(self._next_index)
            status = await self._source.sync_status()
            if status.safe.number < output.l2_block_number:
                self._note_ahead(output, status)
                return False
            verdict = await self._judge(output)
            if verdict is not None and verdict != self._suspect:
                self._suspect = verdict
                return False
            if verdict is not None:
                self._tell(verdict)
            self._suspect = None
            self._metrics.checked_outputs.inc()
            self._checked.append(output)
            self._next_index = output.index + 1
        return self._next_index < count

    async def _judge(self, output: Output) -> WrongOutput | None:
        """None when the output is right."""
        number = output.l2_block_number
        derived = await self._source.output_at_block(number)
        root = compute_output_root(derived.state_root, derived.message_passer_storage_root, derived.block.hash)
        if root != derived.output_root or derived.block.number != number:
            raise SourceContradictsItself(number)
        return None if root == output.output_root else WrongOutput(output, root)

    def _tell(self, wrong: WrongOutput) -> None:
        posted = wrong.posted
        self._wrong[posted.index] = wrong
        self._metrics.wrong_outputs.inc()
        _log.error(
            "wrong_output",
            index=posted.index,
            block=posted.l2_block_number,
            posted="0x" + posted.output_root.hex(),
            derived="0x" + wrong.derived_root.hex(),
            l1_timestamp=posted.l1_timestamp,
        )
        self._untold.append(wrong)

    def _note_ahead(self, output: Output, status: L2SyncStatus) -> None:
        """Say once that an output has no block, when all of L1 is read."""
        if status.current_l1.number < status.head_l1.number or self._waits_for == output.index:
            return
        self._waits_for = output.index
        _log.warning("output_ahead_of_l1", index=output.index, block=output.l2_block_number, derived=status.safe.number)

    async def _challenge(self, challenger: TransactionSender) -> None:
        await challenger.step()
        for result in challenger.results():
            if self._deleting is None or result.request_id != self._deleting.request_id:
                continue
            if isinstance(result, Confirmed):
                self._failures = 0
                self._metrics.deletions.inc()
                _log.info("wrong_output_deleted", index=self._deleting.index, l1_block=result.block.number)
            else:
                self._failures += 1
                _log.error("deletion_failed", index=self._deleting.index, reason=result.reason)
            self._deleting = None
            return  # what stands now is read first
        if self._deleting is None:
            self._deleting = _find_deletion(challenger)
        if self._wrong and self._deleting is None:
            await self._delete(challenger, self._wrong[min(self._wrong)].posted)

    async def _delete(self, challenger: TransactionSender, posted: Output) -> None:
        """Everything from the lowest wrong output on; what was right above it is posted again."""
        age = await self._oracle.l1_timestamp() - posted.l1_timestamp
        if age >= await self._oracle.finalization_period():
            self._failures += 1
            _log.error("wrong_output_is_final", index=posted.index, age_seconds=age)
            return
        name = self._make_name(challenger)
        challenger.submit(name, self._oracle.address, DELETE_L2_OUTPUTS.encode(posted.index))
        self._deleting = Deletion(name, posted.index)
        _log.warning("deletion_submitted", index=posted.index)
        await challenger.step()

    def _make_name(self, challenger: TransactionSender) -> int:
        """One that no deletion has that is not settled, of an older process neither."""
        taken = {item.request_id for item in challenger.pending()}
        while self._deletions in taken:
            self._deletions += 1
        self._deletions += 1
        return self._deletions - 1


def _find_deletion(challenger: TransactionSender) -> Deletion | None:
    """One that is on its way to L1 already."""
    found = find_unmined(challenger)
    if found is None:
        return None
    _log.info("deletion_awaited", request=str(found.request_id))
    return Deletion(found.request_id, int.from_bytes(found.data[4:36], "big"))
