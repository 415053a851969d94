"""One chain and everybody on it. What follows does not ask who of them writes to L1 and who derives."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import requests

from tests.e2e.devnet_process import wait_until

from .json_rpc import JsonRpc
from .peers import ChainFiles, Peers
from .processes import PeerProcess
from .safe_heads import wait_for_one_safe_head
from .traffic import Sides

L1_SECONDS = 120.0
"""Longest wait for L1 to go on by a sequencing window."""

IN_FLIGHT_BLOCKS = 2
"""L1 blocks after which everything that a batcher had sent before it stood still is on L1."""


@dataclass(frozen=True, slots=True)
class Scene:
    """All that runs."""

    chain: ChainFiles
    l1: JsonRpc
    session: requests.Session
    nodes: Mapping[str, JsonRpc]
    """Whose chains must be equal; the one that sequences comes first."""
    output_nodes: Mapping[str, JsonRpc]
    """Who tells output roots."""
    peers: Peers
    sides: Sides
    processes: Sequence[PeerProcess]
    batcher_process_id: int
    batcher_stopped: Callable[[], AbstractContextManager[None]]
    """While it is entered, the batcher does nothing; then it has to find out what happened meanwhile."""
    set_recovery: Callable[[bool], None]
    """An operator's word to the sequencer that a window has expired: blocks of deposits alone, until told otherwise."""

    @property
    def sequencer(self) -> JsonRpc:
        """Who takes transactions."""
        return next(iter(self.nodes.values()))

    def wait_for_l1(self, number: int) -> None:
        """Until L1 has come so far."""
        wait_until(f"L1 block {number}", lambda: self.l1.head_number("latest") >= number, L1_SECONDS)

    def safe_numbers(self) -> list[int]:
        """Safe head of each node."""
        return [node.head_number("safe") for node in self.nodes.values()]


@dataclass(frozen=True, slots=True)
class Settled:
    """Safe head of all nodes, and the L1 block up to which L1 was read for it, to its end."""

    l1: int
    l2: int


def settle(scene: Scene, target: int) -> Settled:
    """While the batcher stands still: wait until all that it wrote is derived, `target` with it."""
    scene.wait_for_l1(scene.l1.head_number("latest") + IN_FLIGHT_BLOCKS)
    l1 = scene.l1.head_number("latest")
    wait_until(f"op-node has read L1 block {l1}", lambda: _current_l1(scene.peers.op_node) > l1, L1_SECONDS)
    return Settled(l1, wait_for_one_safe_head(scene.nodes, target, scene.processes))


def _current_l1(op_node: JsonRpc) -> int:
    """L1 block that op-node reads; those before it are done."""
    status = op_node.ask("optimism_syncStatus")
    assert isinstance(status, Mapping)
    return int(status["current_l1"]["number"])
