"""Law 4 at the journal: whatever was acknowledged before kill -9 is there after it, or ended with a reason."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

from sequencer.mempool.journal import Journal
from tests.factories import CHAIN_ID

ROOT = Path(__file__).parents[3]
KILLS = 20


def run_and_kill(directory: Path, seed: int) -> tuple[set[str], set[str]]:
    """Kill a submitting child after a seeded number of lines; what it acknowledged, and what it sealed."""
    lines_to_read = random.Random(seed).randrange(1, 60)
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.unit.mempool.submitting_child", str(directory), str(seed)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert child.stdout is not None
        lines = [child.stdout.readline() for _ in range(lines_to_read)]
        child.kill()
        rest, errors = child.communicate(timeout=30)
    finally:
        child.kill()
        child.wait()
    assert child.returncode == -9, errors.decode()
    said = [line.split() for line in b"".join([*lines, rest]).decode().splitlines() if len(line) == 66]
    acknowledged = {transaction_hash for kind, transaction_hash in said if kind == "A"}
    return acknowledged, {transaction_hash for kind, transaction_hash in said if kind == "S"}


@pytest.mark.parametrize("round_of_kills", [0, *(pytest.param(number, marks=pytest.mark.slow) for number in (1, 2, 3))])
def test_acknowledged_transactions_survive_kill_9(round_of_kills: int, tmp_path: Path) -> None:
    """Each directory is killed several times: replay over what earlier kills left must hold too."""
    acknowledged: set[str] = set()
    sealed: set[str] = set()
    for seed in range(round_of_kills * KILLS // 4, (round_of_kills + 1) * KILLS // 4):
        new, gone = run_and_kill(tmp_path, seed)
        acknowledged |= new
        sealed |= gone

        replayed = Journal.read(tmp_path, chain_id=CHAIN_ID)
        found = {key.hex() for key in (*replayed.transactions, *replayed.terminals)}
        assert acknowledged - sealed <= found, f"seed {seed}"

    assert acknowledged
    assert sealed
