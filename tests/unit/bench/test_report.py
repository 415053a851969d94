"""What a run writes: tables between the markers and nothing else, and a plot that is well-formed."""

from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench.engines import NATIVE_ONE, NATIVE_TWO
from bench.plot import LABEL_DISTANCE, Curve, draw_curves
from bench.report import BEGIN, END, TARGETS, NoMarkers, write_between_markers
from bench.state_rows import StateRow, state_table


def test_only_what_stands_between_the_markers_is_replaced(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    document.write_text(f"prose\n{BEGIN}\nold\n{END}\nmore prose\n")

    write_between_markers(document, "new\n")

    assert document.read_text() == f"prose\n{BEGIN}\nnew\n{END}\nmore prose\n"


@pytest.mark.parametrize("text", ["", BEGIN, END + BEGIN, BEGIN + END + END])
def test_a_document_without_its_markers_is_refused_and_kept(tmp_path: Path, text: str) -> None:
    document = tmp_path / "performance.md"
    document.write_text(text)

    with pytest.raises(NoMarkers, match="once each"):
        write_between_markers(document, "new")
    assert document.read_text() == text


def test_the_plot_has_a_line_and_a_label_for_each_workload() -> None:
    curves = [Curve(f"a < {index}", {1: 1.0, 2: 1.5, 4: 2.0 + index / 100}, {2: 1.4}) for index in range(9)]

    root = ElementTree.fromstring(draw_curves("title", curves, (1, 2, 4)))

    name = "{http://www.w3.org/2000/svg}"
    labels = [item for item in root.iter(f"{name}text") if (item.text or "").startswith("a < ")]
    heights = sorted(float(item.attrib["y"]) for item in labels)
    assert len(labels) == len(list(root.iter(f"{name}circle"))) == 9
    assert len(list(root.iter(f"{name}polyline"))) == 10
    assert all(second - first >= LABEL_DISTANCE - 0.2 for first, second in pairwise(heights))


@pytest.mark.parametrize(
    "workload",
    [
        "raw transfers",
        "raw transfers of one sender",
        "ERC-20 of one sender",
        "ERC-20 hand to hand",
        "swaps, one pool",
        "mints, one counter",
    ],
)
def test_no_dependent_workload_is_left_out_of_what_was_asked_for(workload: str) -> None:
    [target] = [target for target in TARGETS if target.workload == workload]

    assert (target.engine, target.reference, target.at_least) == (NATIVE_TWO, NATIVE_ONE, 0.95)


def test_the_state_table_counts_what_is_settled_later() -> None:
    row = StateRow("native", 100, 10, root=1.0, commit=2.0, both=3.0, settle=4.5, open=0.0, anonymous=1, file=1)

    headings, _, cells = (line.strip("| ").split(" | ") for line in state_table([row]).splitlines())

    assert dict(zip(headings, cells, strict=True))["settle ms"] == "4.5"
    assert dict(zip(headings, cells, strict=True))["all ms"] == "7.5"
