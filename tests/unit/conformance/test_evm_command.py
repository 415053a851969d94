"""`braid evm`: one line or object a case, numbers at the end, exit code 1 when a case fails; never a traceback."""

from pathlib import Path
from typing import cast

import orjson
import pytest
from click.testing import Result
from typer.testing import CliRunner

from l1_bridge.errors import BraidError
from sequencer.cli import app
from tests.unit.conformance.fixture_factory import block_test, state_test, transfer, with_entry, write
from tests.unit.conformance.replay_factory import PRAGUE, block_json, pre_state, write_folder


def evm(*arguments: object) -> Result:
    """Run a subcommand; what `braid` itself turns into one line on standard error is raised here."""
    result = CliRunner().invoke(app, ["evm", *map(str, arguments)])
    if isinstance(result.exception, BraidError):
        raise result.exception
    return cast(Result, result)


def objects(result: Result) -> list[dict[str, object]]:
    return [orjson.loads(line) for line in result.stdout.splitlines()]


def test_state_tests_that_pass(tmp_path: Path) -> None:
    path = write(tmp_path, "a.json", {"good": state_test(), "old": state_test("London")})
    result = evm("statetest", path)
    lines = result.stdout.splitlines()

    assert result.exit_code == 0
    assert lines[0] == f"ok   {path} good[0] [Cancun]"
    assert lines[1].startswith("skip ")
    assert lines[2].startswith("1 passed, 0 failed, 1 skipped in ")


def test_a_state_test_that_fails(tmp_path: Path) -> None:
    write(tmp_path, "a.json", {"good": state_test(), "bad": with_entry(state_test(), logs="0x01")})
    result = evm("statetest", tmp_path)

    assert result.exit_code == 1
    assert "FAIL" in result.stdout
    assert "bad[0] [Cancun]: logs hash is 0x1dcc4de8" in result.stdout
    assert "1 passed, 1 failed" in result.stdout


def test_json_has_one_object_a_case_and_a_last_one(tmp_path: Path) -> None:
    tests = {"good": state_test(), "old": state_test("London"), "bad": with_entry(state_test(), logs="0x01")}
    result = evm("statetest", write(tmp_path, "a.json", tests), "--json")
    good, bad, last = objects(result)

    assert result.exit_code == 1
    assert (good["name"], good["fork"], good["pass"]) == ("good[0]", "Cancun", True)
    assert (bad["name"], bad["pass"]) == ("bad[0]", False)
    assert last == {"passed": 1, "failed": 1, "ok": False, "seconds": last["seconds"]}
    assert isinstance(last["seconds"], float)


@pytest.mark.parametrize("fork", ["Cancun", "Prague"])
def test_blockchain_tests(tmp_path: Path, fork: str) -> None:
    path = write(tmp_path, "a.json", {"good": block_test(fork), "bad": {**block_test(fork), "lastblockhash": "0x00"}})
    result = evm("blocktest", path, "--json", "--jobs", 1)

    assert result.exit_code == 1
    assert [item.get("pass") for item in objects(result)] == [True, False, None]


def test_a_folder_with_fixtures_of_several_kinds(tmp_path: Path) -> None:
    write(tmp_path, "state/a.json", {"name": state_test()})
    write(tmp_path, "blocks/a.json", {"name": block_test()})

    assert "1 passed, 0 failed, 1 skipped" in evm("blocktest", tmp_path).stdout
    assert "1 passed, 0 failed, 1 skipped" in evm("statetest", tmp_path).stdout


@pytest.mark.parametrize("command", ["statetest", "blocktest"])
@pytest.mark.parametrize("content", ["", "no json", "[]", '{"a": {"b": 1}}'])
def test_a_fixture_that_is_no_fixture(tmp_path: Path, command: str, content: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(content)
    result = evm(command, path, "--json")
    case, last = objects(result)

    assert result.exit_code == 1
    assert case["error"]
    assert last["failed"] == 1


def test_paths_with_nothing_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(BraidError, match="no JSON file below"):
        evm("statetest", tmp_path)
    with pytest.raises(BraidError, match="no such file or folder"):
        evm("blocktest", tmp_path / "missing")


def test_an_engine_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BraidError, match="'geth' is no engine"):
        evm("statetest", tmp_path, "--engine", "geth")


def test_replay_of_a_block(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, block_json(PRAGUE, [transfer()], [21_000]), pre_state())
    result = evm("replay", folder, "--json")
    case, last = objects(result)

    assert result.exit_code == 0
    assert (case["name"], case["fork"], case["pass"]) == (f"block {PRAGUE[0]}", "prague", True)
    assert (last["passed"], last["failed"], last["ok"]) == (1, 0, True)


def test_replay_of_a_block_with_another_header(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, block_json(PRAGUE, [transfer()], [21_001]), pre_state())
    result = evm("replay", folder, "--engine", "parallel", "--workers", 1)

    assert result.exit_code == 1
    assert "gas used is 21000, the header has 21001" in result.stdout


def test_replay_of_a_folder_that_is_none(tmp_path: Path) -> None:
    result = evm("replay", tmp_path / "missing")

    assert result.exit_code == 1
    assert "there is no such folder" in result.stdout
