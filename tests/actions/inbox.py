"""Whoever writes to the batch inbox by hand: the batcher's key in wrong hands, or somebody else's key."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from eth_hash.auto import keccak

from batcher.codec.batch import SingularBatch
from batcher.codec.channel import ChannelWriter, cut_frames
from batcher.codec.compression import compress_zlib
from batcher.codec.frame import Frame, encode_frames_data
from l1_bridge.rlp_codec import encode_rlp
from sequencer.primitives.transaction import Transaction
from tests.actions.agreement import BATCH_INBOX, BATCHER
from tests.actions.nodes import Sequencer
from tests.factories import private_key
from tests.fakes.l1 import FakeL1


@dataclass(slots=True)
class Inbox:
    """Puts any data into L1's next block."""

    l1: FakeL1
    sequencer: Sequencer
    channels: int = 0

    def batch(self, number: int) -> SingularBatch:
        """The honest batch of the sequencer's block."""
        block, ref = self.sequencer.block(number), self.sequencer.chain.ref(number)
        assert ref is not None
        users = tuple(entry.raw for entry in block.transactions if isinstance(entry, Transaction))
        return SingularBatch(ref.parent_hash, ref.l1_origin.number, ref.l1_origin.hash, ref.timestamp, users)

    def frames(self, batches: Iterable[SingularBatch], count: int = 1) -> tuple[Frame, ...]:
        """A new channel of these batches in (about) `count` frames."""
        writer = ChannelWriter()
        for batch in batches:
            writer.add_batch(batch)
        return self._cut(writer.close(), count)

    def raw_frames(self, entries: Sequence[bytes]) -> tuple[Frame, ...]:
        """A new channel of these entries, whatever they are."""
        return self._cut(compress_zlib(b"".join(encode_rlp(entry) for entry in entries)), 1)

    def act_post_batches(self, *batches: SingularBatch, sender: int = BATCHER) -> None:
        """One channel in one transaction."""
        self.act_post_data(encode_frames_data(self.frames(batches)), sender=sender)

    def act_post_frames(self, *frames: Frame, sender: int = BATCHER) -> None:
        """One transaction a frame."""
        for frame in frames:
            self.act_post_data(encode_frames_data((frame,)), sender=sender)

    def act_post_data(self, data: bytes, *, sender: int = BATCHER) -> None:
        """One transaction with this data."""
        self.l1.queue_transaction(private_key(sender), BATCH_INBOX, data)

    def _cut(self, data: bytes, count: int) -> tuple[Frame, ...]:
        self.channels += 1
        channel_id = keccak(b"by hand" + self.channels.to_bytes(8, "big"))[:16]
        return cut_frames(channel_id, data, -(-len(data) // count))
