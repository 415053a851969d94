"""The frame rules and the batch rules against what op-node v1.19.0 answered (see op_rules/README.md)."""

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import TypedDict, cast

from batcher.codec.batch import SingularBatch
from batcher.codec.frame import Frame
from batcher.l2_source import L2BlockRef
from l1_bridge.types import BlockId, L1Header
from sequencer.derivation.batch_rules import BatchContext, check_batch
from sequencer.derivation.frame_queue import prune_frames
from tests.unit.derivation.test_batch_rules import ROLLUP, l1_header

FILE = Path(__file__).parent / "op_rules" / "rules.json.gz"


class FrameCase(TypedDict):
    """Frames of one transaction, and what op-node keeps of them."""

    offered: list[tuple[int, int, int, bool]]
    kept: list[int]


class BatchCase(TypedDict):
    """A batch, what it is judged against, and op-node's verdict."""

    parent_hash: str
    epoch_number: int
    epoch_hash: str
    timestamp: int
    transactions: list[str]
    safe_time: int
    safe_origin: int
    next_l1_time: int
    l1_blocks: int
    inclusion: int
    verdict: str


class Rules(TypedDict):
    """The file."""

    frames: list[FrameCase]
    batches: list[BatchCase]


def load() -> Rules:
    return cast(Rules, json.loads(gzip.decompress(FILE.read_bytes())))


def hash_of(number: int) -> bytes:
    return number.to_bytes(32, "big")


def context_of(case: BatchCase) -> BatchContext:
    origin = BlockId(case["safe_origin"], hash_of(case["safe_origin"]))
    safe = L2BlockRef(50, hash_of(50), hash_of(49), case["safe_time"], origin, 1)
    blocks: list[L1Header] = [l1_header(100, 1000), l1_header(101, case["next_l1_time"])]
    return BatchContext(safe, blocks[: case["l1_blocks"]], case["inclusion"])


def batch_of(case: BatchCase) -> SingularBatch:
    return SingularBatch(
        bytes.fromhex(case["parent_hash"]),
        case["epoch_number"],
        bytes.fromhex(case["epoch_hash"]),
        case["timestamp"],
        tuple(bytes.fromhex(entry) for entry in case["transactions"]),
    )


def test_op_node_keeps_the_same_frames() -> None:
    cases = load()["frames"]

    for case in cases:
        offered = [
            Frame(bytes([channel]) * 16, number, bytes([name]), is_last)
            for channel, number, name, is_last in case["offered"]
        ]
        assert [frame.data[0] for frame in prune_frames(offered)] == case["kept"]
    assert any(len(case["kept"]) < len(case["offered"]) for case in cases)


def test_op_node_gives_the_same_verdicts() -> None:
    cases = load()["batches"]

    for case in cases:
        assert check_batch(batch_of(case), context_of(case), ROLLUP).verdict.value == case["verdict"], case
    assert set(Counter(case["verdict"] for case in cases)) == {"accept", "drop", "past", "undecided"}
