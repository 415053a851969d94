"""
A run in which the devnet writes to L1, and op-node with op-geth derives what it wrote.

    traffic -> sequencer -> batcher -> L1 -> op-node -> op-geth
                                         `-> replica

Sequencer, replica and op-geth must have equal blocks up to the safe head that all three reach.
"""

from pathlib import Path

import requests

from tests.e2e.chain_clients import connect
from tests.e2e.devnet_process import DevnetProcess

from .building import Binaries
from .comparison import compare_chains
from .configurations import Configuration
from .json_rpc import JsonRpc
from .outcome import Outcome
from .peers import ChainFiles, run_peers
from .postings import read_postings
from .safe_heads import wait_for_one_safe_head
from .traffic import Sides, Traffic

OURS = {"sequencer": "l2_rpc", "replica": "replica_rpc"}
"""Our nodes, by what the devnet calls their URLs."""

DEVNET_OPTIONS = ("--block-time", "1", "--l1-block-time", "2", "--output-interval", "20")


def run_verifier(configuration: Configuration, binaries: Binaries, seconds: float, folder: Path) -> Outcome:
    """Traffic for so many seconds; everything that was started is stopped at the end."""
    devnet = DevnetProcess("anvil", folder / "devnet", DEVNET_OPTIONS, configuration.environment())
    devnet.start()
    try:
        with requests.Session() as session:
            outcome = _run_beside(devnet, configuration, binaries, seconds, session)
    finally:
        ended = devnet.end()
    assert (ended.code, ended.living, ended.ports) == (0, (), ()), ended
    return outcome


def _run_beside(
    devnet: DevnetProcess, configuration: Configuration, binaries: Binaries, seconds: float, session: requests.Session
) -> Outcome:
    chain = ChainFiles(devnet.data_dir, devnet.text("l1_rpc"), trusts_l1=configuration.uses_blobs)
    ours = {name: JsonRpc(devnet.text(key), session) for name, key in OURS.items()}
    with run_peers(binaries, chain, devnet.data_dir.parent / "peers", session) as peers:
        nodes = {**ours, "op-geth": peers.op_geth}
        with connect(devnet) as clients:
            contracts = {name: devnet.contract(name) for name in ("OptimismPortal", "SystemConfig")}
            traffic = Traffic(Sides(clients.l1, clients.l2, contracts))
            traffic.run(seconds)
            last = wait_for_one_safe_head(nodes, traffic.finish(), peers.processes)
        compared = compare_chains(nodes, last, {"sequencer": ours["sequencer"], "op-node": peers.op_node})
    postings = read_postings(JsonRpc(chain.l1_url, session), session, chain.batcher(), chain.inbox())
    return Outcome(compared, postings, traffic.rounds, postings.contradictions(configuration))
