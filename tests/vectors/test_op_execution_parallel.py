"""The same blocks of op-node and op-geth as `test_op_execution`, by worker processes (law 2)."""

import pytest

from sequencer.execution.environment import Rules, make_environment
from sequencer.execution.interface import Included
from sequencer.execution.parallel.engine import ParallelEngine
from sequencer.execution.parallel.schedule import ScheduleLimits
from sequencer.primitives.block import decode_block
from sequencer.primitives.genesis import genesis_from_json
from tests.fakes.memory_state import genesis_header, memory_state
from tests.fakes.worker_source import MemorySource
from tests.vectors.test_op_execution import attributes_of, from_hex, load

EAGER = ScheduleLimits(min_batch=100, max_batch=4_000, min_slice=0, dominant_share=2)


@pytest.mark.parametrize("name", ["calldata.json.gz", "window.json.gz"])
def test_every_block_hash_and_receipt_is_reached_in_parallel(name: str) -> None:
    vector = load(name)
    genesis = genesis_from_json(vector["genesis"])
    rules = Rules(chain_id=genesis.chain_id, is_optimism=True)
    state = memory_state(genesis.alloc)
    parent = genesis_header(genesis, state)
    hashes = [parent.compute_hash()]
    engine = ParallelEngine(MemorySource(), 2, limits=EAGER)
    assert engine.wait_until_ready()

    for entry in vector["l2"][1:]:
        block = decode_block(from_hex(entry["block"]))
        environment = make_environment(rules, parent, attributes_of(block), tuple(reversed(hashes[-256:])))
        opened = engine.open_block(parent, environment, state)
        outcomes = opened.apply(block.transactions)
        assert all(isinstance(outcome, Included) for outcome in outcomes), entry["number"]
        sealed = opened.seal(state)

        assert [receipt.encode() for receipt in sealed.receipts] == [from_hex(raw) for raw in entry["receipts"]]
        assert sealed.block.hash == from_hex(entry["hash"])
        state = state.after(sealed.changes, sealed.trie)
        parent = sealed.block.header
        hashes.append(sealed.block.hash)
    engine.close()
    assert engine.counts.speculated > 0
