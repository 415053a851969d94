"""Replay of mainnet's blocks: the fork follows number and time, and gas, receipts and bloom are compared."""

from pathlib import Path

import pytest

from l1_bridge.json_fields import MalformedField
from sequencer.conformance.engines import EngineName, make_engine
from sequencer.conformance.fields import NoFixture
from sequencer.conformance.replay import fork_of_mainnet, replay_folder
from sequencer.conformance.verdicts import Verdict
from sequencer.execution.environment import Fork
from sequencer.native import is_available
from sequencer.primitives.receipt import Log
from sequencer.primitives.transaction import AccessListEntry, Transaction
from tests.factories import RECIPIENT, make_authorization, make_transaction
from tests.unit.conformance.blob_factory import make_blob_transaction
from tests.unit.conformance.replay_factory import (
    BERLIN,
    CANCUN,
    CONTRACT,
    ISTANBUL,
    LONDON,
    PARIS,
    PRAGUE,
    SHANGHAI,
    block_json,
    pre_state,
    write_folder,
)

CHAIN_ID = 1
LOG_DIFFICULTY = "4460005260206000a000"
"""Logs what DIFFICULTY gives."""

LOG_HASHES = "61{:04x}43034060005260206000a000"
"""Logs BLOCKHASH of so many blocks ago."""


INSTALLED = [EngineName.SERIAL, *[EngineName.NATIVE] * is_available()]


def replay(folder: Path, engine: EngineName = EngineName.SERIAL) -> Verdict:
    [verdict] = replay_folder(make_engine(engine, 2), folder)
    return verdict


def transfer(nonce: int = 0, **parts: object) -> Transaction:
    arguments = {"type": 0, "chain_id": CHAIN_ID, "gas_price": 100, "nonce": nonce, **parts}
    return make_transaction(**arguments)  # type: ignore[arg-type]  # the test names the parts


@pytest.mark.parametrize(
    ("place", "fork"),
    [
        (ISTANBUL, Fork.ISTANBUL),
        (BERLIN, Fork.BERLIN),
        (LONDON, Fork.LONDON),
        (PARIS, Fork.PARIS),
        (SHANGHAI, Fork.SHANGHAI),
        (CANCUN, Fork.CANCUN),
        (PRAGUE, Fork.PRAGUE),
    ],
)
@pytest.mark.parametrize("engine", INSTALLED)
def test_a_block_runs_at_its_fork(tmp_path: Path, place: tuple[int, int], fork: Fork, engine: EngineName) -> None:
    block = block_json(place, [transfer(), transfer(1)], [21_000, 21_000])

    folder = write_folder(tmp_path, block, pre_state())
    assert replay(folder, engine) == Verdict(str(tmp_path), f"block {place[0]}", fork.value)


@pytest.mark.parametrize(
    ("number", "timestamp", "fork"),
    [
        (9_069_000, 1_575_764_709, Fork.ISTANBUL),
        (12_243_999, 1_618_481_214, Fork.ISTANBUL),
        (12_244_000, 1_618_481_223, Fork.BERLIN),
        (12_964_999, 1_628_166_812, Fork.BERLIN),
        (12_965_000, 1_628_166_822, Fork.LONDON),
        (15_537_393, 1_663_224_162, Fork.LONDON),
        (15_537_394, 1_663_224_179, Fork.PARIS),
        (17_034_869, 1_681_338_443, Fork.PARIS),
        (17_034_870, 1_681_338_455, Fork.SHANGHAI),
        (19_426_586, 1_710_338_123, Fork.SHANGHAI),
        (19_426_587, 1_710_338_135, Fork.CANCUN),
        (22_431_083, 1_746_612_299, Fork.CANCUN),
        (22_431_084, 1_746_612_311, Fork.PRAGUE),
    ],
)
def test_forks_of_mainnet(number: int, timestamp: int, fork: Fork) -> None:
    assert fork_of_mainnet(number, timestamp) is fork


@pytest.mark.parametrize(("number", "timestamp"), [(9_068_999, 1_575_764_700), (23_935_694, 1_764_798_551)])
def test_blocks_outside_of_our_forks_are_refused(number: int, timestamp: int) -> None:
    with pytest.raises(NoFixture):
        fork_of_mainnet(number, timestamp)


@pytest.mark.parametrize("engine", INSTALLED)
def test_every_type_of_transaction_is_put_together_again(tmp_path: Path, engine: EngineName) -> None:
    entry = AccessListEntry(RECIPIENT, (1,))
    transactions = [
        transfer(),
        transfer(1, chain_id=None),
        transfer(2, type=1, access_list=[entry], gas_limit=30_000),
        make_transaction(nonce=3, chain_id=CHAIN_ID, max_fee_per_gas=100, max_priority_fee_per_gas=1),
        make_blob_transaction(nonce=4, chain_id=CHAIN_ID),
        transfer(5, type=4, authorizations=[make_authorization(chain_id=CHAIN_ID)], max_priority_fee_per_gas=1),
    ]
    gas = [21_000, 21_000, 25_300, 21_000, 21_000, 46_000]
    block = block_json(PRAGUE, transactions, gas)

    assert replay(write_folder(tmp_path, block, pre_state()), engine).error is None


def test_difficulty_is_what_the_header_has_until_the_merge(tmp_path: Path) -> None:
    call = transfer(to=CONTRACT, value=0, gas_limit=100_000)
    log = Log(CONTRACT, (), (0x1234).to_bytes(32, "big"))
    gas = 21_000 + 2 + 3 + 6 + 3 + 3 + 375 + 256
    block = block_json(LONDON, [call], [gas], [log])
    after = block_json(PARIS, [call], [gas], [Log(CONTRACT, (), b"\x05" * 32)])

    assert replay(write_folder(tmp_path / "a", block, pre_state(LOG_DIFFICULTY))).error is None
    assert replay(write_folder(tmp_path / "b", after, pre_state(LOG_DIFFICULTY))).error is None


@pytest.mark.parametrize(("distance", "expected"), [(1, b"\x77" * 32), (3, b"\x99" * 32), (256, b"\xaa" * 32)])
def test_hashes_of_ancestors_come_from_the_file(tmp_path: Path, distance: int, expected: bytes) -> None:
    call = transfer(to=CONTRACT, value=0, gas_limit=100_000)
    gas = 21_000 + 3 + 2 + 3 + 20 + 3 + 6 + 3 + 3 + 375 + 256
    number = PRAGUE[0]
    block = block_json(PRAGUE, [call], [gas], [Log(CONTRACT, (), expected)])
    hashes: dict[str, object] = {str(number - 3): "0x" + "99" * 32, hex(number - 256): "0x" + "aa" * 32}
    folder = write_folder(tmp_path, block, pre_state(LOG_HASHES.format(distance)), hashes)

    assert replay(folder).error is None


def test_widths_of_hex_may_vary(tmp_path: Path) -> None:
    block = block_json(PRAGUE, [transfer()], [21_000])
    padded = {**block, "gasUsed": "0x" + hex(21_000)[2:].rjust(64, "0"), "timestamp": PRAGUE[1]}
    state = pre_state()
    [account] = state.values()
    account |= {"nonce": 0, "code": None, "storage": {"0x" + "0" * 64: "0x" + "0" * 64}}  # type: ignore[operator]

    assert replay(write_folder(tmp_path, padded, state)).error is None


def test_the_answer_of_json_rpc_may_be_whole(tmp_path: Path) -> None:
    answer = {"jsonrpc": "2.0", "id": 1, "result": block_json(PRAGUE, [transfer()], [21_000])}

    assert replay(write_folder(tmp_path, answer, pre_state())).error is None


@pytest.mark.parametrize(
    ("changed", "fact"),
    [
        ({"gasUsed": "0x5209"}, "gas used is 21000, the header has 21001"),
        ({"receiptsRoot": "0x" + "00" * 32}, "receipts root is"),
        ({"logsBloom": "0x" + "01" * 256}, "logs bloom is"),
        ({"gasLimit": "0x5207"}, "transaction 0 was refused: gas limit above"),
    ],
)
def test_a_difference_to_the_header_is_told(tmp_path: Path, changed: dict[str, object], fact: str) -> None:
    block = {**block_json(PRAGUE, [transfer()], [21_000]), **changed}

    assert fact in (replay(write_folder(tmp_path, block, pre_state())).error or "")


def test_a_block_that_its_state_does_not_fit_fails(tmp_path: Path) -> None:
    block = block_json(PRAGUE, [transfer()], [21_000])

    assert "insufficient funds" in (replay(write_folder(tmp_path, block, {})).error or "")


@pytest.mark.parametrize("name", ["block.json", "pre_state.json"])
def test_a_folder_without_a_file_is_refused(tmp_path: Path, name: str) -> None:
    folder = write_folder(tmp_path, block_json(PRAGUE, [transfer()], [21_000]), pre_state())
    (folder / name).unlink()

    with pytest.raises(NoFixture, match=name):
        replay(folder)


@pytest.mark.parametrize("name", ["block.json", "pre_state.json", "block_hashes.json"])
def test_a_file_that_is_not_json_is_named(tmp_path: Path, name: str) -> None:
    folder = write_folder(tmp_path, block_json(PRAGUE, [transfer()], [21_000]), pre_state(), {})
    (folder / name).write_text("{")

    with pytest.raises(NoFixture, match=f"{name} is not JSON"):
        replay(folder)


@pytest.mark.parametrize(
    ("changed", "key"),
    [
        ({"number": None}, "number"),
        ({"gasUsed": "21000"}, "gasUsed"),
        ({"miner": "0xcb"}, "miner"),
        ({"logsBloom": "0x00"}, "logsBloom"),
        ({"baseFeePerGas": None}, "baseFeePerGas"),
        ({"transactions": ["0x" + "11" * 32]}, "transactions"),
        ({"transactions": [{"type": "0x7e"}]}, "type"),
    ],
)
def test_a_block_that_makes_no_sense_is_refused(tmp_path: Path, changed: dict[str, object], key: str) -> None:
    block = {**block_json(PRAGUE, [transfer()], [21_000]), **changed}

    with pytest.raises(MalformedField, match=key):
        replay(write_folder(tmp_path, block, pre_state()))


def test_a_transaction_that_is_not_its_hash_is_refused(tmp_path: Path) -> None:
    block = block_json(PRAGUE, [transfer()], [21_000])
    block["transactions"][0]["value"] = "0x2"  # type: ignore[index]  # as the factory makes it

    with pytest.raises(MalformedField, match="hash to the hash"):
        replay(write_folder(tmp_path, block, pre_state()))


def test_another_parent_in_the_file_of_hashes_is_refused(tmp_path: Path) -> None:
    block = block_json(PRAGUE, [transfer()], [21_000])
    folder = write_folder(tmp_path, block, pre_state(), {str(PRAGUE[0] - 1): "0x" + "00" * 32})

    with pytest.raises(MalformedField, match="another parent"):
        replay(folder)
