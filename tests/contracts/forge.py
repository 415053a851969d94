"""
forge, run in a copy of the Solidity sources: it writes nowhere else, asks no network and reads no user's settings.

The compiler is the one that makes the artifacts (`contracts/compile.cjs`), so node and the contracts' npm packages are
needed.
"""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from contracts import build
from sequencer.node.anvil import find_foundry_tool
from tests.missing_tools import end_without

SUITES = Path("tests") / "contracts" / "solidity"
"""Where suites and settings are, from the top of the repository."""

TOP = build.ROOT.parent

RUN_SECONDS = 900
"""Longest run with the usual numbers of runs, compiler included: a failure, never a pause."""

RUN_SETTINGS = (
    "FOUNDRY_FUZZ_RUNS",
    "FOUNDRY_FUZZ_SEED",
    "FOUNDRY_INVARIANT_DEPTH",
    "FOUNDRY_INVARIANT_RUNS",
    "FOUNDRY_OPTIMIZER",
)
"""What the environment may change: how much is tried, what is tried again, and on which bytes."""


@dataclass(frozen=True, slots=True)
class ForgeProject:
    """A folder with the sources as they lie in the repository, for one run of forge."""

    folder: Path
    forge: Path

    def run(self, *arguments: str, timeout_seconds: float = RUN_SECONDS) -> subprocess.CompletedProcess[str]:
        """Run `forge test`; standard output and errors come together."""
        environment = {name: os.environ[name] for name in ("PATH", *RUN_SETTINGS) if name in os.environ}
        environment["HOME"] = str(self.folder)
        environment["FOUNDRY_CONFIG"] = str(self.folder / SUITES / "foundry.toml")
        return subprocess.run(
            [str(self.forge), "test", "--offline", "--root", str(self.folder), *arguments],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout_seconds,
            check=False,
        )


def make_forge_project(folder: Path) -> ForgeProject:
    """Copy what forge reads to `folder`; end the test where forge or the compiler is absent."""
    forge = find_foundry_tool("forge")
    if forge is None:
        end_without("forge is neither among the contracts' npm packages nor on PATH")
    packages = build.ROOT / "node_modules"
    if shutil.which("node") is None or not (packages / "solc").is_dir():
        end_without("forge has no compiler: node, or the packages of contracts/package-lock.json, are absent")
    library = Path("node_modules") / "@openzeppelin"
    shutil.copytree(build.ROOT / "src", folder / "contracts" / "src")
    shutil.copytree(build.ROOT / library, folder / "contracts" / library)
    shutil.copytree(TOP / SUITES, folder / SUITES)
    # Node follows the link, and finds the compiler's packages beside the original.
    (folder / "contracts" / "compile.cjs").symlink_to(build.ROOT / "compile.cjs")
    return ForgeProject(folder, forge)
