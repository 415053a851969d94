"""Every L2 block that op-geth made or executed, executed again by each engine (law 2, op/README.md)."""

import gzip
import json
from pathlib import Path
from typing import TypedDict

import pytest

from sequencer.execution.environment import Rules, make_environment
from sequencer.execution.interface import Engine, Included
from sequencer.execution.native.engine import NativeEngine
from sequencer.execution.parallel.engine import ParallelEngine
from sequencer.execution.parallel.schedule import ScheduleLimits
from sequencer.execution.serial import SerialEngine
from sequencer.primitives.attributes import PayloadAttributes
from sequencer.primitives.block import Block, decode_block
from sequencer.primitives.deposit import DEPOSIT_TYPE
from sequencer.primitives.genesis import genesis_from_json
from tests.fakes.memory_state import genesis_header, memory_state
from tests.fakes.worker_source import MemorySource
from tests.missing_tools import needs_extension

FOLDER = Path(__file__).parent / "op"

EAGER = ScheduleLimits(min_batch=100, max_batch=4_000, min_slice=0, dominant_share=2)
"""Every slice goes to the workers."""


class L2Entry(TypedDict):
    """One L2 block: hex of its RLP and of its receipts."""

    number: int
    hash: str
    block: str
    receipts: list[str]


class Vector(TypedDict):
    """What this test reads of a file."""

    genesis: dict[str, object]
    l2: list[L2Entry]


def load(name: str) -> Vector:
    with gzip.open(FOLDER / name) as file:
        vector: Vector = json.load(file)
        return vector


def from_hex(value: str) -> bytes:
    return bytes.fromhex(value.removeprefix("0x"))


def attributes_of(block: Block) -> PayloadAttributes:
    header = block.header
    return PayloadAttributes(
        timestamp=header.timestamp,
        prev_randao=header.prev_randao,
        fee_recipient=header.fee_recipient,
        parent_beacon_block_root=header.parent_beacon_block_root,
        gas_limit=header.gas_limit,
        extra_data=header.extra_data,
        deposits=(),
    )


def replay(vector: Vector, engine: Engine) -> None:
    """Execute every block from its parent, and compare receipts, header and hash."""
    genesis = genesis_from_json(vector["genesis"])
    rules = Rules(chain_id=genesis.chain_id, is_optimism=True)
    state = memory_state(genesis.alloc)
    parent = genesis_header(genesis, state)
    hashes = [parent.compute_hash()]

    assert hashes[0] == from_hex(vector["l2"][0]["hash"])
    for entry in vector["l2"][1:]:
        block = decode_block(from_hex(entry["block"]))
        environment = make_environment(rules, parent, attributes_of(block), tuple(reversed(hashes[-256:])))
        opened = engine.open_block(parent, environment, state)
        deposits = [transaction for transaction in block.transactions if transaction.raw[0] == DEPOSIT_TYPE]
        outcomes = opened.apply(deposits) + opened.apply(block.transactions[len(deposits) :])
        assert all(isinstance(outcome, Included) for outcome in outcomes), entry["number"]
        sealed = opened.seal(state)

        assert [receipt.encode() for receipt in sealed.receipts] == [from_hex(raw) for raw in entry["receipts"]]
        assert sealed.block.header == block.header
        assert sealed.block.hash == from_hex(entry["hash"])
        state = state.after(sealed.changes, sealed.trie)
        parent = sealed.block.header
        hashes.append(sealed.block.hash)


FILES = tuple(f"{name}.json.gz" for name in ("calldata", "window", "braid_expiry", "op_batcher_reorg"))


@pytest.mark.parametrize("name", FILES)
def test_every_block_hash_and_receipt_is_reached(name: str) -> None:
    replay(load(name), SerialEngine())


@pytest.mark.parametrize("name", FILES)
def test_every_block_hash_and_receipt_is_reached_by_worker_processes(name: str) -> None:
    engine = ParallelEngine(MemorySource(), 2, limits=EAGER)
    try:
        assert engine.wait_until_ready()

        replay(load(name), engine)

        assert engine.counts.speculated > 0
    finally:
        engine.close()


@needs_extension
@pytest.mark.parametrize("name", FILES)
def test_every_block_hash_and_receipt_is_reached_natively(name: str) -> None:
    engine = NativeEngine(2, is_always_parallel=True)

    replay(load(name), engine)

    assert engine.counts.parallel_slices > 0
    assert engine.counts.broken_slices == 0
