"""Runs over files: what is found, what is no fixture, what is left out, and what is told."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from l1_bridge.json_fields import MalformedField
from sequencer.conformance.engines import (
    EngineMissing,
    EngineName,
    FixtureReader,
    UnknownEngine,
    make_engine,
    parse_engine,
)
from sequencer.conformance.fields import NoFixture, read_number
from sequencer.conformance.files import FixtureFile, find_files
from sequencer.conformance.runner import Kind, Run, run_file, run_files, run_folder
from sequencer.conformance.state import read_state
from sequencer.conformance.verdicts import Tally, Verdict
from sequencer.execution.interface import Engine
from sequencer.execution.serial import SerialEngine
from tests.factories import RECIPIENT
from tests.unit.conformance.fixture_factory import block_test, state_test, with_entry, write


def run(
    path: Path, kind: Kind = Kind.STATE_TESTS, *, is_named: bool = True, engine: Engine | None = None
) -> list[Verdict]:
    return run_file(engine or SerialEngine(), kind, FixtureFile(str(path), is_named))


def test_all_fixtures_of_a_file_are_run(tmp_path: Path) -> None:
    path = write(tmp_path, "a.json", {"one": state_test(), "two": with_entry(state_test(), hash="0x00")})
    one, two = run(path)

    assert (one.name, one.error) == ("one[0]", None)
    assert two.name == "two[0]"
    assert two.error is not None


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"{}", b'"text"', b'{"name": 1}', b'{"name": {}}', b'{"name": {"env": 1}}', b"\xff\xfe"],
)
@pytest.mark.parametrize("kind", Kind)
def test_a_file_that_is_no_fixture_is_a_failed_case(tmp_path: Path, content: bytes, kind: Kind) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    [verdict] = run(path, kind, is_named=False)

    assert verdict.error is not None
    assert "crashed" not in verdict.error


@pytest.mark.parametrize("part", ["env", "pre", "transaction", "post"])
@pytest.mark.parametrize("broken", [None, [], "text", 7])
def test_a_part_that_makes_no_sense_is_a_failed_case(tmp_path: Path, part: str, broken: object) -> None:
    path = write(tmp_path, "a.json", {"name": {**state_test(), part: broken}})
    [verdict] = run(path)

    assert (verdict.error or "").startswith(f"no fixture: {part}")


@pytest.mark.parametrize("post", [{}, {"Cancun": {}}, {"Cancun": [7]}, {"Cancun": [{}]}])
def test_expectations_that_make_no_sense_are_a_failed_case(tmp_path: Path, post: object) -> None:
    path = write(tmp_path, "a.json", {"name": {**state_test(), "post": post}})
    [verdict] = run(path)

    assert (verdict.error or "").startswith("no fixture: ")


def test_other_kinds_below_a_folder_are_skipped_and_named_ones_are_not(tmp_path: Path) -> None:
    path = write(tmp_path, "a.json", {"name": block_test()})
    [below], [named] = run(path, is_named=False), run(path)

    assert below.is_skipped
    assert named.error == "no state test"
    assert run(path, Kind.BLOCK_TESTS) == [Verdict(str(path), "name", "Cancun")]


def test_an_engine_that_breaks_fails_the_case(tmp_path: Path) -> None:
    class Broken(SerialEngine):
        def open_block(self, *_: object) -> object:  # type: ignore[override]
            raise ZeroDivisionError("by accident")

    path = write(tmp_path, "a.json", {"name": state_test()})
    [verdict] = run(path, engine=Broken())

    assert verdict.error == "crashed: ZeroDivisionError: by accident"


def test_folders_are_searched_in_order_without_hidden_ones(tmp_path: Path) -> None:
    paths = [write(tmp_path, name, {}) for name in ("b/2.json", "b/1.json", "c.json", ".meta/index.json", "d.txt")]
    found = find_files([tmp_path / "b", tmp_path])

    assert [file.path for file in found] == [str(paths[index]) for index in (1, 0, 1, 0, 2)]
    assert find_files([paths[4]]) == [FixtureFile(str(paths[4]), is_named=True)]


def test_nothing_to_run_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NoFixture, match="no JSON file"):
        find_files([tmp_path])
    with pytest.raises(NoFixture, match="no such file"):
        find_files([tmp_path / "missing.json"])


def test_a_folder_that_is_no_block_is_a_failed_case(tmp_path: Path) -> None:
    [missing] = run_folder(SerialEngine(), tmp_path / "missing")
    [empty] = run_folder(SerialEngine(), tmp_path)

    assert "no such folder" in (missing.error or "")
    assert "no block.json" in (empty.error or "")


def test_files_are_run_in_processes_too(tmp_path: Path) -> None:
    files = [FixtureFile(str(write(tmp_path, f"{index}.json", {"name": state_test()})), True) for index in range(3)]
    alone = list(run_files(Run(Kind.STATE_TESTS, jobs=1), files))

    assert list(run_files(Run(Kind.STATE_TESTS, jobs=2), files)) == alone
    assert [verdict.error for verdicts in alone for verdict in verdicts] == [None] * 3


@pytest.mark.parametrize("tests", [{"state": state_test("Prague")}, {"block": block_test("Prague", withdrawals=True)}])
def test_the_parallel_engine_passes_too(tmp_path: Path, tests: Mapping[str, object]) -> None:
    path = write(tmp_path, "a.json", tests)
    engine = make_engine(EngineName.PARALLEL, 1)
    try:
        [verdict] = run(path, Kind.STATE_TESTS if "state" in tests else Kind.BLOCK_TESTS, engine=engine)
    finally:
        engine.close()

    assert verdict.error is None


@pytest.mark.parametrize("is_there", [True, False])
def test_the_native_engine_is_taken_where_it_is(monkeypatch: pytest.MonkeyPatch, is_there: bool) -> None:
    monkeypatch.setattr("sequencer.native.extension", object() if is_there else None)

    if is_there:
        assert parse_engine("native") is EngineName.NATIVE
    else:
        with pytest.raises(EngineMissing, match="needs the extension"):
            parse_engine("native")


def test_an_engine_that_does_not_exist_is_told() -> None:
    assert parse_engine("parallel") is EngineName.PARALLEL
    with pytest.raises(UnknownEngine, match="'geth' is no engine: serial, parallel, native"):
        parse_engine("geth")


def test_the_tally_counts_skipped_cases_apart() -> None:
    tally = Tally()
    tally.count([Verdict("f", "a"), Verdict("f", "b", error="wrong"), Verdict("f", "c", is_skipped=True)])

    assert (tally.passed, tally.failed, tally.skipped) == (1, 1, 1)
    assert tally.to_json(1.23456) == {"passed": 1, "failed": 1, "ok": False, "seconds": 1.235}


def test_a_state_tells_whether_an_account_has_storage() -> None:
    key = "0x" + RECIPIENT.hex()
    with_slot = read_state({key: {"storage": {"0x01": "0x02"}}}, "pre")
    with_zero = read_state({key: {"storage": {"0x01": "0x00"}}}, "pre")

    assert FixtureReader(with_slot).has_storage(RECIPIENT)
    assert not FixtureReader(with_zero).has_storage(RECIPIENT)


@pytest.mark.parametrize("value", ["", "0x", "12", "0xg", "0x_1", "0x1 ", "0x" + "1" * 65, -1, True, None, 1.5, []])
def test_what_is_no_number_is_refused(value: object) -> None:
    with pytest.raises(MalformedField):
        read_number(value, "number")
