"""
A run in which others write to L1, and our replica derives what they wrote.

    traffic -> op-geth <- op-node (sequencer) <- op-batcher -> L1 -> replica

L1 is anvil with our contracts, put there by `braid deploy`; the chain's files are those of `braid genesis`. op-geth and
the replica must have equal blocks up to the safe head that both reach.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import requests
from web3 import HTTPProvider, Web3

from sequencer.node.anvil import anvil_command, find_foundry_tool
from sequencer.node.dev_accounts import DEV_MNEMONIC, OWNER_INDEX, DevAccounts, derive_dev_accounts
from tests.e2e.devnet_process import braid, find_port_base, run_braid

from .building import Binaries
from .comparison import compare_chains
from .configurations import Configuration
from .json_rpc import JsonRpc
from .outcome import Outcome
from .peers import L2_CHAIN_ID, ChainFiles, Peers, run_peers
from .postings import read_postings
from .processes import PeerProcess, run_process, wait_for_answer
from .safe_heads import wait_for_one_safe_head
from .traffic import Sides, Traffic

L1_CHAIN_ID = 900
PLAIN_INBOX = "0xff00000000000000000000000000000000000901"
"""Without code: op-batcher gives its transactions the gas of their data alone, and tries them before it sends them."""

BATCH_TYPE_NUMBERS = {"singular": "0", "span": "1"}


def run_writer(configuration: Configuration, binaries: Binaries, seconds: float, folder: Path) -> Outcome:
    """Traffic for so many seconds; everything that was started is stopped at the end."""
    accounts = derive_dev_accounts()
    base = find_port_base()
    with ExitStack() as stack:
        session = stack.enter_context(requests.Session())
        l1 = stack.enter_context(_run_l1(folder, base, session))
        contracts = _make_chain(l1.url, folder, accounts)
        chain = ChainFiles(folder, l1.url, trusts_l1=configuration.uses_blobs)
        peers = stack.enter_context(run_peers(binaries, chain, folder / "peers", session, is_sequencer=True))
        batcher = stack.enter_context(_run_batcher(binaries, configuration, chain, peers, accounts))
        replica_url = f"http://127.0.0.1:{base + 1}"
        replica_process = stack.enter_context(run_process("replica", _replica_command(chain, base + 1), folder))
        replica = JsonRpc(replica_url, session)
        wait_for_answer(replica, "eth_chainId", replica_process)
        nodes = {"op-geth": peers.op_geth, "replica": replica}
        l1_client, l2_client = (Web3(HTTPProvider(node.url, session=session)) for node in (l1, peers.op_geth))
        traffic = Traffic(Sides(l1_client, l2_client, contracts))
        traffic.run(seconds)
        last = wait_for_one_safe_head(nodes, traffic.finish(), [*peers.processes, batcher, replica_process])
        compared = compare_chains(nodes, last, {"op-node": peers.op_node, "replica": replica})
        postings = read_postings(l1, session, chain.batcher(), chain.inbox())
    return Outcome(compared, postings, traffic.rounds, postings.contradictions(configuration))


@contextmanager
def _run_l1(folder: Path, port: int, session: requests.Session) -> Iterator[JsonRpc]:
    binary = find_foundry_tool("anvil")
    assert binary is not None, "anvil is not installed: `npm ci` in contracts/ brings it"
    command = anvil_command(
        binary,
        port=port,
        chain_id=L1_CHAIN_ID,
        block_time_seconds=2,
        mnemonic=DEV_MNEMONIC,
        accounts=OWNER_INDEX + 1,
        state=folder / "anvil-state.json",
    )
    l1 = JsonRpc(f"http://127.0.0.1:{port}", session)
    with run_process("anvil", command, folder) as process:
        wait_for_answer(l1, "eth_chainId", process)
        yield l1


def _make_chain(l1_url: str, folder: Path, accounts: DevAccounts) -> dict[str, str]:
    """Deploy, fund the accounts in the plan, and write the chain's files; addresses of the contracts on L1."""
    deployment = folder / "deployment.json"
    roles = accounts.roles()
    _braid(
        *("deploy", "--l1", l1_url, "--l2-chain-id", str(L2_CHAIN_ID), "--block-time", "1"),
        *("--batcher", "0x" + roles.batcher.hex(), "--proposer", "0x" + roles.proposer.hex()),
        *("--challenger", "0x" + roles.challenger.hex(), "--gas-limit", "60000000", "--out", str(deployment)),
        key=accounts.owner.private_key,
    )
    plan = json.loads(deployment.read_text())
    plan["addresses"]["BatchInbox"] = PLAIN_INBOX
    plan["funded"] = {"0x" + address.hex(): wei for address, wei in accounts.funded().items()}
    deployment.write_text(json.dumps(plan))
    _braid("genesis", "--deployment", str(deployment), "--out", str(folder))
    return dict(plan["addresses"])


def _braid(*arguments: str, key: bytes = b"") -> None:
    environment = {"BRAID_DEPLOYER_KEY": "0x" + key.hex()} if key else {}
    done = run_braid(*arguments, environment=environment, seconds=120)
    assert done.returncode == 0, f"braid {arguments[0]}: {done.stderr}"


@contextmanager
def _run_batcher(
    binaries: Binaries, configuration: Configuration, chain: ChainFiles, peers: Peers, accounts: DevAccounts
) -> Iterator[PeerProcess]:
    command = [
        *(str(binaries.op_batcher), "--l1-eth-rpc", chain.l1_url, "--l2-eth-rpc", peers.op_geth.url),
        *("--rollup-rpc", peers.op_node.url, "--poll-interval", "500ms", "--max-channel-duration", "1"),
        *("--num-confirmations", "1", "--sub-safety-margin", "4", "--txmgr.receipt-query-interval", "500ms"),
        *("--batch-type", BATCH_TYPE_NUMBERS[configuration.batch_type]),
        *("--compression-algo", configuration.compression, "--data-availability-type", configuration.data_type),
        *("--rpc.addr", "127.0.0.1", "--rpc.port", str(find_port_base()), "--log.level", "info"),
    ]
    key = {"OP_BATCHER_PRIVATE_KEY": "0x" + accounts.batcher.private_key.hex()}
    with run_process("op-batcher", command, chain.folder, key) as process:
        yield process


def _replica_command(chain: ChainFiles, port: int) -> list[str]:
    trust = ("--trust-l1-transactions-root",) if chain.trusts_l1 else ()
    return braid(
        *("replica", "--genesis", str(chain.genesis), "--rollup", str(chain.rollup), "--l1", chain.l1_url, *trust),
        *("--l1-chain-config", str(chain.l1_chain), "--l1-poll", "0.5", "--clock", "l1", "--redis", "off"),
        *("--data-dir", str(chain.folder / "replica"), "--rpc-port", str(port)),
    )
