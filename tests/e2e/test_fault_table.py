"""
The fault table: batcher, proposer, replica and L1 killed at random during traffic, and reorgs of L1, on real processes.

After the faults nobody lends a hand: every transaction that was acknowledged must become safe, both nodes must have the
same chain, and no block may be paid for twice on L1. BRAID_FAULTS says how many faults of each kind (`make test-long`).
"""

import os
import random
import threading
from pathlib import Path

import pytest
from web3 import Web3
from web3.exceptions import TransactionNotFound, Web3RPCError

from .chain_clients import RECIPIENT, send
from .conftest import require_l1
from .devnet_process import wait_until
from .fault_rollup import SERVICES, SETTLE_SECONDS, FaultRollup, running_rollup

FAULTS = int(os.environ.get("BRAID_FAULTS", "2"))
DEEPEST_REORG = 8
WINDOW = 12
"""L1 blocks; a second each."""
LONGEST_SECONDS = 600 + 60 * FAULTS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(LONGEST_SECONDS)]


class Traffic:
    """Transfers of one account after another, each acknowledged."""

    def __init__(self, rollup: FaultRollup) -> None:
        self._rollup = rollup
        self._senders = [account.private_key for account in rollup.accounts.users]
        self.acknowledged: list[bytes] = []

    def send(self, count: int) -> None:
        """That many, at once."""
        for _ in range(count):
            key = self._senders[len(self.acknowledged) % len(self._senders)]
            sender = self._rollup.l2.eth.account.from_key(key)
            fields = {"to": RECIPIENT, "value": 1, "gas": 100_000}
            self.acknowledged.append(send(self._rollup.l2, sender, fields))


def _go_on(dice: random.Random) -> None:
    """Let the processes come to some instant or other."""
    threading.Event().wait(dice.uniform(0.0, 1.5))


def _is_settled(rollup: FaultRollup, traffic: Traffic) -> bool:
    """Whether all that was acknowledged is safe for both nodes."""
    rollup.check_alive()
    try:
        safe = min(int(node.eth.get_block("safe")["number"]) for node in (rollup.l2, rollup.replica))
        return all(_block_of(rollup.l2, entry) <= safe for entry in traffic.acknowledged)
    except (TransactionNotFound, Web3RPCError, ValueError, OSError):
        return False


def _block_of(web3: Web3, transaction_hash: bytes) -> int:
    return int(web3.eth.get_transaction_receipt(transaction_hash)["blockNumber"])  # type: ignore[arg-type]


def _check_end(rollup: FaultRollup, traffic: Traffic, what: str) -> int:
    """Wait until all is well, check the laws, and return how many blocks stand on L1 more than once."""
    wait_until("all that was acknowledged is safe", lambda: _is_settled(rollup, traffic), SETTLE_SECONDS)
    safe = int(rollup.replica.eth.get_block("safe")["number"])
    for number in range(safe + 1):
        ours, theirs = (node.eth.get_block(number)["hash"] for node in (rollup.l2, rollup.replica))
        assert ours == theirs, number
    for entry in traffic.acknowledged:
        assert rollup.replica.eth.get_transaction_receipt(entry)["status"] == 1  # type: ignore[arg-type]
    posted = rollup.posted_blocks()
    twice = sum(count - 1 for count in posted.values())
    print(
        f"{what}: {len(traffic.acknowledged)} transactions, {safe} safe blocks, {len(posted)} posted, "
        f"{twice} posted again, {rollup.reverted_proposals()} proposals reverted"
    )
    return twice


def test_services_killed_at_random_pay_nothing_twice(tmp_path: Path) -> None:
    require_l1("anvil")
    seed = random.SystemRandom().randrange(2**32)
    print("seed", seed)
    dice = random.Random(seed)
    with running_rollup(tmp_path) as rollup:
        traffic = Traffic(rollup)
        faults = [name for name in SERVICES for _ in range(FAULTS)]
        dice.shuffle(faults)
        for name in faults:
            traffic.send(3)
            _go_on(dice)
            rollup.kill(name)
            if dice.random() < 0.5:
                _go_on(dice)
            rollup.start(name)
        twice = _check_end(rollup, traffic, f"{len(faults)} kills of {', '.join(SERVICES)}")

        assert twice == 0
        assert rollup.reverted_proposals() == 0


@pytest.mark.parametrize("kind", ["kills", "reorgs"])
def test_faults_of_l1_are_repaired_by_nobodys_hand(tmp_path: Path, kind: str) -> None:
    """L1 killed, which comes back behind, or reorgs of depth 1 to 8; services are killed in between."""
    require_l1("anvil")
    seed = random.SystemRandom().randrange(2**32)
    print("seed", seed)
    dice = random.Random(seed)
    with running_rollup(tmp_path) as rollup:
        traffic = Traffic(rollup)
        for _ in range(FAULTS):
            traffic.send(3)
            _go_on(dice)
            if kind == "reorgs":
                rollup.reorg(dice.randint(1, DEEPEST_REORG))
            killed = "l1" if kind == "kills" else dice.choice(SERVICES)
            for name in {killed, dice.choice(SERVICES)}:
                rollup.kill(name)
                _go_on(dice)
                rollup.start(name)
        twice = _check_end(rollup, traffic, f"{FAULTS} {kind} of L1, kills of services in between")

        assert twice <= 2 * DEEPEST_REORG * FAULTS


def test_a_window_that_expires_while_l1_is_out_of_reach_heals_by_itself(tmp_path: Path) -> None:
    """No batch for longer than the window: blocks are replaced, and users' transactions stand in later ones."""
    require_l1("anvil")
    with running_rollup(tmp_path, "--sequencing-window", str(WINDOW)) as rollup:
        traffic = Traffic(rollup)
        traffic.send(3)
        rollup.kill("batcher")
        for _ in range(3):
            traffic.send(3)
            rollup.wait_for_l1_blocks(rollup.l1.eth.block_number + WINDOW // 2)
        rollup.start("batcher")
        _check_end(rollup, traffic, f"a window of {WINDOW} L1 blocks that expired")

        log = (rollup.options.data_dir / "logs" / "node.log").read_text()
        assert "unsafe_chain_replaced" in log
