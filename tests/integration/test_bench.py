"""`python -m bench` from end to end, small: every engine that is there, the tables and the plot."""

from pathlib import Path

import pytest

from bench.__main__ import main
from bench.engines import engine_entries
from bench.report import BEGIN, END


@pytest.mark.parametrize("only", ["ERC-20, one token", "swaps, a pool each"])
def test_a_quick_run_writes_table_and_plot(tmp_path: Path, only: str) -> None:
    (tmp_path / "performance.md").write_text(f"prose\n{BEGIN}\n{END}\n")

    assert main(["--quick", "--only", only, "--output", str(tmp_path)]) == 0

    text = (tmp_path / "performance.md").read_text()
    _, absence = engine_entries()
    assert text.startswith("prose\n")
    assert f"| {only} |" in text
    assert ("The native engine did not take part" in text) == bool(absence)
    assert "### State root and durable commit" in text
    assert (tmp_path / "performance.svg").read_text().startswith("<svg")


def test_a_workload_that_is_none_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "tea"]) == 2

    assert "there are: raw transfers" in capsys.readouterr().err


def test_a_run_of_nothing_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--transactions", "0"])

    assert "0 is not positive" in capsys.readouterr().err
