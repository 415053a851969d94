"""
Bytes on L1 for one transaction, by how channels are written: `python -m bench.l1_bytes [--count N] [--json FILE]`.

The batcher's own channels (sizing, compression, frames, the comparison of law 8) over blocks of signed transactions.
Counted is everything that L1 carries for them: version bytes, frame headers, compressed batches. `--json` writes the
blocks, so that another batcher can be given the same ones.
"""

import argparse
import itertools
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from batcher.channel_manager import ChannelLimits, ChannelManager
from batcher.channel_policy import BatchType, ChannelPolicy, DataType
from batcher.codec.compression import Compression
from batcher.codec.span_batch import SpanParameters
from batcher.l2_source import L2BlockData, L2BlockRef
from l1_bridge.types import BlockId
from sequencer.primitives.l1_info import L1BlockInfo

from .scene import CHAIN_ID, GENESIS_TIME, GWEI
from .workloads import make_workload

WORKLOADS = ("raw transfers", "ERC-20, one token", "swaps, one pool")
BLOCKS_AN_EPOCH = 6
BLOCK_TIME = 2
NEVER = 1_000_000

SPAN = SpanParameters(GENESIS_TIME, BLOCK_TIME, CHAIN_ID)
BASE = ChannelPolicy(frame_data_bytes=120_000 - 23, target_bytes=4 * (120_000 - 23))
"""Four frames of 120,000 B, their headers counted in, as op-batcher's `--max-l1-tx-size-bytes` counts them."""

WRITINGS: tuple[ChannelPolicy, ...] = (
    replace(BASE, batch_type=BatchType.SINGULAR, compression=Compression.ZLIB),
    replace(BASE, batch_type=BatchType.SINGULAR, compression=Compression.BROTLI_10),
    *(replace(BASE, batch_type=BatchType.SPAN, compression=compression) for compression in Compression),
)


def make_blocks(name: str, count: int, transactions_a_block: int) -> list[L2BlockData]:
    """The workload as consecutive L2 blocks."""
    raws = make_workload(name, count).raw
    parent = L2BlockRef(0, _hash("genesis"), bytes(32), GENESIS_TIME, BlockId(0, _hash("l1 0")), 0)
    blocks: list[L2BlockData] = []
    for start in range(0, len(raws), transactions_a_block):
        number = parent.number + 1
        epoch, sequence = divmod(number - 1, BLOCKS_AN_EPOCH)
        origin = BlockId(epoch, _hash(f"l1 {epoch}"))
        ref = L2BlockRef(number, _hash(f"l2 {number}"), parent.hash, parent.timestamp + BLOCK_TIME, origin, sequence)
        blocks.append(L2BlockData(ref, raws[start : start + transactions_a_block]))
        parent = ref
    return blocks


def count_l1_bytes(blocks: Sequence[L2BlockData], policy: ChannelPolicy) -> tuple[int, int]:
    """Bytes that L1 carries (of blobs: what they hold), and channels, for these blocks posted without a hurry."""
    ids = itertools.count()
    limits = ChannelLimits(max_duration_l1_blocks=NEVER, sequencing_window_l1_blocks=NEVER)
    manager = ChannelManager(
        limits, lambda: sha256(b"%d" % next(ids)).digest()[:16], choose_policy=lambda: policy, span=SPAN
    )
    first = blocks[0].ref
    genesis_origin = BlockId(0, bytes(32))
    manager.restart(L2BlockRef(first.number - 1, first.parent_hash, bytes(32), first.timestamp, genesis_origin, 0))
    for block in blocks:
        manager.add_block(block)
    manager.flush()
    total = 0
    channels: set[bytes] = set()
    while (data := manager.next_transaction_data()) is not None:
        frames = list(data.payload.read_frames())
        carriers = len(data.payload.blobs) or 1
        total += carriers + sum(23 + len(frame.data) for frame in frames)
        channels.add(data.channel_id)
    return total, len(channels)


def _hash(text: str) -> bytes:
    return sha256(text.encode()).digest()


def _make_deposit(ref: L2BlockRef) -> bytes:
    """The attributes transaction that other batchers read the epoch from."""
    info = L1BlockInfo(
        number=ref.l1_origin.number,
        timestamp=GENESIS_TIME,
        base_fee=GWEI,
        blob_base_fee=1,
        hash=ref.l1_origin.hash,
        sequence_number=ref.sequence_number,
        batcher_address=b"\x02" * 20,
        base_fee_scalar=0,
        blob_base_fee_scalar=0,
        operator_fee_scalar=0,
        operator_fee_constant=0,
    )
    return info.to_deposit().raw


def _describe(policy: ChannelPolicy) -> str:
    return f"{policy.batch_type} {policy.compression.value} {policy.data_type}"


def write_blocks(path: Path, workloads: Mapping[str, Sequence[L2BlockData]]) -> None:
    """Blocks as JSON: what a batch says of each, hex."""
    content = {
        name: [
            {
                "number": block.ref.number,
                "hash": block.ref.hash.hex(),
                "parent": block.ref.parent_hash.hex(),
                "timestamp": block.ref.timestamp,
                "epoch": block.ref.l1_origin.number,
                "epochHash": block.ref.l1_origin.hash.hex(),
                "sequence": block.ref.sequence_number,
                "deposit": _make_deposit(block.ref).hex(),
                "transactions": [raw.hex() for raw in block.transactions],
            }
            for block in blocks
        ]
        for name, blocks in workloads.items()
    }
    head = {"chainId": CHAIN_ID, "genesisTime": GENESIS_TIME, "blockTime": BLOCK_TIME, "workloads": content}
    path.write_text(json.dumps(head))


def main(arguments: Sequence[str]) -> None:
    """Print a row for each workload and writing."""
    parser = argparse.ArgumentParser(prog="python -m bench.l1_bytes", description=__doc__.splitlines()[1])
    parser.add_argument("--count", type=int, default=20_000, help="transactions of each workload")
    parser.add_argument("--block", type=int, default=150, help="transactions of a block")
    parser.add_argument("--json", type=Path, help="write the blocks to this file")
    options = parser.parse_args(arguments)
    workloads = {name: make_blocks(name, options.count, options.block) for name in WORKLOADS}
    if options.json is not None:
        write_blocks(options.json, workloads)
    print(f"{'workload':<20}{'writing':<30}{'bytes/tx':>10}{'channels':>10}{'seconds':>9}")
    blobs = replace(WRITINGS[4], data_type=DataType.BLOBS, frame_data_bytes=130_020, target_bytes=4 * 130_020)
    for name, blocks in workloads.items():
        for policy in (*WRITINGS, blobs):
            started = time.perf_counter()
            total, channels = count_l1_bytes(blocks, policy)
            seconds = time.perf_counter() - started
            print(f"{name:<20}{_describe(policy):<30}{total / options.count:>10.2f}{channels:>10}{seconds:>9.1f}")


if __name__ == "__main__":
    main(sys.argv[1:])
