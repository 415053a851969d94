"""What posts to L1 serves its metrics on a port of its own, whether L1 and the node answer or not."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

from sequencer.node.json_files import write_json_object
from tests.fakes.chain_story import make_rollup

NOBODY = "http://127.0.0.1:1"
"""Nothing listens there."""

COMMANDS = {
    "batcher": ((), "braid_batcher_held_blocks"),
    "proposer": (("--oracle", "0x" + "0e" * 20), "braid_proposer_next_block_number"),
}
"""Options of its own, and a metric of its own."""

pytestmark = pytest.mark.slow


@contextmanager
def _running(role: str, folder: Path) -> Iterator[int]:
    """The process, with nobody to talk to; the port that its log names."""
    write_json_object(folder / "rollup.json", make_rollup(bytes(32)).to_json())
    common = ("--rollup", str(folder / "rollup.json"), "--l1", NOBODY, "--l2", NOBODY, "--data-dir", str(folder))
    command = [sys.executable, "-m", "sequencer", role, *common, *COMMANDS[role][0], "--admin-port", "0"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BRAID_")}
    environment |= {f"BRAID_{role.upper()}_KEY": "0x" + "42" * 32}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            assert process.stdout is not None
            lines = iter(process.stdout.readline, "")
            said = next((json.loads(line) for line in lines if '"admin_listens"' in line), None)
            assert said is not None, f"{role} ended by itself"
            yield said["admin_port"]
        finally:
            process.kill()


@pytest.mark.parametrize("role", sorted(COMMANDS))
def test_metrics_and_health_are_served(role: str, tmp_path: Path) -> None:
    with _running(role, tmp_path) as port:
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
            names = {line.split(" ")[0] for line in answer.read().decode().splitlines() if not line.startswith("#")}
        with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=30) as answer:
            health = answer.status

    assert health == 200
    assert names >= {"braid_l1_bridge_runway_hours", "braid_l1_bridge_balance_wei", COMMANDS[role][1]}
