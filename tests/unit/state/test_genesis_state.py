"""Genesis: the chains that op-geth made begin with the block that we make from the same files."""

import gzip
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from l1_bridge.output_root import compute_output_root
from sequencer.primitives.account import EMPTY_TRIE_ROOT
from sequencer.primitives.genesis import genesis_from_json
from sequencer.primitives.predeploys import MESSAGE_PASSER
from sequencer.state.genesis_state import make_genesis_block
from tests.fakes.chain_story import make_genesis

VECTORS = Path(__file__).parents[2] / "vectors" / "op"


def load(name: str) -> Mapping[str, Mapping[str, object]]:
    with gzip.open(VECTORS / name) as file:
        content: Mapping[str, Mapping[str, object]] = json.load(file)
    return content


@pytest.mark.parametrize(
    "name", ["calldata.json.gz", "window.json.gz", "braid_expiry.json.gz", "op_batcher_reorg.json.gz"]
)
def test_the_genesis_hash_is_op_geths(name: str) -> None:
    vector = load(name)
    made = make_genesis_block(genesis_from_json(vector["genesis"]))

    agreed = vector["rollup"]["genesis"]["l2"]["hash"]  # type: ignore[index]  # a vector file
    assert "0x" + made.block.hash.hex() == agreed
    header = made.block.header
    first = next(iter(vector["l2"]))
    root = compute_output_root(header.state_root, header.withdrawals_root, made.block.hash)
    assert "0x" + root.hex() == first["output_root"]  # type: ignore[index]  # a vector file


def test_the_withdrawals_root_of_genesis_is_the_message_passers_storage() -> None:
    rollup = make_genesis_block(make_genesis())
    plain = make_genesis_block(make_genesis(is_optimism=False))

    assert rollup.block.header.withdrawals_root == rollup.trie.storage_roots[MESSAGE_PASSER] != EMPTY_TRIE_ROOT
    assert plain.block.header.withdrawals_root == EMPTY_TRIE_ROOT
