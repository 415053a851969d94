"""The method list in the docs is the method table, and every method is called by some test."""

from pathlib import Path

from sequencer.rpc.method_list import render_method_list
from sequencer.rpc.method_table import ROLLUP_METHODS

ROOT = Path(__file__).parents[3]


def test_method_list_in_the_docs_is_up_to_date() -> None:
    assert (ROOT / "docs" / "rpc.md").read_text() == render_method_list()


def test_every_method_has_a_summary() -> None:
    assert [row.name for row in ROLLUP_METHODS if not row.summary.endswith(".")] == []


def test_every_method_is_named_in_a_test() -> None:
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_rpc_*.py"))

    assert [row.name for row in ROLLUP_METHODS if f'"{row.name}"' not in tests] == []
