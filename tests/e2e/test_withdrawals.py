"""The way of a withdrawal by `braid bridge`, and transactions forced through L1, as users type it."""

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from web3 import Web3

from .chain_clients import ETHER, Clients, contract_at, deploy, make_l2_token, receipt_of, send_and_wait
from .devnet_process import run_braid

RECIPIENT = Web3.to_checksum_address("0x" + "e1" * 20)
PASSER = Web3.to_checksum_address("0x4200000000000000000000000000000000000016")
WAIT = ("--wait", "150")
SLOW = pytest.mark.timeout(400)
"""Ten processes in a row, each with its start, beside a whole devnet: minutes on a machine that others use too."""


class Bridge:
    """`braid bridge` with the options that a devnet's user has."""

    def __init__(self, clients: Clients, account: int) -> None:
        self.clients = clients
        self.account = clients.account(account)

    def run(
        self, command: str, *arguments: str, sides: str = "l1 l2", key: str | None = None
    ) -> "subprocess.CompletedProcess[str]":
        options = ["--rollup", str(self.clients.devnet.data_dir / "rollup.json")]
        for side in sides.split():
            options += [f"--{side}", self.clients.devnet.text(f"{side}_rpc")]
        environment = {"BRAID_KEY": key or "0x" + bytes(self.account.key).hex()}
        return run_braid("bridge", command, *options, *arguments, environment=environment, seconds=200)

    def good(self, command: str, *arguments: str, sides: str = "l1 l2") -> str:
        done = self.run(command, *arguments, sides=sides)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def refusal(self, command: str, *arguments: str) -> str:
        done = self.run(command, *arguments)
        assert (done.returncode, done.stdout) == (1, "")
        return done.stderr.rpartition("braid: ")[2].strip()

    def status(self, transaction: str) -> Mapping[str, object]:
        found: Mapping[str, object] = json.loads(self.good("status", transaction, "--json"))
        return found


def fund_portal(clients: Clients, wei: int) -> None:
    """What is withdrawn was deposited before."""
    portal = clients.l1_contract("OptimismPortal")
    receipt = send_and_wait(clients.l1, clients.account(5), {"to": portal.address, "value": wei})
    assert receipt["status"] == 1


def found_hash(pattern: str, text: str) -> str:
    found = re.search(pattern + r" (0x[0-9a-f]{64})", text)
    assert found is not None, text
    return found[1]


@SLOW
def test_withdrawal_goes_through_every_stage(clients: Clients) -> None:
    bridge = Bridge(clients, 4)
    fund_portal(clients, ETHER)
    before = clients.l1.eth.get_balance(RECIPIENT)

    told = bridge.good("withdraw", "--value", "0.25", "--to", RECIPIENT, sides="l2")
    transaction = found_hash("L2 transaction", told)
    first = bridge.status(transaction)
    assert first["status"] in ("waiting for output", "ready to prove")
    assert "finalized" not in bridge.refusal("finalize", transaction)

    proven = bridge.good("prove", transaction, *WAIT)
    assert re.search(r"proven against output \d+ of L2 block \d+", proven)
    assert "it is proven already" in bridge.refusal("prove", transaction)
    assert bridge.status(transaction)["status"] in ("waiting for finality", "ready to finalize")

    assert "the call succeeded" in bridge.good("finalize", transaction, *WAIT)
    assert clients.l1.eth.get_balance(RECIPIENT) == before + ETHER // 4
    assert "nothing is left to do" in bridge.refusal("finalize", transaction)
    last = bridge.status(transaction)
    assert (last["status"], last["call_succeeded"], last["withdrawal"]) == ("finalized", True, first["withdrawal"])
    assert re.search(r"status +finalized; its call succeeded\n +since", bridge.good("status", transaction))


@SLOW
def test_token_goes_to_l2_and_back(clients: Clients) -> None:
    bridge = Bridge(clients, 2)
    on_l1 = deploy(clients.l1, bridge.account, "Token", 5 * ETHER)
    on_l2 = contract_at(clients.l2, make_l2_token(clients, bridge.account, on_l1.address), "OptimismMintableERC20")
    pair = ("--token", on_l1.address, "--l2-token", on_l2.address)

    assert "has 5000000000000000000 of the smallest unit" in bridge.refusal("deposit", *pair, "--value", "5.5")
    assert "stands for" in bridge.refusal("deposit", "--token", RECIPIENT, *pair[2:], "--value", "1")
    assert "no such token there" in bridge.refusal("deposit", *pair[:2], "--l2-token", RECIPIENT, "--value", "1")
    told = bridge.good("deposit", *pair, "--value", "1.5")
    receipt_of(clients.l2, bytes.fromhex(found_hash("L2 transaction", told)[2:]))
    assert on_l2.functions.balanceOf(bridge.account.address).call() == 3 * ETHER // 2

    sent = bridge.good("withdraw", "--token", on_l2.address, "--value", "0.5", "--to", RECIPIENT, sides="l2")
    transaction = found_hash("L2 transaction", sent)
    bridge.good("prove", transaction, *WAIT)
    assert "the call succeeded" in bridge.good("finalize", transaction, *WAIT)
    assert on_l1.functions.balanceOf(RECIPIENT).call() == ETHER // 2
    assert on_l2.functions.balanceOf(bridge.account.address).call() == ETHER


def test_transactions_that_withdraw_nothing_are_named(clients: Clients) -> None:
    bridge = Bridge(clients, 4)
    plain = send_and_wait(clients.l2, clients.account(5), {"to": RECIPIENT, "value": 1})

    assert bridge.refusal("status", "0x" + "17" * 32) == "L2 has no transaction 0x" + "17" * 32
    assert bridge.refusal("prove", "0x" + plain["transactionHash"].hex().removeprefix("0x")).endswith(
        "holds no withdrawal"
    )


def test_wrong_chains_contracts_and_accounts_are_named(clients: Clients, tmp_path: Path) -> None:
    agreed = json.loads((clients.devnet.data_dir / "rollup.json").read_text())
    elsewhere = tmp_path / "rollup.json"
    elsewhere.write_text(json.dumps({**agreed, "deposit_contract_address": "0x" + "0e" * 20}))
    bridge = Bridge(clients, 4)
    l1, l2 = clients.devnet.text("l1_rpc"), clients.devnet.text("l2_rpc")
    transaction = "0x" + "17" * 32

    assert bridge.refusal("status", transaction, "--rollup", str(elsewhere)).startswith(
        "no OptimismPortal at 0x" + "0e" * 20
    )
    assert bridge.refusal("status", transaction, "--l1", l2) == "the L1 node is of chain 901, rollup.json means 900"
    assert bridge.refusal("status", transaction, "--l2", l1) == "the L2 node is of chain 900, rollup.json means 901"
    poor = bridge.run("force", "--to", RECIPIENT, sides="l1", key="0x" + "33" * 32)
    assert poor.returncode == 1
    assert "has no ether there" in poor.stderr


@SLOW
def test_forced_transaction_is_the_users_own_and_has_a_deadline(clients: Clients) -> None:
    """A withdrawal, even: sent to the message passer through L1, for a sequencer that takes nothing from this user."""
    bridge = Bridge(clients, 3)
    arguments = ("--to", PASSER, "--value", "0.01", "--gas-limit", "200000", *WAIT)
    told = bridge.good("force", *arguments)

    receipt = receipt_of(clients.l2, bytes.fromhex(found_hash("L2 transaction", told)[2:]))
    assert (receipt["type"], receipt["status"], receipt["from"]) == (0x7E, 1, bridge.account.address)
    deadline = re.search(r"with L1 block (\d+), expected .* \(in \d+ s\)", told)
    mined = re.search(r"L1 transaction 0x[0-9a-f]{64} in block (\d+)", told)
    assert deadline is not None
    assert mined is not None
    assert int(deadline[1]) == int(mined[1]) + 600
    assert f"in L2 block {receipt['blockNumber']}\n" in told
    assert bridge.status("0x" + bytes(receipt["transactionHash"]).hex())["l2_block"] == receipt["blockNumber"]
