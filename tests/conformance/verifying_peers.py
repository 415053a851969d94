"""
A run in which the devnet writes to L1, and op-node with op-geth derives what it wrote.

    traffic -> sequencer -> batcher -> L1 -> op-node -> op-geth
                                         `-> replica

Sequencer, replica and op-geth must have equal blocks up to the safe head that all three reach.
"""

from functools import partial
from pathlib import Path

import requests

from tests.e2e.chain_clients import connect
from tests.e2e.devnet_process import DevnetProcess

from .json_rpc import JsonRpc
from .l1_reorg import L1_BLOCK_SECONDS
from .outcome import Outcome
from .peers import ChainFiles, run_peers
from .playing import Run, play
from .processes import suspended
from .scene import Scene
from .traffic import L1_CONTRACTS, Sides

OURS = {"sequencer": "l2_rpc", "replica": "replica_rpc"}
"""Our nodes, by what the devnet calls their URLs."""


def run_verifier(run: Run, folder: Path) -> Outcome:
    """Traffic for so many seconds; everything that was started is stopped at the end."""
    options = (
        *("--block-time", "1", "--l1-block-time", str(L1_BLOCK_SECONDS), "--output-interval", "20"),
        *("--sequencing-window", str(run.configuration.sequencing_window)),
    )
    devnet = DevnetProcess("anvil", folder / "devnet", options, run.configuration.environment())
    devnet.start()
    try:
        with requests.Session() as session:
            outcome = _run_beside(devnet, run, session)
    finally:
        ended = devnet.end()
    assert (ended.code, ended.living, ended.ports) == (0, (), ()), ended
    return outcome


def _run_beside(devnet: DevnetProcess, run: Run, session: requests.Session) -> Outcome:
    chain = ChainFiles(devnet.data_dir, devnet.text("l1_rpc"), trusts_l1=run.configuration.uses_blobs)
    ours = {name: JsonRpc(devnet.text(key), session) for name, key in OURS.items()}
    with run_peers(run.binaries, chain, devnet.data_dir.parent / "peers", session) as peers, connect(devnet) as clients:
        contracts = {name: devnet.contract(name) for name in L1_CONTRACTS}
        batcher = devnet.child("batcher")
        scene = Scene(
            chain=chain,
            l1=JsonRpc(chain.l1_url, session),
            session=session,
            nodes={**ours, "op-geth": peers.op_geth},
            output_nodes={"sequencer": ours["sequencer"], "op-node": peers.op_node},
            peers=peers,
            sides=Sides(clients.l1, clients.l2, contracts),
            processes=peers.processes,
            batcher_process_id=batcher,
            batcher_stopped=partial(suspended, batcher),
            set_recovery=lambda _: None,  # our sequencer knows by itself
        )
        return play(scene, run)
