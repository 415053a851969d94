"""The wheel: holds what runs and nothing else, and runs from another directory without the repository."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from email.parser import Parser
from pathlib import Path

import pytest

from sequencer import native

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = ("devnet", "node", "replica", "batcher", "proposer", "deploy", "genesis", "bridge", "doctor", "bench")
PACKAGES = ("contracts", "l1_bridge", "batcher", "sequencer")

ROW = r"^(ok|--|!!) +(\S+) +(.*?) *$"
"""A line of the doctor: sign, part, and what was found with what that means."""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tracked files, so no stale build folder can be in what is built."""
    source = tmp_path_factory.mktemp("source")
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, timeout=60)
    for name in filter(None, listing.stdout.decode().split("\0")):
        if (
            name.split("/")[0] in (*PACKAGES, "pyproject.toml", "README.md", "LICENSE", "tests")
            and (ROOT / name).is_file()
        ):
            target = source / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, target)
    return source


def _build(source: Path, out: Path, environment: Mapping[str, str]) -> Path:
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(source)]
    built = subprocess.run(command, capture_output=True, text=True, timeout=1_500, env=dict(environment))
    assert built.returncode == 0, built.stdout[-2000:] + built.stderr[-2000:]
    [wheel] = out.glob("*.whl")
    return wheel


def _without_cargo() -> dict[str, str]:
    """This environment on a machine without a Rust toolchain."""
    folders = os.environ["PATH"].split(os.pathsep)
    return {
        **os.environ,
        "PATH": os.pathsep.join(folder for folder in folders if not (Path(folder) / "cargo").exists()),
    }


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built without cargo."""
    return _build(source, tmp_path_factory.mktemp("dist"), _without_cargo())


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel in a folder of its own; dependencies are those of this environment."""
    target = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    return target


def _metadata(wheel: Path, name: str) -> str:
    with zipfile.ZipFile(wheel) as archive:
        [path] = [path for path in archive.namelist() if path.endswith(f".dist-info/{name}")]
        return archive.read(path).decode()


def _run(installed: Path, directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BRAID_")}
    environment |= {"PYTHONPATH": str(installed), "COLUMNS": "400", "NO_COLOR": "1", "TERM": "dumb"}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, timeout=120)


def test_the_wheel_holds_the_packages_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()

    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)
    assert not [name for name in names if "node_modules" in name or "tests" in name.split("/") or "__pycache__" in name]
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_the_wheel_holds_every_contract_artifact(wheel: Path) -> None:
    committed = {path.name for path in (ROOT / "contracts" / "artifacts").glob("*.json")}
    with zipfile.ZipFile(wheel) as archive:
        packed = {name.split("/")[-1] for name in archive.namelist() if name.startswith("contracts/artifacts/")}
        portal = json.loads(archive.read("contracts/artifacts/OptimismPortal.json"))

    assert packed == committed
    assert portal


def test_without_cargo_the_wheel_has_no_extension_and_says_so(wheel: Path, installed: Path, tmp_path: Path) -> None:
    ran = _run(installed, tmp_path, "-c", "from sequencer.native import absence; print(absence)")

    assert not [name for name in zipfile.ZipFile(wheel).namelist() if name.endswith(".so")]
    assert ran.stdout.startswith("it was not built: no Rust toolchain")


def test_the_extension_is_loaded_where_cargo_is() -> None:
    """A crate that does not compile would go unnoticed: the build takes the extension as optional."""
    if os.environ.get(native.PURE_PYTHON_VARIABLE):
        pytest.skip("the suite runs without the extension")
    if shutil.which("cargo") is None:
        assert not os.environ.get("CI"), "CI has to have cargo"
        pytest.skip("no cargo here")

    assert native.is_available(), native.absence


def test_the_metadata_names_distribution_and_command(wheel: Path) -> None:
    metadata = Parser().parsestr(_metadata(wheel, "METADATA"))

    assert metadata["Name"] == "braid-rollup"
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"] == "MIT"
    assert "py-evm==0.12.1b1" in metadata.get_all("Requires-Dist", [])
    assert "braid = sequencer.cli:main" in _metadata(wheel, "entry_points.txt")


def test_the_installed_packages_are_the_ones_that_run(installed: Path, tmp_path: Path) -> None:
    program = "import contracts, l1_bridge, batcher, sequencer; print(*(m.__file__ for m in (contracts, sequencer)))"

    ran = _run(installed, tmp_path, "-c", program)

    assert ran.returncode == 0, ran.stderr
    assert all(path.startswith(str(installed)) for path in ran.stdout.split())


def test_the_command_runs_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    ran = _run(installed, tmp_path, "-m", "sequencer", "--help")

    assert ran.returncode == 0, ran.stderr
    for command in (
        "devnet",
        "node",
        "replica",
        "batcher",
        "proposer",
        "deploy",
        "genesis",
        "bridge",
        "doctor",
        "bench",
    ):
        assert command in ran.stdout


def test_the_doctor_runs_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    ran = _run(installed, tmp_path, "-m", "sequencer", "doctor")

    assert ran.returncode == 0, ran.stdout + ran.stderr
    rows = {match[2]: (match[1], match[3]) for match in re.finditer(ROW, ran.stdout, re.MULTILINE)}
    sign, engine = rows["engine"]
    assert (sign, engine.startswith("parallel, serial ")) == ("--", True)
    assert "py-evm serves" in engine
    assert "it was not built: no Rust toolchain" in engine
    assert rows["Redis"][0] == rows["braid-rollup"][0] == "ok"


def test_contract_artifacts_are_read_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    program = "from contracts.preinstalls import PREINSTALLED_CODE; print(len(PREINSTALLED_CODE))"

    ran = _run(installed, tmp_path, "-c", program)

    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout) > 0
