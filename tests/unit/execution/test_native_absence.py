"""A native extension that is absent, left out, or does not load: a reason is given, and everything else goes on."""

import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sequencer import native
from sequencer.execution.native import engine


def _absence(directory: Path, *, extension: bytes | None, name: str = "extension.abi3.so") -> str:
    """What a process says that finds this as its extension, in a copy of the door alone."""
    package = directory / "sequencer" / "native"
    package.mkdir(parents=True)
    (directory / "sequencer" / "__init__.py").write_text("")
    shutil.copyfile(Path(native.__file__), package / "__init__.py")
    if extension is not None:
        (package / name).write_bytes(extension)
    program = "from sequencer import native; print(native.is_available(), native.absence)"
    environment = {name: value for name, value in os.environ.items() if name != native.PURE_PYTHON_VARIABLE}
    command = [sys.executable, "-c", program]
    ran = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=60, env=environment)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_without_the_extension_the_reason_is_the_toolchain(tmp_path: Path) -> None:
    assert _absence(tmp_path, extension=None).startswith("False it was not built")


def test_an_extension_that_does_not_load_is_named(tmp_path: Path) -> None:
    assert _absence(tmp_path, extension=b"no library").startswith("False it does not load: ")


@pytest.mark.parametrize("name", ["extension.cpython-27-x86_64-linux-gnu.so", "extension.cp27-win_amd64.pyd"])
def test_an_extension_for_another_python_is_told_from_none(tmp_path: Path, name: str) -> None:
    said = _absence(tmp_path, extension=b"no library", name=name)

    assert said.strip() == f"False it was built for another Python than {sys.implementation.cache_tag}: {name}"


def test_a_file_that_is_no_library_is_no_extension(tmp_path: Path) -> None:
    assert _absence(tmp_path, extension=b"", name="extension.pyi").startswith("False it was not built")


def test_the_variable_leaves_it_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(native.PURE_PYTHON_VARIABLE, "1")
    try:
        left_out = importlib.reload(native)
        assert (left_out.extension, left_out.absence) == (None, "BRAID_PURE_PYTHON is set")
    finally:
        monkeypatch.undo()
        importlib.reload(native)


def test_the_engine_says_why_it_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "extension", None)
    monkeypatch.setattr(engine, "absence", "it does not load: a symbol is missing")

    with pytest.raises(engine.NativeEngineAbsent, match="a symbol is missing"):
        engine.NativeEngine()
