"""What bridges and their users do: deposits on L1, and balances proven against the root that stands on L1."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import pytest
import requests
from web3 import Web3

from sequencer.node.anvil import find_foundry_tool
from tests.loopback_server import JsonHandler, serving
from tests.missing_tools import end_without

from .chain_clients import ETHER, Clients, connect, receipt_of, send_and_wait
from .devnet_process import DevnetProcess, run_braid, wait_until

DOCUMENT = Path(__file__).parents[2] / "docs" / "bridges.md"
SCRIPT = Path(__file__).parents[2] / "deploy" / "examples" / "prove_slot.sh"
L1_BLOCK = Web3.to_checksum_address("0x4200000000000000000000000000000000000015")
HOLDER = Web3.to_checksum_address("0x" + "b1" * 20)
"""An account with a balance that a bridge asks for."""


def alter(found: object, field: str) -> None:
    """Change one bit of the hex under a path such as `storageProof.0.value`."""
    *path, last = field.split(".")
    for step in path:
        found = found[int(step)] if isinstance(found, list) else cast(dict[str, object], found)[step]
    holder = cast(dict[str, object], found)
    told = str(holder[last])
    digits = 64 if len(told) == 66 else 0  # a hash keeps its leading zeros, a quantity has none
    holder[last] = f"0x{int(told, 16) ^ 1:0{digits}x}"


@contextmanager
def altered_node(url: str, method: str, field: str) -> Iterator[str]:
    """An L2 node that changes one field in its answers to one method."""

    class Proxy(JsonHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            answer = requests.post(url, data=body, headers={"content-type": "application/json"}, timeout=10).json()
            asked = json.loads(body)
            answers = zip(asked, answer, strict=True) if isinstance(asked, list) else [(asked, answer)]
            for request, given in answers:
                if request["method"] == method:
                    alter(given["result"], field)
            self.answer(answer)

    with serving(Proxy) as served:
        yield served


def run_example(
    clients: Clients, l2_url: str, tmp_path: Path, account: str = HOLDER
) -> "subprocess.CompletedProcess[str]":
    """Run the script of the document, as it stands there, for the holder's balance."""
    script = tmp_path / "read_balance.py"
    (code,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    script.write_text(code)
    arguments = [clients.devnet.text("l1_rpc"), l2_url, clients.devnet.contract("L2OutputOracle"), account, "0x2"]
    return subprocess.run(
        [sys.executable, str(script), *arguments], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture(scope="session")
def posted_balance(devnet: DevnetProcess) -> int:
    """Balance of the holder, once an output covers it."""
    with connect(devnet) as clients:
        receipt = send_and_wait(clients.l2, clients.account(6), {"to": HOLDER, "value": 12_345})
        last = clients.l1_contract("L2OutputOracle").functions.latestBlockNumber()
        wait_until("an output covers the balance", lambda: last.call() >= receipt["blockNumber"])
    return 12_345


def test_deposit_by_the_command_line_arrives(clients: Clients) -> None:
    sender, recipient = clients.account(7), Web3.to_checksum_address("0x" + "d1" * 20)
    before = clients.l2.eth.get_balance(recipient)
    rollup = str(clients.devnet.data_dir / "rollup.json")
    arguments = ["--l1", clients.devnet.text("l1_rpc"), "--rollup", rollup, "--value", "1.5", "--to", recipient]
    done = run_braid("bridge", "deposit", *arguments, environment={"BRAID_KEY": "0x" + bytes(sender.key).hex()})

    assert done.returncode == 0, done.stderr
    found = re.search(r"L2 transaction (0x[0-9a-f]{64})", done.stdout)
    assert found is not None, done.stdout
    receipt = receipt_of(clients.l2, bytes.fromhex(found[1][2:]))
    assert (receipt["type"], receipt["status"], receipt["from"]) == (0x7E, 1, sender.address)
    assert clients.l2.eth.get_balance(recipient) == before + 3 * ETHER // 2


def test_deposit_by_a_client_runs_a_call_on_l2(clients: Clients) -> None:
    """The portal itself, with web3.py: mint, and a transfer of a part of it."""
    sender, recipient = clients.account(8), Web3.to_checksum_address("0x" + "d2" * 20)
    portal = clients.l1_contract("OptimismPortal")
    before = clients.l2.eth.get_balance(recipient)
    data = portal.encode_abi("depositTransaction", [recipient, 40, 100_000, False, b""])
    sent = send_and_wait(clients.l1, sender, {"to": portal.address, "value": 100, "data": data})

    assert sent["status"] == 1
    wait_until("the deposit arrives", lambda: clients.l2.eth.get_balance(recipient) == before + 40)


def test_balance_is_read_from_l1_alone(clients: Clients, posted_balance: int, tmp_path: Path) -> None:
    done = run_example(clients, clients.devnet.text("replica_rpc"), tmp_path)

    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(f": {posted_balance} wei, slot 0x2 is 0\n")


def test_slot_is_read_from_l1_alone(clients: Clients, posted_balance: int, tmp_path: Path) -> None:
    done = run_example(clients, clients.devnet.text("replica_rpc"), tmp_path, L1_BLOCK)

    assert posted_balance
    assert done.returncode == 0, done.stderr
    found = re.search(r"L2 block (\d+): \d+ wei, slot 0x2 is (\d+)\n$", done.stdout)
    assert found is not None, done.stdout
    assert int.from_bytes(clients.l2.eth.get_storage_at(L1_BLOCK, 2, int(found[1])), "big") == int(found[2]) > 0


@pytest.mark.parametrize(
    ("method", "field", "refusal"),
    [
        ("eth_getProof", "balance", "the account is not the one that is claimed"),
        ("eth_getProof", "storageProof.0.value", "slot 0x" + "0" * 63 + "2 is not what is claimed"),
        ("optimism_outputAtBlock", "stateRoot", "the output root proof is that of another output"),
    ],
)
def test_tampered_answer_is_refused(
    clients: Clients, posted_balance: int, tmp_path: Path, method: str, field: str, refusal: str
) -> None:
    with altered_node(clients.devnet.text("l2_rpc"), method, field) as url:
        done = run_example(clients, url, tmp_path)

    assert posted_balance
    assert done.returncode == 1
    assert f"InvalidProof: {refusal}" in done.stderr
    assert "wei" not in done.stdout


def prove_slot(clients: Clients, l2_url: str) -> "subprocess.CompletedProcess[str]":
    """The example for `cast`, for the hash of the L1 origin that the predeploy L1Block holds."""
    binary = find_foundry_tool("cast")
    if binary is None:
        end_without("cast is neither among the contracts' npm packages nor on PATH")
    command = [str(SCRIPT), clients.devnet.text("l1_rpc"), l2_url, clients.devnet.contract("L2OutputOracle")]
    environment = {**os.environ, "PATH": f"{binary.parent}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(
        [*command, L1_BLOCK, "0x2"], capture_output=True, text=True, timeout=100, check=False, env=environment
    )


def test_slot_is_proven_with_cast(clients: Clients, posted_balance: int) -> None:
    done = prove_slot(clients, clients.devnet.text("replica_rpc"))

    assert posted_balance
    assert done.returncode == 0, done.stderr
    found = re.fullmatch(r"output \d+, L2 block (\d+): slot 0x2 is (0x[0-9a-f]{64})\n", done.stdout)
    assert found is not None, done.stdout
    assert bytes(clients.l2.eth.get_storage_at(L1_BLOCK, 2, int(found[1]))).hex() == found[2][2:]
    assert int(found[2], 16) > 0


@pytest.mark.parametrize(
    ("method", "field", "refusal"),
    [
        ("eth_getProof", "storageProof.0.value", "which is not what is claimed"),
        ("eth_getBlockByNumber", "stateRoot", "the block is not the one of output"),
    ],
)
def test_tampered_slot_is_refused_with_cast(
    clients: Clients, posted_balance: int, method: str, field: str, refusal: str
) -> None:
    with altered_node(clients.devnet.text("l2_rpc"), method, field) as url:
        done = prove_slot(clients, url)

    assert posted_balance
    assert done.returncode == 1, done.stdout
    assert refusal in done.stderr
    assert done.stdout == ""


def test_newest_output_is_printed(clients: Clients, posted_balance: int) -> None:
    oracle = clients.devnet.contract("L2OutputOracle")
    done = run_braid("bridge", "output", "--l1", clients.devnet.text("l1_rpc"), "--oracle", oracle)

    assert posted_balance
    assert done.returncode == 0, done.stderr
    assert re.match(
        r"output \d+: root 0x[0-9a-f]{64} of L2 block \d+\n(final|not final: \d+ s of 4 s left)\n", done.stdout
    )
