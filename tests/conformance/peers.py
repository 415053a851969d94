"""
op-geth and op-node: what they know of the chain is `genesis.json`, `rollup.json` and L1.

    L1 (anvil) --JSON-RPC, beacon front--> op-node --engine API--> op-geth

No peer-to-peer network: as verifiers, each of their blocks was derived from L1 and executed by op-geth.
"""

import json
import secrets
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from tests.e2e.devnet_process import find_port_base

from .beacon_front import serve_beacon
from .building import Binaries
from .json_rpc import JsonRpc
from .processes import LOG_TAIL_CHARACTERS, START_SECONDS, PeerProcess, run_process, wait_for_answer

L2_CHAIN_ID = 901
SEQUENCER_OPTIONS = ("--sequencer.enabled", "--sequencer.l1-confs", "0", "--rpc.enable-admin")


@dataclass(frozen=True, slots=True)
class ChainFiles:
    """What `braid devnet` or `braid genesis` wrote, and where L1 answers."""

    folder: Path
    l1_url: str
    trusts_l1: bool
    """anvil's blocks with blob transactions carry another transactions root than the canonical one."""

    @property
    def genesis(self) -> Path:
        """L2 genesis."""
        return self.folder / "genesis.json"

    @property
    def rollup(self) -> Path:
        """The agreement of both chains."""
        return self.folder / "rollup.json"

    @property
    def l1_chain(self) -> Path:
        """Chain config of an L1 that no program knows by its id."""
        return self.folder / "l1-chain.json"

    def batcher(self) -> str:
        """Who may post, by the agreement of both chains."""
        return str(json.loads(self.rollup.read_text())["genesis"]["system_config"]["batcherAddr"])

    def l1_anchor(self) -> int:
        """L1 block after which the chain begins."""
        return int(json.loads(self.rollup.read_text())["genesis"]["l1"]["number"])

    def inbox(self) -> str:
        """Where batches are sent."""
        return str(json.loads(self.rollup.read_text())["batch_inbox_address"])


@dataclass(frozen=True, slots=True)
class Peers:
    """Both, with clients."""

    processes: Sequence[PeerProcess]
    op_geth: JsonRpc
    op_node: JsonRpc
    started: float
    """When op-geth was started, by the monotonic clock."""


@contextmanager
def run_peers(
    binaries: Binaries,
    chain: ChainFiles,
    folder: Path,
    session: requests.Session,
    *,
    is_sequencer: bool = False,
    gc_mode: str = "archive",
) -> Iterator[Peers]:
    """Initialise op-geth, start both, wait until they answer; stop them at the end."""
    folder.mkdir(parents=True)
    secret = folder / "jwt.hex"
    secret.write_text(secrets.token_hex(32))
    base = find_port_base()
    op_geth = JsonRpc(f"http://127.0.0.1:{base}", session)
    op_node = JsonRpc(f"http://127.0.0.1:{base + 2}", session)
    _initialise(binaries.op_geth, chain.genesis, folder)
    with ExitStack() as stack:
        beacon_url = stack.enter_context(serve_beacon(chain.l1_url))
        geth = [*_op_geth_command(binaries.op_geth, folder, secret, base), "--gcmode", gc_mode]
        started = time.monotonic()
        processes = [stack.enter_context(run_process("op-geth", geth, folder))]
        node = _op_node_command(binaries.op_node, chain, beacon_url, secret, base)
        node += SEQUENCER_OPTIONS if is_sequencer else ()
        wait_for_answer(op_geth, "eth_chainId", processes[0])
        processes.append(stack.enter_context(run_process("op-node", node, folder)))
        wait_for_answer(op_node, "optimism_rollupConfig", processes[1])
        yield Peers(processes, op_geth, op_node, started)


def _op_geth_command(binary: Path, folder: Path, secret: Path, base: int) -> list[str]:
    return [
        *(str(binary), "--datadir", str(folder / "op-geth"), "--networkid", str(L2_CHAIN_ID)),
        *("--syncmode", "full", "--nodiscover", "--maxpeers", "0", "--port", "0"),
        *("--ipcdisable", "--http", "--http.addr", "127.0.0.1", "--http.port", str(base)),
        *("--http.api", "eth,debug,net,miner"),  # op-batcher asks for the last
        *("--authrpc.addr", "127.0.0.1", "--authrpc.port", str(base + 1), "--authrpc.jwtsecret", str(secret)),
    ]


def _op_node_command(binary: Path, chain: ChainFiles, beacon_url: str, secret: Path, base: int) -> list[str]:
    return [
        *(str(binary), "--l1", chain.l1_url, f"--l1.trustrpc={str(chain.trusts_l1).lower()}"),
        *("--l1.beacon", beacon_url, "--l1.http-poll-interval", "500ms", "--l1.epoch-poll-interval", "2s"),
        *("--rollup.config", str(chain.rollup), "--rollup.l1-chain-config", str(chain.l1_chain)),
        *("--l2", f"http://127.0.0.1:{base + 1}", "--l2.jwt-secret", str(secret), "--p2p.disable"),
        *("--rpc.addr", "127.0.0.1", "--rpc.port", str(base + 2), "--log.level", "info"),
    ]


def _initialise(op_geth: Path, genesis: Path, folder: Path) -> None:
    command = [str(op_geth), "init", "--datadir", str(folder / "op-geth"), str(genesis)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=START_SECONDS, check=False)
    assert done.returncode == 0, f"op-geth refuses genesis.json:\n{done.stderr[-LOG_TAIL_CHARACTERS:]}"
