"""The committed artifacts are what the sources give."""

import os
import shutil
from pathlib import Path

import pytest

from contracts import build

MISSING = [
    name
    for name, present in (
        ("node", shutil.which("node") is not None),
        ("the packages of contracts/package-lock.json", (build.ROOT / "node_modules" / "solc").is_dir()),
    )
    if not present
]


@pytest.mark.skipif(
    bool(MISSING) and "CI" not in os.environ, reason=f"the compiler can not run: no {' and no '.join(MISSING)}"
)
@pytest.mark.timeout(300)
def test_artifacts_are_regenerated_byte_for_byte() -> None:
    compiled = build.compile_sources()

    assert build.check_artifacts(compiled, build.ROOT / "artifacts") == []


def test_every_difference_is_told(tmp_path: Path) -> None:
    (tmp_path / "Same.json").write_text("same")
    (tmp_path / "Changed.json").write_text("old")
    (tmp_path / "Gone.json").write_text("left over")

    problems = build.check_artifacts({"Same": "same", "Changed": "new", "Added": "x"}, tmp_path)

    assert problems == ["Added: no artifact", "Changed: artifact differs", "Gone: artifact without a contract"]


def test_a_missing_compiler_is_said_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    with pytest.raises(build.BuildFailed, match="node is not installed"):
        build.compile_sources()


def test_the_lock_names_no_host_and_pins_by_hash() -> None:
    lock = (build.ROOT / "package-lock.json").read_text()

    assert '"resolved"' not in lock
    assert '"integrity": "sha512-' in lock
