"""Commands that can not do what they are asked end with one clear line and exit code 1, never with a traceback."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from sequencer.chain.chain import Chain
from sequencer.node.json_files import write_json_object
from sequencer.primitives.genesis import Genesis
from sequencer.state.genesis_state import compute_genesis_header
from sequencer.state.store import Store
from tests.factories import private_key
from tests.fakes.chain_story import make_genesis, make_rollup
from tests.fakes.fake_engine import FakeEngine

NOBODY = "http://127.0.0.1:1"
"""Nothing listens there."""

pytestmark = pytest.mark.slow


def _braid(*arguments: str, variables: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BRAID_")}
    environment |= {"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb", **(variables or {})}
    command = [sys.executable, "-m", "sequencer", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


def _problem(ran: subprocess.CompletedProcess[str]) -> str:
    """The one line that says what is wrong."""
    [line] = [line for line in ran.stderr.splitlines() if line.startswith("braid: ")]
    assert ran.returncode == 1
    assert "Traceback" not in ran.stderr
    return line


@pytest.fixture
def genesis() -> Genesis:
    return make_genesis()


@pytest.fixture
def files(tmp_path: Path, genesis: Genesis) -> Path:
    """genesis.json and rollup.json of a rollup, and l1.json of a plain chain."""
    write_json_object(tmp_path / "genesis.json", genesis.to_json())
    rollup = make_rollup(compute_genesis_header(genesis).compute_hash())
    write_json_object(tmp_path / "rollup.json", rollup.to_json())
    write_json_object(tmp_path / "l1.json", make_genesis(is_optimism=False).to_json())
    return tmp_path


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


def _node(files: Path, *arguments: str, command: str = "node") -> subprocess.CompletedProcess[str]:
    return _braid(
        command,
        *("--genesis", str(files / "genesis.json"), "--rollup", str(files / "rollup.json"), "--l1", NOBODY),
        *("--data-dir", str(files / "data"), "--engine", "serial", "--redis", "off", "--rpc-port", "0"),
        *arguments,
    )


def _standalone(files: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return _braid(
        *("node", "--standalone", "--genesis", str(files / "l1.json"), "--data-dir", str(files / "data")),
        *("--engine", "serial", "--redis", "off", *arguments),
    )


def test_a_node_without_settings_names_everything_that_it_lacks() -> None:
    problem = _problem(_braid("node"))

    assert "data_dir" in problem
    assert "genesis" in problem


def test_wrong_settings_are_all_named_at_once(files: Path) -> None:
    problem = _problem(_node(files, "--workers", "0", "--log-level", "loud", "--clock", "wrist"))

    assert [name for name in ("workers", "log_level", "clock") if name not in problem] == []


def test_a_rollup_of_another_genesis_is_refused(files: Path, genesis: Genesis) -> None:
    write_json_object(files / "genesis.json", replace(genesis, timestamp=genesis.timestamp + 1).to_json())

    problem = _problem(_node(files))

    assert "rollup config names" in problem
    assert compute_genesis_header(genesis).compute_hash().hex() in problem


def test_a_replica_refuses_another_genesis_too(files: Path, genesis: Genesis) -> None:
    rollup = make_rollup(b"\x11" * 32)
    write_json_object(files / "rollup.json", rollup.to_json())

    assert "11" * 32 in _problem(_node(files, command="replica"))


@pytest.mark.parametrize("chain_id", [902, 901])
def test_a_data_directory_of_another_chain_is_refused(files: Path, genesis: Genesis, chain_id: int) -> None:
    """Another chain id, or the same id with another genesis block."""
    _start_directory(files, replace(genesis, chain_id=chain_id, timestamp=genesis.timestamp + 2))

    assert "belongs to another chain" in _problem(_node(files))


def test_a_directory_that_another_process_writes_to_is_refused(files: Path, genesis: Genesis) -> None:
    (files / "data").mkdir()
    store = Store.open(files / "data" / "chain", chain_id=genesis.chain_id)
    try:
        problem = _problem(_node(files))
    finally:
        store.close()

    assert "in use by another process" in problem


@pytest.mark.parametrize("option", ["--rpc-port", "--admin-port"])
def test_a_port_in_use_is_named(files: Path, taken_port: int, option: str) -> None:
    ports = {"--rpc-port": "0", option: str(taken_port)}

    problem = _problem(_standalone(files, *(word for pair in ports.items() for word in pair)))

    assert f"127.0.0.1:{taken_port}" in problem
    assert "in use" in problem


def test_a_data_directory_that_can_not_be_made_is_named(files: Path) -> None:
    (files / "data").write_text("a file")

    assert str(files / "data") in _problem(_standalone(files))


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"genesis": 5}'])
def test_an_agreement_that_can_not_be_read_is_refused(files: Path, content: str) -> None:
    (files / "rollup.json").write_text(content)

    _problem(_node(files))
    _problem(_braid("batcher", "--rollup", str(files / "rollup.json"), "--l1", NOBODY, "--l2", NOBODY))


def test_a_batcher_without_a_key_says_where_it_belongs(files: Path) -> None:
    ran = _braid("batcher", "--rollup", str(files / "rollup.json"), "--l1", NOBODY, "--l2", NOBODY)

    assert "BRAID_BATCHER_KEY is not set" in _problem(ran)


def test_a_key_that_is_none_is_not_repeated(files: Path) -> None:
    broken = private_key(0).hex()[:-1] + "x"
    ran = _braid(
        *("batcher", "--rollup", str(files / "rollup.json"), "--l1", NOBODY, "--l2", NOBODY),
        variables={"BRAID_BATCHER_KEY": broken},
    )

    assert "not hex" in _problem(ran)
    assert broken[:16] not in ran.stdout + ran.stderr


@pytest.mark.parametrize("command", ["withdraw", "prove", "finalize", "deposit", "force"])
def test_a_bridge_command_without_a_key_says_where_it_belongs(files: Path, command: str) -> None:
    arguments = {
        "withdraw": ["--l2", NOBODY, "--value", "1"],
        "deposit": ["--l1", NOBODY, "--value", "1"],
        "force": ["--l1", NOBODY, "--to", "0x" + "0e" * 20],
    }.get(command, ["--l1", NOBODY, "--l2", NOBODY, "0x" + "17" * 32])

    ran = _braid("bridge", command, "--rollup", str(files / "rollup.json"), *arguments)

    assert "BRAID_KEY is not set" in _problem(ran)


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("withdraw", ["--l2", NOBODY, "--value", "much"]),
        ("deposit", ["--l1", NOBODY, "--value", "-1"]),
        ("force", ["--l1", NOBODY, "--to", "0x0e"]),
        ("force", ["--l1", NOBODY]),
        ("force", ["--l1", NOBODY, "--data", "0xzz"]),
    ],
)
def test_amounts_and_addresses_that_are_none_are_a_usage_error(files: Path, command: str, arguments: list[str]) -> None:
    key = {"BRAID_KEY": private_key(0).hex()}
    ran = _braid("bridge", command, "--rollup", str(files / "rollup.json"), *arguments, variables=key)

    assert ran.returncode == 2
    assert "Usage:" in ran.stderr
    assert private_key(0).hex() not in ran.stdout + ran.stderr


def test_a_keystore_that_is_not_there_is_named(files: Path) -> None:
    absent = str(files / "absent.json")
    arguments = ["--l2", NOBODY, "--value", "1", "--keystore", absent]

    assert absent in _problem(_braid("bridge", "withdraw", "--rollup", str(files / "rollup.json"), *arguments))


@pytest.mark.parametrize(
    ("keystore", "key", "named"),
    [("absent.json", "", "absent.json: No such file"), ("absent.json", "42" * 32, "more than one key is given")],
    ids=["absent", "beside a key"],
)
def test_a_challengers_key_that_can_not_be_used_is_named(files: Path, keystore: str, key: str, named: str) -> None:
    ran = _braid(
        *("watch", "--rollup", str(files / "rollup.json"), "--l1", NOBODY, "--replica", NOBODY),
        *("--keystore", str(files / keystore)),
        variables={"BRAID_CHALLENGER_KEY": key},
    )

    assert named in _problem(ran)
    assert "42" * 32 not in ran.stdout + ran.stderr


def test_an_l2_that_is_away_is_not_called_l1(files: Path) -> None:
    arguments = ["--rollup", str(files / "rollup.json"), "--l2", NOBODY, "--value", "1"]
    ran = _braid("bridge", "withdraw", *arguments, variables={"BRAID_KEY": private_key(0).hex()})

    assert "L2 did not answer" in _problem(ran)


def test_an_l1_that_is_away_ends_a_command_that_needs_it(files: Path) -> None:
    ran = _braid("bridge", "output", "--l1", NOBODY, "--oracle", "0x" + "0e" * 20)

    assert "L1 did not answer" in _problem(ran)


@pytest.mark.parametrize(
    "arguments",
    [
        ("bridge", "output", "--l1", NOBODY, "--oracle", "0x42"),
        ("bridge", "status", "--l1", NOBODY, "--l2", NOBODY, "--rollup", "rollup.json", "0x42"),
        ("bridge", "status", "--l1", NOBODY, "--l2", NOBODY, "--rollup", "rollup.json", "zz"),
        ("proposer", "--rollup", "rollup.json", "--l1", NOBODY, "--l2", NOBODY, "--oracle", "zz"),
        ("node", "--standalone", "--genesis", "g", "--data-dir", "d", "--rollup", "r", "--l1", NOBODY),
        ("replica", "--genesis", "g", "--data-dir", "d"),
        ("devnet", "--engine", "fast"),
        ("bench", "--workload", "tea"),
        ("bench", "--against", NOBODY, "--funder-key", "0x12"),
    ],
)
def test_options_that_make_no_sense_are_a_usage_error(arguments: tuple[str, ...]) -> None:
    ran = _braid(*arguments)

    assert ran.returncode == 2
    assert "Traceback" not in ran.stderr
    assert "Usage:" in ran.stderr


def test_a_devnet_on_taken_ports_says_which(tmp_path: Path, taken_port: int) -> None:
    ran = _braid("devnet", "--data-dir", str(tmp_path), "--port-base", str(taken_port - 1), "--l1", "embedded")

    assert re.search(rf"ports? (\d+, )*{taken_port}\b", _problem(ran))


def _start_directory(files: Path, genesis: Genesis) -> None:
    """A data directory that another chain was begun in."""
    rollup = make_rollup(compute_genesis_header(genesis).compute_hash())
    (files / "data").mkdir()
    store = Store.open(files / "data" / "chain", chain_id=genesis.chain_id)
    try:
        Chain.open(store, genesis, rollup, FakeEngine())
    finally:
        store.close()
