"""The wheel: holds what runs and nothing else, and runs from another directory without the repository."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = ("devnet", "node", "replica", "batcher", "proposer", "deploy", "genesis", "bridge", "doctor", "bench")
PACKAGES = ("contracts", "l1_bridge", "batcher", "sequencer")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of the tracked files, so no stale build folder can be in it."""
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
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(source)]
    built = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert built.returncode == 0, built.stdout[-2000:] + built.stderr[-2000:]
    [wheel] = out.glob("*.whl")
    return wheel


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
    environment |= {"PYTHONPATH": str(installed), "COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}
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
    assert "py-evm" in ran.stdout
    assert "Redis" in ran.stdout


def test_contract_artifacts_are_read_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    program = "from contracts.preinstalls import PREINSTALLED_CODE; print(len(PREINSTALLED_CODE))"

    ran = _run(installed, tmp_path, "-c", program)

    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout) > 0
