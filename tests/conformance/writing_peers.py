"""
A run in which others write to L1, and our replica derives what they wrote.

    traffic -> op-geth <- op-node (sequencer) <- op-batcher -> L1 -> replica

L1 is anvil with our contracts, put there by `braid deploy`; the chain's files are those of `braid genesis`. op-geth and
the replica must have equal blocks up to the safe head that both reach.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import requests
from web3 import HTTPProvider, Web3

from sequencer.node.anvil import anvil_command, find_foundry_tool
from sequencer.node.dev_accounts import DEV_MNEMONIC, OWNER_INDEX, DevAccounts, derive_dev_accounts
from tests.e2e.devnet_process import braid, find_port_base, run_braid

from .json_rpc import JsonRpc
from .l1_reorg import L1_BLOCK_SECONDS
from .outcome import Outcome
from .peers import L2_CHAIN_ID, ChainFiles, Peers, run_peers
from .playing import Run, play
from .processes import PeerProcess, run_process, wait_for_answer
from .scene import Scene
from .traffic import Sides

L1_CHAIN_ID = 900
PLAIN_INBOX = "0xff00000000000000000000000000000000000901"
"""Without code: op-batcher gives its transactions the gas of their data alone, and tries them before it sends them."""


def run_writer(run: Run, folder: Path) -> Outcome:
    """Traffic for so many seconds; everything that was started is stopped at the end."""
    accounts = derive_dev_accounts()
    base = find_port_base()
    with ExitStack() as stack:
        session = stack.enter_context(requests.Session())
        l1 = stack.enter_context(_run_l1(folder, base, session))
        contracts = _make_chain(l1.url, folder, accounts, run.configuration.sequencing_window)
        chain = ChainFiles(folder, l1.url, trusts_l1=run.configuration.uses_blobs)
        peers = stack.enter_context(run_peers(run.binaries, chain, folder / "peers", session, is_sequencer=True))
        batcher_url = f"http://127.0.0.1:{base + 2}"
        batcher = stack.enter_context(_run_batcher(run, chain, peers, accounts, base + 2))
        replica_process = stack.enter_context(run_process("replica", _replica_command(chain, base + 1), folder))
        replica = JsonRpc(f"http://127.0.0.1:{base + 1}", session)
        wait_for_answer(replica, "eth_chainId", replica_process)
        l1_client, l2_client = (Web3(HTTPProvider(node.url, session=session)) for node in (l1, peers.op_geth))
        scene = Scene(
            chain=chain,
            l1=l1,
            session=session,
            nodes={"op-geth": peers.op_geth, "replica": replica},
            output_nodes={"op-node": peers.op_node, "replica": replica},
            peers=peers,
            sides=Sides(l1_client, l2_client, contracts),
            processes=[*peers.processes, batcher, replica_process],
            batcher_process_id=batcher.process.pid,
            batcher_stopped=partial(_stopped, JsonRpc(batcher_url, session)),
            set_recovery=partial(peers.op_node.ask, "admin_setRecoverMode"),
        )
        return play(scene, run)


@contextmanager
def _run_l1(folder: Path, port: int, session: requests.Session) -> Iterator[JsonRpc]:
    binary = find_foundry_tool("anvil")
    assert binary is not None, "anvil is not installed: `npm ci` in contracts/ brings it"
    command = anvil_command(
        binary,
        port=port,
        chain_id=L1_CHAIN_ID,
        block_time_seconds=L1_BLOCK_SECONDS,
        mnemonic=DEV_MNEMONIC,
        accounts=OWNER_INDEX + 1,
        state=folder / "anvil-state.json",
    )
    l1 = JsonRpc(f"http://127.0.0.1:{port}", session)
    with run_process("anvil", command, folder) as process:
        wait_for_answer(l1, "eth_chainId", process)
        yield l1


def _make_chain(l1_url: str, folder: Path, accounts: DevAccounts, sequencing_window: int) -> dict[str, str]:
    """Deploy, fund the accounts in the plan, and write the chain's files; addresses of the contracts on L1."""
    deployment = folder / "deployment.json"
    roles = accounts.roles()
    _braid(
        *("deploy", "--l1", l1_url, "--l2-chain-id", str(L2_CHAIN_ID), "--block-time", "1"),
        *("--batcher", "0x" + roles.batcher.hex(), "--proposer", "0x" + roles.proposer.hex()),
        *("--challenger", "0x" + roles.challenger.hex(), "--gas-limit", "60000000", "--out", str(deployment)),
        *("--sequencing-window", str(sequencing_window)),
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
def _run_batcher(run: Run, chain: ChainFiles, peers: Peers, accounts: DevAccounts, port: int) -> Iterator[PeerProcess]:
    command = [
        *(str(run.binaries.op_batcher), "--l1-eth-rpc", chain.l1_url, "--l2-eth-rpc", peers.op_geth.url),
        *("--rollup-rpc", peers.op_node.url, "--poll-interval", "500ms"),
        *("--num-confirmations", "1", "--sub-safety-margin", "4", "--txmgr.receipt-query-interval", "500ms"),
        *run.configuration.op_batcher_options(),
        *("--rpc.addr", "127.0.0.1", "--rpc.port", str(port), "--rpc.enable-admin", "--log.level", "info"),
    ]
    key = {"OP_BATCHER_PRIVATE_KEY": "0x" + accounts.batcher.private_key.hex()}
    with run_process("op-batcher", command, chain.folder, key) as process:
        yield process


@contextmanager
def _stopped(batcher: JsonRpc) -> Iterator[None]:
    """
    op-batcher after an operator's word to stop, until one to start: it begins anew at the safe head.

    One that is merely suspended takes what it had sent for derived, and goes on behind it.
    """
    batcher.ask("admin_stopBatcher")
    try:
        yield
    finally:
        batcher.ask("admin_startBatcher")


def _replica_command(chain: ChainFiles, port: int) -> list[str]:
    trust = ("--trust-l1-transactions-root",) if chain.trusts_l1 else ()
    return braid(
        *("replica", "--genesis", str(chain.genesis), "--rollup", str(chain.rollup), "--l1", chain.l1_url, *trust),
        *("--l1-chain-config", str(chain.l1_chain), "--l1-poll", "0.5", "--clock", "l1", "--redis", "off"),
        *("--data-dir", str(chain.folder / "replica"), "--rpc-port", str(port)),
    )
