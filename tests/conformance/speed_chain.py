"""
A chain of plain transfers on an L1 that stands still, to be derived again and again.

    senders -> sequencer -> batcher -> anvil        once: a devnet, so many transfers a block of a second
                                       anvil        then from its state file, without mining

The folder keeps what the devnet wrote; `chain.json` comes last, and says what a derivation has to arrive at.
"""

import json
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import requests

from contracts.keccak import keccak
from sequencer.node.anvil import find_foundry_tool
from sequencer.node.anvil_state import keep_one_chain
from sequencer.node.dev_accounts import derive_dev_accounts
from sequencer.node.devnet_plan import L1_CHAIN_ID
from sequencer.node.load_account import LoadAccount, LoadFees
from tests.e2e.devnet_process import DevnetProcess, find_port_base, wait_until

from .comparison import DEPOSIT_TYPE
from .configurations import Configuration
from .json_rpc import JsonRpc
from .peers import L2_CHAIN_ID, ChainFiles
from .processes import run_process, wait_for_answer
from .safe_heads import SAFE_SECONDS

DEVNET_OPTIONS = ("--block-time", "1", "--l1-block-time", "2", "--output-interval", "600")
SENDERS = 100
SENDER_WEI = 10**19
FEES = LoadFees(tip=10**6, max_fee=10**11)
BLOCK_SECONDS = 1.0
STATE_FILE = "anvil-state.json"
"""Where a devnet lets anvil keep its chain."""


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent."""

    transactions: int
    block_transactions: int
    """Sent in each second, which is a block's time."""
    recipients: int
    """Accounts that are paid in turn; 0: a fresh one by each transfer, so that state grows."""
    configuration: Configuration

    @property
    def name(self) -> str:
        """Of the folder that keeps the chain."""
        batches = self.configuration.name.replace("/", "-")
        return f"{self.transactions}-of-{self.block_transactions}-to-{self.recipients or 'fresh'}-{batches}"


@dataclass(frozen=True, slots=True)
class PostedChain:
    """A chain that L1 holds."""

    folder: Path
    last: int
    """Number of the block with the last transfer."""
    last_hash: str
    transactions: Sequence[int]
    """Of users, in each block from genesis to the last one."""

    def count_after(self, number: int) -> int:
        """Transactions of users in the blocks above that number."""
        return sum(self.transactions[number + 1 :])


def get_chain(load: Load, cache: Path) -> PostedChain:
    """The chain of that load; it is made when the folder has none."""
    folder = cache / "speed" / load.name
    told = folder / "chain.json"
    if not told.exists():
        print(f"making the chain {load.name} ...", flush=True)
        chain = _make_chain(load, folder)
        told.write_text(json.dumps({**asdict(chain), "folder": ""}))
    return PostedChain(**{**json.loads(told.read_text()), "folder": folder})


@contextmanager
def serve_l1(chain: PostedChain, *, trusts_l1: bool) -> Iterator[ChainFiles]:
    """anvil with that chain, which does not grow."""
    binary = find_foundry_tool("anvil")
    assert binary is not None, "anvil is not installed: `npm ci` in contracts/ brings it"
    port = find_port_base()
    url = f"http://127.0.0.1:{port}"
    command = [
        *(str(binary), "--host", "127.0.0.1", "--port", str(port), "--chain-id", str(L1_CHAIN_ID), "--no-mining"),
        *("--hardfork", "prague", "--slots-in-an-epoch", "4", "--silent"),
        *("--load-state", str(chain.folder / STATE_FILE)),
    ]
    with requests.Session() as session, run_process("anvil", command, chain.folder) as process:
        wait_for_answer(JsonRpc(url, session), "eth_chainId", process)
        yield ChainFiles(chain.folder, url, trusts_l1)


def _make_chain(load: Load, folder: Path) -> PostedChain:
    shutil.rmtree(folder, ignore_errors=True)
    devnet = DevnetProcess("anvil", folder, DEVNET_OPTIONS, load.configuration.environment())
    devnet.start()
    try:
        with requests.Session() as session:
            l2, replica = (JsonRpc(devnet.text(key), session) for key in ("l2_rpc", "replica_rpc"))
            last = _send(load, l2)
            wait_until("all of it is safe", lambda: replica.head_number("safe") >= last, SAFE_SECONDS)
            chain = _read_chain(folder, replica, last)
    finally:
        ended = devnet.end()
    assert (ended.code, ended.living, ended.ports) == (0, (), ()), ended
    keep_one_chain(folder / STATE_FILE)
    return chain


def _send(load: Load, l2: JsonRpc) -> int:
    """Send all of it; number of the block that has the last one."""
    senders = _fund_senders(l2)
    raws = [senders[n % SENDERS].sign(_recipient(load, n), value=1) for n in range(load.transactions)]
    started = time.monotonic()
    for start in range(0, len(raws), load.block_transactions):
        time.sleep(max(started + BLOCK_SECONDS * start / load.block_transactions - time.monotonic(), 0.0))
        _send_raw(l2, raws[start : start + load.block_transactions])
    for sender in senders:
        _wait_for_nonce(l2, sender)
    return l2.head_number("latest")


def _fund_senders(l2: JsonRpc) -> list[LoadAccount]:
    senders = [LoadAccount(keccak(f"speed/{index}".encode()), L2_CHAIN_ID, FEES) for index in range(SENDERS)]
    funder = LoadAccount(derive_dev_accounts().users[0].private_key, L2_CHAIN_ID, FEES)
    raws = [funder.sign(sender.address, value=SENDER_WEI) for sender in senders]
    _send_raw(l2, raws)
    _wait_for_nonce(l2, funder)
    return senders


def _send_raw(l2: JsonRpc, raws: Sequence[bytes]) -> None:
    hashes = l2.get_all("eth_sendRawTransaction", [("0x" + raw.hex(),) for raw in raws])
    assert all(hashes), "the sequencer refuses a transfer"


def _wait_for_nonce(l2: JsonRpc, account: LoadAccount) -> None:
    def probe() -> bool:
        count = l2.get_or_none("eth_getTransactionCount", "0x" + account.address.hex(), "latest")
        return int(str(count), 16) >= account.nonce

    wait_until("all transfers stand in blocks", probe)


def _recipient(load: Load, number: int) -> bytes:
    turn = number % load.recipients if load.recipients else number
    return keccak(f"to/{turn}".encode())[12:]


def _read_chain(folder: Path, node: JsonRpc, last: int) -> PostedChain:
    blocks = node.get_all("eth_getBlockByNumber", [(hex(number), True) for number in range(last + 1)])
    counts = []
    for block in blocks:
        assert isinstance(block, dict)
        counts.append(sum(int(found["type"], 16) != DEPOSIT_TYPE for found in block["transactions"]))
    return PostedChain(folder, last, str(blocks[-1]["hash"] if isinstance(blocks[-1], dict) else ""), counts)
