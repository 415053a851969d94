"""A sequencer, a batcher and a replica in one process, over the fake L1 and an engine of plain transfers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from eth_hash.auto import keccak

from batcher.codec.batch import SingularBatch, encode_batch
from batcher.codec.blob import encode_blob
from batcher.codec.channel import ChannelWriter, cut_frames
from batcher.codec.compression import compress_zlib
from batcher.codec.frame import Frame, encode_frames_data
from batcher.codec.span_batch import SpanParameters, encode_span_batch
from batcher.l2_source import L2BlockRef
from l1_bridge.errors import ResetError
from l1_bridge.l1_chain_config import prague_l1_chain
from l1_bridge.l1_heads import L1HeadTracker
from l1_bridge.rlp_codec import encode_rlp
from l1_bridge.rollup_config import RollupConfig
from sequencer.chain.attributes_builder import build_attributes, system_config_at
from sequencer.chain.chain import Chain
from sequencer.chain.thread import ChainThread
from sequencer.derivation.driver import DerivationService
from sequencer.derivation.epochs import EpochReader
from sequencer.primitives.block import Block
from sequencer.primitives.deposit import DepositTransaction
from sequencer.state.genesis_state import compute_genesis_header
from sequencer.state.store import Store
from tests.factories import address, make_transaction, private_key
from tests.fakes.chain_story import make_genesis, make_rollup
from tests.fakes.fake_engine import FakeEngine
from tests.fakes.l1 import FakeL1

BATCHER = 20
BLOCK_TIME = 2
L1_BLOCK_TIME = 6
WINDOW = 10
L1_CONFIG = prague_l1_chain(900)


@dataclass(slots=True)
class Node:
    """A chain and the service that follows L1 with it."""

    chain: Chain
    thread: ChainThread
    service: DerivationService
    tracker: L1HeadTracker

    async def derive(self, max_steps: int = 2000) -> int:
        """Step until all of L1 is read, resetting when told; returns the number of resets."""
        await self.tracker.step()
        resets = 0
        for _ in range(max_steps):
            try:
                wake = await self.service.step()
            except ResetError:
                resets += 1
                await self.service.reset()
                continue
            if wake.after_seconds > 0:
                return resets
        raise AssertionError(f"L1 is not read after {max_steps} steps")

    def close(self) -> None:
        self.thread.close()
        self.chain.store.close()


@dataclass(slots=True)
class Story:
    """Everything a derivation test plays with; block 0 of L1 is the rollup's anchor."""

    folder: Path
    l1: FakeL1 = field(default_factory=lambda: FakeL1(block_time=L1_BLOCK_TIME))
    nodes: list[Node] = field(default_factory=list)
    channels: int = 0
    rollup: RollupConfig = field(init=False)
    sequencer: Node = field(init=False)
    replica: Node = field(init=False)

    def __post_init__(self) -> None:
        genesis = make_genesis()
        rollup = make_rollup(compute_genesis_header(genesis).compute_hash())
        anchor = replace(
            rollup.genesis,
            l1=self.l1.header(0).id,
            system_config=replace(rollup.genesis.system_config, batcher_address=address(BATCHER)),
        )
        self.rollup = replace(rollup, genesis=anchor, block_time=BLOCK_TIME, seq_window_size=WINDOW)
        self.sequencer = self.open_node("sequencer")
        self.replica = self.open_node("replica")

    def open_node(self, name: str) -> Node:
        """A node over the store of that name, as after a start."""
        genesis = make_genesis()
        store = Store.open(self.folder / name, chain_id=genesis.chain_id)
        chain = Chain.open(store, genesis, self.rollup, FakeEngine())
        thread, tracker = ChainThread(), L1HeadTracker(self.l1)
        service = DerivationService(
            chain, thread, self.l1, lambda: tracker.heads, self.rollup, L1_CONFIG, blobs=self.l1
        )
        node = Node(chain, thread, service, tracker)
        self.nodes.append(node)
        return node

    def restart(self, node: Node, name: str) -> Node:
        """End a node and start it again over the same store."""
        self.nodes.remove(node)
        node.close()
        return self.open_node(name)

    def close(self) -> None:
        for node in self.nodes:
            node.close()

    # The sequencer

    async def build(self, count: int = 1, *, transfers: int = 1, origin: int | None = None) -> L2BlockRef:
        """Blocks on the sequencer's unsafe head; the origin advances when it can, unless one is given."""
        chain, epochs = self.sequencer.chain, EpochReader(self.l1, self.rollup)
        for _ in range(count):
            parent = chain.heads.unsafe
            parent_block = require_block(chain, parent.number)
            timestamp = parent.timestamp + BLOCK_TIME
            number = self._next_origin(parent, timestamp) if origin is None else origin
            epoch = await epochs.read(self.l1.header(number))
            is_first = number != parent.l1_origin.number
            config = system_config_at(parent_block, self.rollup)
            attributes = build_attributes(
                self.rollup,
                L1_CONFIG,
                parent,
                epoch.apply_updates(config, self.rollup) if is_first else config,
                epoch.header,
                0 if is_first else parent.sequence_number + 1,
                timestamp,
                epoch.deposits(self.rollup) if is_first else (),
            )
            handle = chain.open_block(attributes)
            for _ in range(transfers):
                account = handle.view().account(address(0))
                nonce = 0 if account is None else account.nonce
                handle.apply([make_transaction(nonce=nonce, value=1 + parent.number)])
            chain.import_sealed(chain.seal_open_block())
        return chain.heads.unsafe

    def _next_origin(self, parent: L2BlockRef, timestamp: int) -> int:
        following = parent.l1_origin.number + 1
        if following <= self.l1.head.number and self.l1.header(following).timestamp <= timestamp:
            return following
        return parent.l1_origin.number

    # The batcher

    def batch_of(self, number: int) -> SingularBatch:
        """The batch of the sequencer's block."""
        chain = self.sequencer.chain
        block, ref = require_block(chain, number), chain.ref(number)
        assert ref is not None
        return SingularBatch(
            ref.parent_hash, ref.l1_origin.number, ref.l1_origin.hash, ref.timestamp, user_transactions(block)
        )

    def post(self, first: int, last: int, *, frames: int = 1) -> None:
        """Queue the sequencer's blocks as one channel in one transaction of L1."""
        self.post_batches([self.batch_of(number) for number in range(first, last + 1)], frames=frames)

    def encode_span(self, first: int, last: int) -> bytes:
        """One span batch of the sequencer's blocks."""
        ref = self.sequencer.chain.ref(first)
        assert ref is not None
        batches = [self.batch_of(number) for number in range(first, last + 1)]
        return encode_span_batch(batches, SpanParameters.from_rollup(self.rollup), ref.sequence_number)

    def post_batches(self, batches: Iterable[SingularBatch], *, frames: int = 1) -> None:
        writer = ChannelWriter()
        for batch in batches:
            writer.add_batch(batch)
        self.post_data(encode_frames_data(self.cut(writer.close(), frames)))

    def post_raw_batches(self, raws: Sequence[bytes]) -> None:
        """Queue a channel with these contents, whatever they are."""
        content = b"".join(encode_rlp(raw) for raw in raws)
        self.post_data(encode_frames_data(self.cut(compress_zlib(content), 1)))

    def cut(self, channel_data: bytes, frames: int) -> tuple[Frame, ...]:
        """Frames of a new channel."""
        self.channels += 1
        channel_id = keccak(self.channels.to_bytes(8, "big"))[:16]
        return cut_frames(channel_id, channel_data, max(-(-len(channel_data) // frames), 1))

    def post_blobs(self, *pieces: bytes, data: bytes = b"") -> None:
        """Queue a blob transaction of the batcher, with a piece of data in each blob."""
        self.post_raw_blobs(*map(encode_blob, pieces), data=data)

    def post_raw_blobs(self, *blobs: bytes, data: bytes = b"") -> None:
        """Queue a blob transaction of the batcher with these blobs, whatever they hold."""
        batcher = self.rollup.genesis.system_config.batcher_address
        self.l1.queue_blob_transaction(batcher, self.rollup.batch_inbox_address, data, blobs=blobs)

    def frames_of(self, first: int, last: int, *, frames: int = 1) -> tuple[Frame, ...]:
        """The sequencer's blocks as one channel of singular batches."""
        writer = ChannelWriter()
        for number in range(first, last + 1):
            writer.add_batch(self.batch_of(number))
        return self.cut(writer.close(), frames)

    def post_data(self, data: bytes, *, sender: int = BATCHER, to: bytes | None = None) -> None:
        """Queue a transaction to the inbox."""
        self.l1.queue_transaction(private_key(sender), to or self.rollup.batch_inbox_address, data)


def require_block(chain: Chain, number: int) -> Block:
    """A block that the test knows to be there."""
    block = chain.block(number)
    assert block is not None
    return block


def user_transactions(block: Block) -> tuple[bytes, ...]:
    """Raw user transactions of a block."""
    return tuple(entry.raw for entry in block.transactions if not isinstance(entry, DepositTransaction))


def encoded(batch: SingularBatch) -> bytes:
    """Raw bytes of a batch, as a channel holds them."""
    return encode_batch(batch)
