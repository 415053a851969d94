"""The accounts of a genesis file in the extension: the same as Python reads, and little memory for many of them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.start import write_genesis
from sequencer.primitives.genesis import genesis_from_json
from sequencer.state.genesis_accounts import read_genesis_or_none
from tests.fakes.chain_story import make_genesis
from tests.missing_tools import needs_extension

pytestmark = needs_extension

ADDRESS = "0x" + "ab" * 20
SLOT, VALUE = "0x" + "07".zfill(64), "0x" + "0a".zfill(64)

MOST_BYTES = 1_000
"""An account's part of the peak, file included: with the rest of a node, a million stay below 1 GiB."""

PROGRAM = """
import resource, sys
from pathlib import Path
from sequencer.chain.genesis import ensure_genesis
from sequencer.state.genesis_accounts import read_genesis_or_none
from sequencer.state.store import Store

store = Store.open(Path(sys.argv[2]), chain_id=902)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
ensure_genesis(store, read_genesis_or_none(Path(sys.argv[1])), None)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


def write(path: Path, entry: object) -> dict[str, object]:
    content = {**make_genesis().to_json(), "alloc": {ADDRESS: entry}}
    path.write_text(json.dumps(content))
    return content


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"balance": "0x0"},
        {"balance": hex(2**256 - 1), "nonce": "0x7"},
        {"balance": str(10**24), "nonce": 7},
        {"balance": 10**24, "nonce": "7"},
        {"code": "0x6001", "storage": {SLOT: VALUE, "0x08": 3}},
        {"code": "", "storage": {}},
    ],
)
def test_both_readers_read_the_same(tmp_path: Path, entry: object) -> None:
    content = write(tmp_path / "genesis.json", entry)
    found = read_genesis_or_none(tmp_path / "genesis.json")

    assert found is not None
    assert dict(found.alloc) == dict(genesis_from_json(content).alloc)


@pytest.mark.parametrize(
    "entry",
    [{"balance": None}, {"balance": "twelve"}, {"balance": -1}, {"balance": 1.5}, {"code": None}, {"storage": []}, 7],
)
def test_what_is_wrong_is_left_to_the_reader_that_says_why(tmp_path: Path, entry: object) -> None:
    write(tmp_path / "genesis.json", entry)

    assert read_genesis_or_none(tmp_path / "genesis.json") is None


def test_many_accounts_take_little_memory(tmp_path: Path) -> None:
    accounts = 100_000
    write_genesis(tmp_path / "genesis.json", accounts, senders=10)
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "genesis.json"), str(tmp_path / "chain")]
    answer = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=60)

    assert int(answer.stdout) < accounts * MOST_BYTES
