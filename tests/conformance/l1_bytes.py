"""
What L1 carries for the same blocks, written by our batcher's channels and by op-node's, which op-batcher posts.

    bench.l1_bytes (signed transactions in blocks) --> our channel manager      bytes, compared workload by workload
                                                 `---> span_channel/main.go

Span batches; the same size of frames and number of frames in a channel; headers of frames and version bytes count.
"""

import json
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from batcher.channel_policy import BatchType, ChannelPolicy
from batcher.codec.compression import Compression
from batcher.codec.frame import FRAME_OVERHEAD_BYTES
from bench.l1_bytes import BASE, WORKLOADS, count_l1_bytes, make_blocks, write_blocks

COMPRESSION = Compression.BROTLI_10
"""What op-batchers are usually told to take; the one that ours must not be larger in."""

TRANSACTIONS = 20_000
BLOCK_TRANSACTIONS = 150
SECONDS = 1_800.0
"""For op-node's channels of all workloads: in brotli-11 they are slow."""


@dataclass(frozen=True, slots=True)
class Writing:
    """What a batcher makes of one workload."""

    l1_bytes: int
    channels: int


@dataclass(frozen=True, slots=True)
class BytesRow:
    """One workload and compression, by both."""

    workload: str
    compression: str
    transactions: int
    ours: Writing
    theirs: Writing

    @property
    def is_larger(self) -> bool:
        """Whether ours takes more of L1, be it one byte."""
        return self.ours.l1_bytes > self.theirs.l1_bytes


class NotMeasured(Exception):
    """op-node's channels were not written, or of other blocks; the message says what happened."""


def compare_l1_bytes(
    program: Path, folder: Path, compressions: Sequence[Compression], transactions: int = TRANSACTIONS
) -> list[BytesRow]:
    """
    Give the same blocks to both.

    Parameters
    ----------
    program :
        The binary of `span_channel/main.go`.
    folder :
        Where the blocks are left for it.

    Raises
    ------
    NotMeasured
        It fails, or tells of something else than it was given.
    """
    workloads = {name: make_blocks(name, transactions, BLOCK_TRANSACTIONS) for name in WORKLOADS}
    blocks = folder / "blocks.json"
    write_blocks(blocks, workloads)
    with ThreadPoolExecutor(1) as beside:
        running = beside.submit(_run, program, blocks, compressions)
        ours = {
            (name, compression.value): Writing(*count_l1_bytes(listed, _span_policy(compression)))
            for name, listed in workloads.items()
            for compression in compressions
        }
        theirs = read_rows(running.result())
    rows: list[BytesRow] = []
    for (name, compression_name), mine in ours.items():
        count, written = theirs.get((name, compression_name), (0, Writing(0, 0)))
        if count != transactions:
            raise NotMeasured(f"op-node's channels of {name}, {compression_name}, hold {count} transactions")
        rows.append(BytesRow(name, compression_name, transactions, mine, written))
    return rows


def read_rows(lines: str) -> Mapping[tuple[str, str], tuple[int, Writing]]:
    """What the program printed: transactions and what they take, by workload and compression."""
    told = [json.loads(line) for line in lines.splitlines()]
    return {
        (row["workload"], row["compression"]): (row["transactions"], Writing(row["bytes"], row["channels"]))
        for row in told
    }


def describe_rows(rows: Sequence[BytesRow]) -> str:
    """A table: bytes a transaction of ours and of theirs, and their ratio; bytes where it is not what it looks like."""
    head = f"{'span batches':<30}{'ours':>10}{'op-node':>10}{'ratio':>10}{'channels':>10}"
    return "\n".join([head, *(_describe_row(row) for row in rows)])


def find_larger(rows: Sequence[BytesRow]) -> list[str]:
    """Where ours takes more bytes of L1 than theirs."""
    return [
        f"{row.workload}, {row.compression}: {row.ours.l1_bytes:,} bytes on L1, and {row.theirs.l1_bytes:,} by op-node"
        for row in rows
        if row.is_larger
    ]


def _span_policy(compression: Compression) -> ChannelPolicy:
    return replace(BASE, batch_type=BatchType.SPAN, compression=compression)


def _describe_row(row: BytesRow) -> str:
    ours, theirs = (written.l1_bytes / row.transactions for written in (row.ours, row.theirs))
    what = f"{row.workload}, {row.compression}"
    channels = f"{row.ours.channels}, {row.theirs.channels}"
    difference = f"{row.ours.l1_bytes - row.theirs.l1_bytes:+,} B of {row.theirs.l1_bytes:,}"
    return f"{what:<30}{ours:>10.2f}{theirs:>10.2f}{ours / theirs:>10.5f}{channels:>10}   {difference}"


def _run(program: Path, blocks: Path, compressions: Sequence[Compression]) -> str:
    frame_bytes = BASE.frame_data_bytes + FRAME_OVERHEAD_BYTES
    command = [
        *(str(program), "-frame-bytes", str(frame_bytes), "-frames", str(BASE.target_bytes // BASE.frame_data_bytes)),
        *(str(blocks), *(compression.value for compression in compressions)),
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise NotMeasured(f"{program.name} did not end within {SECONDS:g} s") from None
    if done.returncode != 0:
        raise NotMeasured(f"{program.name} failed: {done.stderr.strip()}")
    return done.stdout
