"""
The Solidity suites of `tests/contracts/solidity`: fuzz and invariants of the L1 contracts, by forge.

One run for all of them, since the compiler takes longer than the tests; a failure shows forge's own report. A fault in
a contract must end it: BRAID_CONTRACT_FAULTS=all tries each of the table (`make test-long`), `make test` the first.
"""

import os
import re
from pathlib import Path

import pytest

from tests.contracts.contract_faults import FAULTS, Fault
from tests.contracts.forge import RUN_SECONDS, SUITES, TOP, ForgeProject, make_forge_project

pytestmark = [pytest.mark.slow, pytest.mark.timeout(RUN_SECONDS + 60)]

TRIED = FAULTS if os.environ.get("BRAID_CONTRACT_FAULTS") == "all" else FAULTS[:1]


@pytest.fixture
def project(tmp_path: Path) -> ForgeProject:
    return make_forge_project(tmp_path)


def _suites() -> set[str]:
    return {path.name.removesuffix(".t.sol") for path in (TOP / SUITES).glob("*.t.sol")}


def test_every_solidity_suite_passes(project: ForgeProject) -> None:
    result = project.run()

    assert result.returncode == 0, result.stdout
    assert set(re.findall(r"^Ran [1-9]\d* tests? for \S*/(\w+)\.t\.sol:", result.stdout, re.M)) == _suites()


@pytest.mark.parametrize("fault", TRIED, ids=[fault.name.replace(" ", "_") for fault in TRIED])
def test_a_fault_in_a_contract_is_noticed(fault: Fault, project: ForgeProject) -> None:
    fault.put_into(project.folder / "contracts" / "src")

    result = project.run("--match-path", f"{SUITES}/{fault.suite}.t.sol")

    assert result.returncode == 1, result.stdout
    assert "[FAIL" in result.stdout, result.stdout


def test_every_suite_has_a_fault_to_notice() -> None:
    assert {fault.suite for fault in FAULTS} == _suites()
