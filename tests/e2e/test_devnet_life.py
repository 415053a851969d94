"""Starting, stopping, going on and refusing to start: `braid devnet` as its user sees it."""

import json
import os
import signal
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from web3.types import RPCEndpoint

from .chain_clients import RECIPIENT, Clients, connect, safe_number, send, send_and_wait
from .conftest import QUICK, require_l1
from .devnet_process import DevnetProcess, Ended, find_port_base, run_braid, wait_until


@dataclass(frozen=True, slots=True)
class Stopped:
    """A chain that ran, took a transfer, and was stopped by Ctrl-C in the same moment."""

    devnet: DevnetProcess
    ended: Ended
    height: int
    transfer: bytes


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Stopped:
    devnet = DevnetProcess("embedded", tmp_path_factory.mktemp("stopped"), QUICK)
    devnet.start()
    with connect(devnet) as clients:
        height = clients.l2.eth.block_number
        transfer = send(clients.l2, clients.account(0), {"to": RECIPIENT, "value": 1})
    ended = devnet.end(signal.SIGINT)
    return Stopped(devnet, ended, height, transfer)


@pytest.fixture
def going_on(stopped: Stopped) -> Iterator[DevnetProcess]:
    """The same chain, started once more."""
    stopped.devnet.start()
    yield stopped.devnet
    if stopped.devnet.is_running:
        stopped.devnet.end()


def test_interrupt_stops_everything(stopped: Stopped) -> None:
    assert stopped.ended == Ended(0, "", (), ())


def test_acknowledged_transaction_is_included_after_a_stop(stopped: Stopped, going_on: DevnetProcess) -> None:
    """Law 4 through an orderly stop; a child that dies afterwards ends the devnet with its name and nothing left."""
    with connect(going_on) as clients:
        found = wait_until("the transfer is sealed", lambda: _inclusion(clients, stopped.transfer))
        assert clients.l2.eth.block_number > stopped.height
        assert clients.l2.eth.get_block(found)["number"] == found

    _kill(going_on.child("batcher"))
    ended = going_on.wait_for_end()

    assert ended.code == 1
    assert ended.stderr.startswith("braid: batcher ended with code -9\n")
    assert "Traceback" not in ended.stderr
    assert (ended.living, ended.ports) == ((), ())


def test_chain_goes_on_after_a_restart(devnet: DevnetProcess) -> None:
    """Nothing is lost: heads only grow, old blocks are the same, both chains take transactions."""
    with connect(devnet) as clients:
        receipt = send_and_wait(clients.l2, clients.account(3), {"to": RECIPIENT, "value": 1})
        l1_height, safe = clients.l1.eth.block_number, safe_number(clients.l2)

    devnet.restart()

    with connect(devnet) as clients:
        assert clients.l1.eth.block_number >= l1_height
        assert safe_number(clients.l2) >= safe
        again = clients.l2.eth.get_transaction_receipt(receipt["transactionHash"])
        assert again["blockHash"] == receipt["blockHash"]
        later = send_and_wait(clients.l2, clients.account(3), {"to": RECIPIENT, "value": 1})
        assert later["blockNumber"] > receipt["blockNumber"]
        wait_until("the replica follows", lambda: safe_number(clients.replica) >= later["blockNumber"])
        theirs = clients.replica.eth.get_transaction_receipt(later["transactionHash"])
        assert theirs["blockHash"] == clients.l2.eth.get_block(later["blockNumber"])["hash"]


def test_port_in_use_is_said_and_nothing_starts(tmp_path: Path) -> None:
    base = find_port_base()
    with socket.create_server(("127.0.0.1", base + 1)):
        done = run_braid("devnet", "--json", "--l1", "embedded", "--data-dir", str(tmp_path), "--port-base", str(base))

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"braid: port {base + 1} in use: stop what holds it, or choose another --port-base\n"


@pytest.mark.parametrize(("made_on", "asked"), [("anvil", "embedded"), ("embedded", "anvil")])
def test_data_directory_of_another_l1_is_refused(tmp_path: Path, made_on: str, asked: str) -> None:
    require_l1(asked)
    (tmp_path / "devnet.json").write_text(json.dumps({"l1": made_on, "l1_chain_id": 900, "contracts": {}}))
    (tmp_path / "rollup.json").write_text("{}")
    base = str(find_port_base())
    done = run_braid("devnet", "--json", "--l1", asked, "--data-dir", str(tmp_path), "--port-base", base)

    assert (done.returncode, done.stdout) == (1, "")
    assert f"belongs to a chain on L1 '{made_on}', not '{asked}'" in done.stderr
    assert "Traceback" not in done.stderr


def test_doctor_finds_what_is_needed() -> None:
    done = run_braid("doctor")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Redis" in done.stdout


def _inclusion(clients: Clients, transaction_hash: bytes) -> int | None:
    answer = clients.l2.provider.make_request(
        RPCEndpoint("braid_transactionStatus"),
        ["0x" + transaction_hash.hex()],
    )["result"]
    assert answer["status"] not in ("dropped", "rejected", "unknown"), answer
    return int(answer["blockNumber"], 16) if answer["status"] in ("sealed", "safe", "finalized") else None


def _kill(process_id: int) -> None:
    os.kill(process_id, signal.SIGKILL)
