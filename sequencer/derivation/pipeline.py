"""
The pipeline: L1 blocks in, attributes of one L2 block after the other out (derivation.md, "L2 Chain Derivation").

Pulled from its end, a bounded piece of work a call: at most one L1 block is opened, at most a few hundred batches
are judged. Everything it holds follows from the L1 blocks since its base, so it can be thrown away at any time and
started again from a safe head.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from batcher.codec.batch import SingularBatch
from batcher.codec.span_batch import SpanParameters
from batcher.l2_source import L2BlockRef
from l1_bridge.l1_chain_config import L1ChainConfig
from l1_bridge.rollup_config import RollupConfig
from l1_bridge.system_config import SystemConfig
from l1_bridge.types import BlockId, L1Header
from sequencer.primitives.block import Block
from sequencer.primitives.recovery import Decoding

from .attributes import AttributesDeriver, DerivedAttributes
from .batch_queue import BatchQueue
from .channel_assembly import ChannelStage
from .channel_reader import ChannelReader, Starved
from .channels_ahead import ChannelsAhead
from .epochs import EpochReader
from .frame_queue import FrameQueue
from .l1_read_ahead import L1Sources
from .l1_traversal import L1Traversal
from .span_rules import ReadRef

BATCHES_PER_CALL = 256
"""Batches that one call reads and throws away at most, before others have their turn."""


class Progress(Enum):
    """What a call did when it gives no attributes."""

    WORKED = "worked"
    """There may be more at once."""
    WAITING = "waiting"
    """All of L1 is read."""


@dataclass(frozen=True, slots=True)
class PipelineStart:
    """Where a pipeline begins; `starting_point` finds it."""

    base: L1Header
    """First L1 block that is read."""
    config: SystemConfig
    """In force at `base`."""
    head: L2BlockRef
    """L2 block after which the first attributes come."""
    resume_at: BlockId | None = None
    """L1 block whose batches are judged first; those before it are read for what their channels still need. None: all
    are judged."""


class DerivationPipeline:
    """All stages from L1 to attributes."""

    def __init__(
        self, l1: L1Sources, rollup: RollupConfig, l1_config: L1ChainConfig, start: PipelineStart, read_ref: ReadRef
    ) -> None:
        """`read_ref` gives blocks of the chain up to the head that attributes are asked for."""
        epochs = EpochReader(l1.blocks, rollup)
        self._traversal = L1Traversal(l1, epochs, rollup, start.base, start.config)
        self._frames = FrameQueue()
        parameters = SpanParameters.from_rollup(rollup)
        self._ahead = ChannelsAhead(parameters)
        reader = ChannelReader(ChannelStage(self._frames), self._ahead, parameters)
        resume_at = 0 if start.resume_at is None else start.resume_at.number
        self._batches = BatchQueue(rollup, reader, read_ref, start.base, resume_at)
        self._deriver = AttributesDeriver(rollup, l1_config, epochs)
        self._accepted: SingularBatch | None = None
        """Accepted, and not yet attributes because L1 did not answer."""

    @property
    def origin(self) -> L1Header:
        """The L1 block that is being read; all before it are fully read."""
        return self._traversal.origin

    async def next_attributes(
        self, head: L2BlockRef, read_block: Callable[[], Block], l1_head_number: int
    ) -> DerivedAttributes | Progress:
        """
        Attributes of the block after `head`, or how far the call came.

        Parameters
        ----------
        read_block :
            Gives the block of `head`; called only when there is a batch for its child.
        l1_head_number :
            Newest L1 block known; 0 when unknown.

        Raises
        ------
        TemporaryError
            L1 is away, slow, or lies; call again.
        ResetError
            L1 was reorged; start a new pipeline.
        CriticalError
            L1 says what the protocol can not express.
        """
        batch = self._accepted or await self._next_batch(head)
        if batch is Starved.DRAINED:
            advanced = await self._traversal.advance(l1_head_number)
            self._ahead.offer(self._traversal.take_news())
            return Progress.WORKED if advanced else Progress.WAITING
        if isinstance(batch, Starved):
            return Progress.WORKED
        self._accepted = batch
        attributes = await self._deriver.derive(batch, head, read_block())
        self._accepted = None
        return DerivedAttributes(attributes, head, self.origin.id)

    @property
    def next_transactions(self) -> tuple[bytes, ...]:
        """User transactions of the block after the last attributes, when they are known."""
        return self._batches.next_transactions

    def recovered(self, raws: Sequence[bytes]) -> list[Decoding] | None:
        """What a block's transactions were decoded to with their channel; None when they were not."""
        return self._batches.recovered(raws)

    def close(self) -> None:
        """End what is being read ahead; nothing may be asked any more."""
        self._traversal.close()

    def flush_channel(self) -> None:
        """The payload of the last attributes was invalid: the rest of its channel goes."""
        self._batches.flush_channel()

    async def _next_batch(self, head: L2BlockRef) -> SingularBatch | Starved:
        self._frames.load(await self._traversal.read_data())
        for _ in range(BATCHES_PER_CALL):
            batch = await self._batches.next_batch(head, self.origin)
            if batch is not Starved.AGAIN:
                return batch
        return Starved.AGAIN
