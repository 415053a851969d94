"""The genesis file: its accounts are read once, and another file is never taken for it."""

import json
from pathlib import Path

import pytest

from sequencer.node.genesis_file import KNOWN_NAME, GenesisReading, load_genesis
from sequencer.node.json_files import UnusableFile
from tests.fakes.chain_story import make_genesis

HASH = b"\x07" * 32


def write(path: Path, **changes: int) -> Path:
    path.write_text(json.dumps(make_genesis(**changes).to_json()))
    return path


def test_a_remembered_file_is_known_by_its_hash_and_still_has_its_accounts(tmp_path: Path) -> None:
    path = write(tmp_path / "genesis.json")
    first = load_genesis(path, tmp_path)
    light = first.remember(tmp_path, HASH)
    again = load_genesis(path, tmp_path).genesis

    assert first.genesis.known_hash is None
    assert (again.known_hash, light.known_hash) == (HASH, HASH)
    assert dict(again.alloc) == dict(light.alloc) == dict(first.genesis.alloc)
    assert again.to_json() == first.genesis.to_json()


def test_another_file_is_not_taken_for_the_remembered_one(tmp_path: Path) -> None:
    path = write(tmp_path / "genesis.json")
    load_genesis(path, tmp_path).remember(tmp_path, HASH)
    write(path, timestamp=77)

    assert load_genesis(path, tmp_path).genesis.known_hash is None


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"digest": 1}'])
def test_a_memory_that_can_not_be_read_is_none(tmp_path: Path, content: str) -> None:
    path = write(tmp_path / "genesis.json")
    load_genesis(path, tmp_path).remember(tmp_path, HASH)
    (tmp_path / KNOWN_NAME).write_text(content)

    assert load_genesis(path, tmp_path).genesis.known_hash is None


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnusableFile, match=r"genesis\.json"):
        load_genesis(tmp_path / "genesis.json", tmp_path)


async def test_a_file_that_is_read_ahead_is_given_once(tmp_path: Path) -> None:
    path = write(tmp_path / "genesis.json")
    reading = GenesisReading(path, tmp_path)
    found = await reading.take()

    assert found.digest == load_genesis(path, tmp_path).digest
    with pytest.raises(AssertionError, match="taken before"):
        await reading.take()


async def test_a_file_that_can_not_be_read_ahead_is_named(tmp_path: Path) -> None:
    reading = GenesisReading(tmp_path / "genesis.json", tmp_path)

    with pytest.raises(UnusableFile, match=r"genesis\.json"):
        await reading.take()
