"""Chains that op-node and op-geth made, derived again: attributes of every block, and the pipeline from L1 alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import pairwise
from pathlib import Path

import pytest

from batcher.l2_source import L2BlockRef
from l1_bridge.errors import ResetError
from l1_bridge.l1_chain_config import L1ChainConfig
from l1_bridge.l1_heads import L1Heads
from l1_bridge.rollup_config import RollupConfig
from l1_bridge.types import BlockId
from sequencer.chain.attributes_builder import build_attributes, read_l1_info, system_config_at
from sequencer.chain.chain import Chain
from sequencer.chain.thread import ChainThread
from sequencer.derivation.attributes import compare_with_block
from sequencer.derivation.batch_queue import EpochMismatch
from sequencer.derivation.driver import DerivationService
from sequencer.derivation.epochs import EpochReader
from sequencer.derivation.l1_read_ahead import L1Sources
from sequencer.derivation.pipeline import DerivationPipeline, PipelineStart, Progress
from sequencer.derivation.span_rules import ReadRef
from sequencer.execution.serial import SerialEngine
from sequencer.primitives.block import Block, decode_block
from sequencer.primitives.deposit import DepositTransaction
from sequencer.primitives.genesis import genesis_from_json
from sequencer.state.store import Store
from tests.fakes.recorded_l1 import RecordedL1, Vector, load_vector

FILES = ("calldata", "window", "braid_expiry", "op_batcher_reorg")
LAST_L2_BLOCK_BEFORE_THE_GAP = 217
FIRST_L1_BLOCK_OF_THE_GAP = 114
LAST_L1_BLOCK_OF_THE_GAP = 162

load = cache(load_vector)


@cache
def blocks_of(name: str) -> tuple[Block, ...]:
    return tuple(decode_block(bytes.fromhex(entry["block"][2:])) for entry in load(name)["l2"])


def rollup_of(vector: Vector) -> RollupConfig:
    return RollupConfig.from_json(vector["rollup"])


def ref_of(block: Block, rollup: RollupConfig) -> L2BlockRef:
    if block.number == 0:
        origin, sequence_number = rollup.genesis.l1, 0
    else:
        info = read_l1_info(block)
        origin, sequence_number = info.origin, info.sequence_number
    header = block.header
    return L2BlockRef(block.number, block.hash, header.parent_hash, header.timestamp, origin, sequence_number)


def reader_of(blocks: Sequence[Block], rollup: RollupConfig) -> ReadRef:
    """What the pipeline asks the chain for."""
    return lambda number: ref_of(blocks[number], rollup)


@pytest.mark.parametrize("name", FILES)
async def test_attributes_from_parent_and_origin_are_those_of_every_block(name: str) -> None:
    vector, blocks = load(name), blocks_of(name)
    rollup, l1_config = rollup_of(vector), L1ChainConfig.from_json(vector["l1_chain"])
    epochs = EpochReader(RecordedL1(vector), rollup)
    compared = 0

    for parent, block in pairwise(blocks):
        parent_ref, info = ref_of(parent, rollup), read_l1_info(block)
        epoch = await epochs.read_by_id(BlockId(info.number, info.hash))
        is_first = info.number != parent_ref.l1_origin.number
        config = system_config_at(parent, rollup)
        attributes = build_attributes(
            rollup,
            l1_config,
            parent_ref,
            epoch.apply_updates(config, rollup) if is_first else config,
            epoch.header,
            0 if is_first else parent_ref.sequence_number + 1,
            parent.header.timestamp + rollup.block_time,
            epoch.deposits(rollup) if is_first else (),
        )
        deposits = [transaction for transaction in block.transactions if isinstance(transaction, DepositTransaction)]
        assert [deposit.raw for deposit in attributes.deposits] == [deposit.raw for deposit in deposits]
        assert set(compare_with_block(attributes, parent.hash, block)) <= {"transactions"}
        compared += 1

    assert compared == vector["safe_l2"]


@pytest.mark.parametrize("name", FILES)
async def test_the_pipeline_gives_every_block_of_the_chain(name: str) -> None:
    """Singular batches, span batches in brotli and zlib, and in `window` what fills an expired sequencing window."""
    vector, blocks = load(name), blocks_of(name)
    rollup, l1_config = rollup_of(vector), L1ChainConfig.from_json(vector["l1_chain"])
    l1 = RecordedL1(vector)
    base = await l1.header_by_number(rollup.genesis.l1.number)
    assert base is not None
    start = PipelineStart(base, rollup.genesis.system_config, ref_of(blocks[0], rollup))
    pipeline = DerivationPipeline(L1Sources(l1, l1), rollup, l1_config, start, reader_of(blocks, rollup))

    number = 0
    while True:
        safe = blocks[number]
        result = await pipeline.next_attributes(
            ref_of(safe, rollup), partial(blocks.__getitem__, number), l1.head_number
        )
        if result is Progress.WAITING:
            break
        if isinstance(result, Progress):
            continue
        assert compare_with_block(result.attributes, safe.hash, blocks[number + 1]) == ()
        number += 1

    assert number == vector["safe_l2"] == len(blocks) - 1


async def test_the_pipeline_fills_an_expired_window_as_op_node_did() -> None:
    """From the last block before the gap on: no batch from L1 block 114 to 162, so every epoch's window runs out."""
    vector, blocks = load("window"), blocks_of("window")
    rollup, l1_config = rollup_of(vector), L1ChainConfig.from_json(vector["l1_chain"])
    l1 = RecordedL1(vector)
    l1.head_number = LAST_L1_BLOCK_OF_THE_GAP
    first, base = (
        l1.canonical(FIRST_L1_BLOCK_OF_THE_GAP),
        l1.canonical(read_l1_info(blocks[LAST_L2_BLOCK_BEFORE_THE_GAP]).number),
    )
    assert first is not None
    assert base is not None
    head = blocks[LAST_L2_BLOCK_BEFORE_THE_GAP]
    start = PipelineStart(base, system_config_at(head, rollup), ref_of(head, rollup), first.id)
    pipeline = DerivationPipeline(L1Sources(l1, l1), rollup, l1_config, start, reader_of(blocks, rollup))

    number = LAST_L2_BLOCK_BEFORE_THE_GAP
    while True:
        safe = blocks[number]
        result = await pipeline.next_attributes(
            ref_of(safe, rollup), partial(blocks.__getitem__, number), l1.head_number
        )
        if result is Progress.WAITING:
            break
        if isinstance(result, Progress):
            continue
        assert compare_with_block(result.attributes, safe.hash, blocks[number + 1]) == ()
        number += 1

    last = read_l1_info(blocks[number])
    assert last.number == LAST_L1_BLOCK_OF_THE_GAP - rollup.seq_window_size
    assert read_l1_info(blocks[number + 1]).number == last.number + 1


async def test_a_safe_head_on_another_l1_chain_is_a_reset() -> None:
    vector, blocks = load("calldata"), blocks_of("calldata")
    rollup, l1_config = rollup_of(vector), L1ChainConfig.from_json(vector["l1_chain"])
    l1 = RecordedL1(vector)
    base = await l1.header_by_number(rollup.genesis.l1.number)
    assert base is not None
    start = PipelineStart(base, rollup.genesis.system_config, ref_of(blocks[0], rollup))
    pipeline = DerivationPipeline(L1Sources(l1, l1), rollup, l1_config, start, reader_of(blocks, rollup))
    ref = ref_of(blocks[0], rollup)
    elsewhere = L2BlockRef(0, ref.hash, ref.parent_hash, ref.timestamp, BlockId(base.number, bytes(32)), 0)

    async def derive() -> None:
        for _ in range(20):
            await pipeline.next_attributes(elsewhere, partial(blocks.__getitem__, 0), l1.head_number)

    with pytest.raises(EpochMismatch):
        await derive()


@dataclass(slots=True)
class Follower:
    """A whole node's lower half over a recorded L1: store, serial engine, chain, derivation."""

    vector: Vector
    chain: Chain
    thread: ChainThread
    l1: RecordedL1
    service: DerivationService

    async def derive_all(self) -> None:
        for _ in range(5000):
            try:
                wake = await self.service.step()
            except ResetError:
                await self.service.reset()
                continue
            if wake.after_seconds > 0:
                return
        raise AssertionError("L1 is never fully read")

    def close(self) -> None:
        self.thread.close()
        self.chain.store.close()

    def assert_equal_up_to(self, number: int) -> None:
        for entry in self.vector["l2"][: number + 1]:
            block, receipts = self.chain.block(entry["number"]), self.chain.receipts(entry["number"])
            assert block is not None
            assert receipts is not None
            assert "0x" + block.hash.hex() == entry["hash"]
            assert ["0x" + receipt.encode().hex() for receipt in receipts] == entry["receipts"]
            assert "0x" + self.chain.output_root(entry["number"]).hex() == entry["output_root"]


def open_follower(name: str, folder: Path) -> Follower:
    vector = load(name)
    rollup = rollup_of(vector)
    genesis = genesis_from_json(vector["genesis"])
    chain = Chain.open(Store.open(folder, chain_id=genesis.chain_id), genesis, rollup, SerialEngine())
    thread, l1 = ChainThread(), RecordedL1(vector)

    def heads() -> L1Heads:
        latest, finalized = l1.canonical(l1.head_number), l1.canonical(l1.finalized_number)
        return L1Heads(latest=latest, safe=finalized, finalized=finalized)

    l1_config = L1ChainConfig.from_json(vector["l1_chain"])
    service = DerivationService(chain, thread, l1, heads, rollup, l1_config, blobs=l1)
    return Follower(vector, chain, thread, l1, service)


@pytest.mark.parametrize("name", FILES)
async def test_a_node_reaches_every_hash_receipt_and_output_root(name: str, tmp_path: Path) -> None:
    follower = open_follower(name, tmp_path)
    follower.l1.finalized_number = follower.l1.head_number - 8
    try:
        await follower.derive_all()

        heads, last = follower.chain.heads, follower.vector["safe_l2"]
        assert heads.safe.number == heads.unsafe.number == last
        assert 0 < heads.finalized.number < last
        follower.assert_equal_up_to(last)
    finally:
        follower.close()


async def test_a_node_goes_through_the_reorgs_of_l1_to_the_same_end(tmp_path: Path) -> None:
    """Before each reorg all of L1 is derived; then safe blocks give way, or come from batches in other L1 blocks."""
    follower = open_follower("op_batcher_reorg", tmp_path)
    before: list[tuple[L2BlockRef, BlockId | None]] = []
    try:
        for fork in follower.l1.forks:
            follower.l1.switch_to(fork)
            await follower.derive_all()
            safe = follower.chain.heads.safe
            before.append((safe, follower.chain.derived_from(safe.number)))
        follower.l1.switch_to(None)
        await follower.derive_all()

        assert follower.chain.heads.safe.number == follower.vector["safe_l2"]
        follower.assert_equal_up_to(follower.vector["safe_l2"])
        after = [(follower.chain.ref(ref.number), follower.chain.derived_from(ref.number)) for ref, _ in before]
        assert all(one != other for one, other in zip(before, after, strict=True))
        assert any(one[0] != other[0] for one, other in zip(before, after, strict=True))
    finally:
        follower.close()
