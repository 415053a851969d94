"""anvil's file of its chain: blocks that are not ancestors of the newest are taken out before a start."""

import json
from pathlib import Path

import pytest

from contracts.keccak import keccak
from l1_bridge.l1_header import encode_header
from sequencer.node.anvil_state import keep_one_chain

Block = dict[str, dict[str, str]]


def _block(number: int, parent: Block | None, timestamp: int) -> Block:
    words = dict.fromkeys(("sha3Uncles", "stateRoot", "transactionsRoot", "receiptsRoot", "mixHash"), "0x" + "00" * 32)
    parent_hash = bytes(32) if parent is None else keccak(encode_header(parent["header"]))
    header = words | {
        "parentHash": "0x" + parent_hash.hex(),
        "miner": "0x" + "00" * 20,
        "logsBloom": "0x" + "00" * 256,
        "extraData": "0x",
        "nonce": "0x" + "00" * 8,
        **dict.fromkeys(("difficulty", "gasLimit", "gasUsed"), "0x0"),
        "number": hex(number),
        "timestamp": hex(timestamp),
    }
    return {"header": header}


def _write(path: Path, blocks: list[Block], best: int) -> None:
    path.write_text(json.dumps({"best_block_number": best, "blocks": blocks, "accounts": {"kept": 1}}))


def test_other_geneses_and_orphans_are_taken_out(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    genesis, stranger = _block(0, None, 1), _block(0, None, 50)
    first, orphan = _block(1, genesis, 2), _block(1, genesis, 3)
    second = _block(2, first, 4)
    _write(state, [stranger, orphan, second, genesis, first], 2)

    keep_one_chain(state)

    content = json.loads(state.read_text())
    assert content == {"best_block_number": 2, "blocks": [second, first, genesis], "accounts": {"kept": 1}}
    assert list(tmp_path.iterdir()) == [state]


def test_of_two_newest_blocks_the_later_one_counts(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    genesis = _block(0, None, 1)
    early, late = _block(1, genesis, 2), _block(1, genesis, 3)
    _write(state, [late, genesis, early], 1)

    keep_one_chain(state)

    assert json.loads(state.read_text())["blocks"] == [late, genesis]


@pytest.mark.parametrize("text", ['{"blocks": 5}', '{"blocks": [5]}', '{"blocks": [], "best_block_number": 4}', "{}"])
def test_a_file_of_another_form_is_left_alone(tmp_path: Path, text: str) -> None:
    state = tmp_path / "state.json"
    state.write_text(text)

    keep_one_chain(state)

    assert state.read_text() == text
    keep_one_chain(tmp_path / "absent")
