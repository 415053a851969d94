"""The table of bad input names tests; each of them exists, and each file of such tests is named there."""

import re

from tests.architecture.sources import ROOT

TABLE = ROOT / "docs" / "spec" / "bad-input.md"

NAME = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def test_every_test_that_the_table_names_exists() -> None:
    named = NAME.findall(TABLE.read_text())
    missing = [(file, name) for file, name in named if not re.search(rf"def {name}\(", (ROOT / file).read_text())]

    assert len(named) > 50
    assert missing == []


def test_every_row_names_a_test() -> None:
    rows = [line for line in TABLE.read_text().splitlines() if line.startswith("| ") and "| tests |" not in line]

    assert [row for row in rows if not NAME.search(row)] == []


def test_every_test_of_bad_input_to_a_node_is_in_the_table() -> None:
    text = TABLE.read_text()
    found = {
        name
        for file in (ROOT / "tests" / "integration").glob("test_bad_input_*.py")
        for name in re.findall(r"def (test_\w+)\(", file.read_text())
    }
    neighbours = {"test_a_batch_at_the_limit_is_answered", "test_redis_and_workers_take_part_while_all_is_well"}

    assert {name for name in found if f"::{name}`" not in text} == neighbours
