"""Claims about the chain against what L1 says: `braid watch` where a wrong output really stands, `braid verify`."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from eth_account import Account

from l1_bridge.signer import keys_from_mnemonic
from sequencer.node.dev_accounts import CHALLENGER_INDEX, DEV_MNEMONIC, PROPOSER_INDEX

from .chain_clients import Clients, connect, send_and_wait
from .conftest import require_l1
from .devnet_process import DevnetProcess, braid, run_braid, wait_until
from .test_bridge import altered_node

WRONG_ROOT = b"\xee" * 32
PROPOSER_KEY, CHALLENGER_KEY = ("0x" + key.hex() for key in keys_from_mnemonic(DEV_MNEMONIC, (21, 22)))


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clients]:
    """A devnet whose outputs are not final for an hour, so that no slow machine makes a wrong one final."""
    options = ("--block-time", "1", "--l1-block-time", "1", "--output-interval", "4", "--finalization-period", "3600")
    devnet = DevnetProcess("embedded", tmp_path_factory.mktemp("patient"), options)
    devnet.start()
    with connect(devnet) as clients:
        oracle = clients.l1_contract("L2OutputOracle")
        wait_until("two outputs are posted", lambda: oracle.functions.nextOutputIndex().call() >= 2)
        yield clients
    ended = devnet.end()
    assert (ended.code, ended.living, ended.ports) == (0, (), ()), ended


@contextmanager
def no_proposer(devnet: DevnetProcess) -> Iterator[None]:
    """The proposer stands still, so that its account is somebody else's to use."""
    process = devnet.child("proposer")
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


def options(clients: Clients, *, genesis: bool = False) -> list[str]:
    folder = clients.devnet.data_dir
    made = ["--l1", clients.devnet.text("l1_rpc"), "--rollup", str(folder / "rollup.json")]
    return [*made, "--genesis", str(folder / "genesis.json")] if genesis else made


def post_wrong_output(clients: Clients) -> int:
    """Post it with the proposer's key; its index."""
    oracle = clients.l1_contract("L2OutputOracle")
    number = oracle.functions.nextBlockNumber().call()
    due = oracle.functions.computeL2Timestamp(number).call()
    wait_until("the output is due", lambda: clients.l1.eth.get_block("latest")["timestamp"] > due)
    data = oracle.encode_abi("proposeL2Output", [WRONG_ROOT, number, bytes(32), 0])
    receipt = send_and_wait(clients.l1, Account.from_key(PROPOSER_KEY), {"to": oracle.address, "data": data})
    assert receipt["status"] == 1
    index: int = oracle.functions.latestOutputIndex().call()
    return index


@contextmanager
def watching(clients: Clients, tmp_path: Path, *arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
    """`braid watch` on the replica's derivation with the challenger's key; stopped in order at the end."""
    command = braid("watch", *options(clients), "--replica", clients.devnet.text("replica_rpc"), "--poll", "0.5")
    with (tmp_path / "watch.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, *arguments], stdout=log, stderr=log, env={**os.environ, "BRAID_CHALLENGER_KEY": CHALLENGER_KEY}
        )
        try:
            yield process
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=40) == 0
        finally:
            process.kill()
            process.wait()


def test_accounts_are_the_devnets() -> None:
    assert (PROPOSER_INDEX, CHALLENGER_INDEX) == (21, 22)


def test_a_wrong_output_is_found_told_and_deleted(patient: Clients, tmp_path: Path) -> None:
    oracle = patient.l1_contract("L2OutputOracle")
    heard = tmp_path / "heard.json"
    script = f"import sys, pathlib; pathlib.Path({str(heard)!r}).write_text(sys.stdin.read())"
    replica = ["--replica", patient.devnet.text("replica_rpc")]
    with no_proposer(patient.devnet):
        index = post_wrong_output(patient)
        once = run_braid("watch", *options(patient), *replica, "--once", "--poll", "0.5", seconds=110)
        assert once.returncode == 1
        assert re.search(rf"braid: wrong outputs: {index} \(L2 block \d+\)\n$", once.stderr)

        with watching(patient, tmp_path, "--alert-command", f'{sys.executable} -c "{script}"'):
            wait_until("the wrong output is gone", lambda: oracle.functions.nextOutputIndex().call() <= index, 80.0)
            told = json.loads(wait_until("the alarm sounds", lambda: heard.exists() and heard.read_text()))

    assert (told["index"], told["posted_root"]) == (index, "0x" + WRONG_ROOT.hex())
    log = (tmp_path / "watch.log").read_text()
    assert '"event": "wrong_output"' in log
    assert CHALLENGER_KEY[2:] not in log
    wait_until("the proposer goes on", lambda: oracle.functions.nextOutputIndex().call() > index, 90.0)


def test_right_outputs_are_judged_by_a_derivation_of_ones_own(patient: Clients, tmp_path: Path) -> None:
    own = ["--data-dir", str(tmp_path / "own")]
    done = run_braid("watch", *options(patient, genesis=True), *own, "--once", "--poll", "0.5", seconds=110)

    assert done.returncode == 0, done.stderr
    assert re.search(r"^\d+ outputs are right$", done.stdout, re.MULTILINE)


@pytest.mark.parametrize(
    ("key", "refusal"),
    [(PROPOSER_KEY, "the oracle's challenger is 0x"), ("0x12", "a private key has 32 bytes, not 1")],
    ids=["another account's", "none"],
)
def test_a_key_that_may_not_delete_is_refused_at_the_start(patient: Clients, key: str, refusal: str) -> None:
    arguments = [*options(patient), "--replica", patient.devnet.text("replica_rpc")]
    done = run_braid("watch", *arguments, environment={"BRAID_CHALLENGER_KEY": key})

    assert done.returncode == 1
    assert refusal in done.stderr
    assert PROPOSER_KEY[2:] not in done.stderr + done.stdout


def test_a_range_follows_from_l1_without_keeping_anything(patient: Clients, tmp_path: Path) -> None:
    wait_until("eight blocks are safe", lambda: patient.replica.eth.get_block("safe")["number"] >= 8)
    wanted = ["--from", "2", "--to", "8", "--node", patient.devnet.text("l2_rpc"), "--work-dir", str(tmp_path)]
    done = run_braid("verify", *options(patient, genesis=True), *wanted, seconds=110)

    assert done.returncode == 0, done.stderr
    assert (
        f"L2 blocks 2 to 8 follow from L1, 7 block hashes are those of {patient.devnet.text('l2_rpc')}" in done.stdout
    )
    assert "2 posted outputs are right" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_node_with_other_blocks_is_found_out(patient: Clients) -> None:
    wait_until("five blocks are safe", lambda: patient.replica.eth.get_block("safe")["number"] >= 5)
    with altered_node(patient.devnet.text("l2_rpc"), "eth_getBlockByNumber", "hash") as url:
        wanted = ["--from", "5", "--to", "5", "--node", url]
        done = run_braid("verify", *options(patient, genesis=True), *wanted, seconds=110)

    assert done.returncode == 1
    assert re.search(r"braid: 1 differences: block 5: derived 0x[0-9a-f]{64}, the node has 0x", done.stderr)


def test_a_range_that_l1_does_not_hold_is_named(patient: Clients) -> None:
    done = run_braid("verify", *options(patient, genesis=True), "--from", "1", "--to", "1000000", seconds=110)

    assert done.returncode == 1
    assert re.search(r"braid: L1 holds L2 blocks up to \d+, not 1000000\n$", done.stderr)


@pytest.fixture(scope="module")
def blobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clients]:
    """A devnet on anvil, which serves a beacon's blobs, whose batches are in blobs alone."""
    require_l1("anvil")
    quick = ("--block-time", "1", "--l1-block-time", "1", "--output-interval", "4", "--finalization-period", "3600")
    environment = {"BRAID_BATCHER_DATA_AVAILABILITY": "blobs"}
    devnet = DevnetProcess("anvil", tmp_path_factory.mktemp("blobs"), quick, environment)
    devnet.start()
    with connect(devnet) as clients:
        oracle = clients.l1_contract("L2OutputOracle")
        wait_until("an output is posted", lambda: oracle.functions.nextOutputIndex().call() >= 1, 90.0)
        yield clients
    ended = devnet.end()
    assert (ended.code, ended.living, ended.ports) == (0, (), ()), ended


def test_what_stands_in_blobs_is_verified_and_watched(blobs: Clients, tmp_path: Path) -> None:
    inbox = blobs.l1_contract("BatchInbox")
    [first, *_] = inbox.events.BatchBlobPosted().get_logs(from_block=0)
    assert blobs.l1.eth.get_transaction(first["transactionHash"])["type"] == 3
    chain = ["--l1-chain-config", str(blobs.devnet.data_dir / "l1-chain.json")]
    beacon = ["--l1-beacon", blobs.devnet.text("l1_rpc"), "--trust-l1-transactions-root"]
    common = [*options(blobs, genesis=True), *chain, *beacon]

    verified = run_braid("verify", *common, "--from", "1", "--to", "4", seconds=110)
    watched = run_braid("watch", *common, "--data-dir", str(tmp_path / "own"), "--once", "--poll", "0.5", seconds=110)

    assert verified.returncode == 0, verified.stderr
    assert "1 posted outputs are right" in verified.stdout
    assert watched.returncode == 0, watched.stderr
    assert re.search(r"^\d+ outputs are right$", watched.stdout, re.MULTILINE)
