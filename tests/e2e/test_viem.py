"""viem's op-stack actions, unmodified: ether and an ERC-20 token go to L2 and come back, every stage is seen."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.missing_tools import end_without

from .chain_clients import ETHER, Clients, connect, deploy, make_l2_token
from .devnet_process import DevnetProcess

FOLDER = Path(__file__).parent / "viem"
PERIOD = 12
"""Seconds; long enough that a slow machine still looks before they are over."""

STAGES = ["waiting-to-prove", "ready-to-prove", "waiting-to-finalize", "ready-to-finalize", "finalized"]


def require_viem() -> str:
    """The program `node`; skip where it or the package is absent, but on CI: there a missing tool is a failure."""
    node = shutil.which("node")
    if node is None:
        end_without("node is not on PATH")
    if not (FOLDER / "node_modules" / "viem").is_dir():
        end_without("viem is not installed: `make setup` does that where npm is")
    return node


@pytest.fixture(scope="module")
def slow_bridge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clients]:
    """A devnet whose waits are long enough to be seen."""
    times = (
        "--block-time",
        "1",
        "--l1-block-time",
        "1",
        "--output-interval",
        "8",
        "--finalization-period",
        str(PERIOD),
    )
    devnet = DevnetProcess("embedded", tmp_path_factory.mktemp("viem"), times)
    devnet.start()
    with connect(devnet) as clients:
        yield clients
    ended = devnet.end()
    assert (ended.code, ended.living, ended.ports) == (0, (), ()), ended


@pytest.mark.timeout(240)
def test_ether_and_a_token_go_there_and_back(slow_bridge: Clients) -> None:
    node = require_viem()
    devnet = slow_bridge.devnet
    l1_token = deploy(slow_bridge.l1, slow_bridge.account(2), "Token", 10_000).address
    order = {
        "l1_url": devnet.text("l1_rpc"),
        "l2_url": devnet.text("l2_rpc"),
        "l1_chain_id": devnet.info["l1_chain_id"],
        "l2_chain_id": devnet.info["l2_chain_id"],
        "contracts": devnet.info["contracts"],
        "private_key": devnet.key(2),
        "l1_token": l1_token,
        "l2_token": make_l2_token(slow_bridge, slow_bridge.account(2), l1_token),
        "finalization_period": PERIOD,
    }
    done = subprocess.run(
        [node, "bridge.mjs"],
        cwd=FOLDER,
        input=json.dumps(order) + "\n",
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "stages": {"ether": STAGES, "erc20": STAGES},
        "l2_ether_gained": str(ETHER),
        "l2_tokens_gained": 1000,
        "l2_tokens_left": 600,
        "l1_tokens_regained": 400,
        "portal_paid": str(ETHER // 2),
    }
