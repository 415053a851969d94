"""When `make conformance` says that our channels take more of L1: beside a program that tells what it is told to."""

import json
import sys
from pathlib import Path

import pytest

from batcher.codec.compression import Compression
from bench.l1_bytes import WORKLOADS
from tests.conformance.building import OPTIMISM, name_span_channel
from tests.conformance.l1_bytes import (
    BytesRow,
    NotMeasured,
    Writing,
    compare_l1_bytes,
    describe_rows,
    find_larger,
)

COUNT = 200
"""Transactions: more than a block holds."""


@pytest.mark.parametrize(("theirs", "count"), [(999, 1), (1_000, 0), (1_001, 0)])
def test_one_byte_more_is_larger(theirs: int, count: int) -> None:
    row = BytesRow("swaps", "brotli-10", 10_000, Writing(1_000, 1), Writing(theirs, 1))

    assert len(find_larger([row])) == count


def test_table_tells_a_difference_that_two_decimals_hide() -> None:
    row = BytesRow("swaps", "brotli-10", 20_000, Writing(1_874_203, 4), Writing(1_874_200, 4))

    line = describe_rows([row]).splitlines()[1]

    assert line.split() == ["swaps,", "brotli-10", "93.71", "93.71", "1.00000", "4,", "4", "+3", "B", "of", "1,874,200"]


def test_same_blocks_are_given_to_both(tmp_path: Path) -> None:
    program = _write_program(
        tmp_path,
        "blocks = json.load(open(sys.argv[5]))['workloads']\n"
        "for name, listed in blocks.items():\n"
        "    count = sum(len(block['transactions']) for block in listed)\n"
        "    row = {'workload': name, 'compression': sys.argv[6], 'bytes': 7, 'transactions': count, 'channels': 1}\n"
        "    print(json.dumps(row))\n",
    )

    rows = compare_l1_bytes(program, tmp_path, [Compression.BROTLI_9], COUNT)

    assert [row.workload for row in rows] == list(WORKLOADS)
    assert {(row.compression, row.transactions, row.theirs) for row in rows} == {("brotli-9", COUNT, Writing(7, 1))}
    assert all(row.ours.channels == 1 and 64 * COUNT < row.ours.l1_bytes < 120 * COUNT for row in rows)
    assert len(find_larger(rows)) == len(rows)


def test_frames_and_channels_of_the_same_size_are_asked_for(tmp_path: Path) -> None:
    program = _write_program(tmp_path, "sys.exit(' '.join(sys.argv[1:5]))\n")

    with pytest.raises(NotMeasured, match=r"failed: -frame-bytes 120000 -frames 4$"):
        compare_l1_bytes(program, tmp_path, [Compression.BROTLI_10], COUNT)


@pytest.mark.parametrize("told", [None, COUNT - 1])
def test_other_transactions_than_were_given_are_no_measure(tmp_path: Path, told: int | None) -> None:
    row = {"workload": WORKLOADS[0], "compression": "brotli-10", "bytes": 9, "transactions": told, "channels": 1}
    program = _write_program(tmp_path, f"print({json.dumps(row)!r})\n" if told is not None else "")

    with pytest.raises(NotMeasured, match=f"hold {told or 0} transactions"):
        compare_l1_bytes(program, tmp_path, [Compression.BROTLI_10], COUNT)


def test_another_program_has_another_name() -> None:
    names = [name_span_channel(program) for program in (b"package main", b"package main\n")]

    assert names[0] != names[1]
    assert all(OPTIMISM.version in name for name in names)


def _write_program(folder: Path, source: str) -> Path:
    program = folder / "span-channel"
    program.write_text(f"#!{sys.executable}\nimport json, sys\n{source}")
    program.chmod(0o755)
    return program
