"""Every law has tests, and every test that `docs/spec/laws.md` names exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAWS = (ROOT / "docs" / "spec" / "laws.md").read_text()
SECTIONS = re.split(r"^## Law ", LAWS, flags=re.MULTILINE)[1:]
FILES = sorted(set(re.findall(r"`(tests/[a-z0-9_/]+\.py)`", LAWS)))
NAMES = sorted(set(re.findall(r"`(test_[a-z0-9_]+)`", LAWS)))


def test_there_are_eight_laws_with_tests() -> None:
    assert [section.split(":")[0] for section in SECTIONS] == [str(number) for number in range(1, 9)]
    assert all(re.search(r"`tests/[a-z0-9_/]+\.py`", section) for section in SECTIONS)


@pytest.mark.parametrize("file", FILES)
def test_a_file_that_is_named_exists(file: str) -> None:
    assert (ROOT / file).is_file()


def test_tests_that_are_named_exist_in_the_files_that_are_named() -> None:
    sources = "\n".join((ROOT / file).read_text() for file in FILES)

    assert [name for name in NAMES if f"def {name}(" not in sources] == []
