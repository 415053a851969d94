"""What happens during the traffic of a run, and what has to be seen of it: else the run did not try it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.e2e.devnet_process import wait_until

from .configurations import EXPIRY, NOTHING, REORG, SHORT_WINDOW
from .json_rpc import JsonRpc
from .l1_reorg import L1_BLOCK_SECONDS, L1Entry, replace_l1_blocks
from .scene import Scene
from .traffic import Traffic

REORG_DEPTHS = (3, 6)
"""L1 blocks; the second one replaces none that the first one made."""

RECOVERY_SECONDS = 180.0
"""Longest wait for a safe head that has caught up with L1 after an expired window."""


@dataclass(frozen=True, slots=True)
class Happened:
    """What was done, and what was there before it."""

    l1_forks: Sequence[Sequence[L1Entry]] = ()
    """L1 blocks that were replaced, in the order of the reorgs."""
    l2_before: Mapping[int, str] = field(default_factory=dict)
    """Hashes of L2 blocks that the sequencer had shown."""
    forced: int = 0
    """L2 blocks that became safe while the batcher stood still."""

    def describe(self, replaced: int) -> str:
        """A line of figures, where `replaced` counts blocks of L2; empty when nothing happened."""
        parts = [f"L1 blocks replaced: {' and '.join(str(len(fork)) for fork in self.l1_forks)}"] * bool(self.l1_forks)
        parts += [f"L2 blocks forced: {self.forced}"] * bool(self.forced)
        parts += [f"L2 blocks replaced: {replaced}"] * bool(self.l2_before)
        return ", ".join(parts)

    def count_replaced(self, hashes: Sequence[str]) -> int:
        """How many L2 blocks that had been shown have given way, where `hashes` are those at the end."""
        return sum(hash != hashes[number] for number, hash in self.l2_before.items() if number < len(hashes))


def do_nothing(_: Scene, traffic: Traffic, seconds: float) -> Happened:
    """Traffic alone."""
    traffic.run(seconds)
    return Happened()


def reorg_l1(scene: Scene, traffic: Traffic, seconds: float) -> Happened:
    """Reorgs in the midst of the traffic, each deeper than the one before."""
    forks: list[Sequence[L1Entry]] = []
    before: dict[int, str] = {}
    lowest = scene.chain.l1_anchor()
    for depth in REORG_DEPTHS:
        traffic.run(seconds / (len(REORG_DEPTHS) + 1))
        traffic.run_until(lambda goal=lowest + depth + 1: scene.l1.head_number("latest") >= goal)  # type: ignore[misc]
        before.update(_read_hashes(scene.sequencer))
        lowest = scene.l1.head_number("latest")
        forks.append(replace_l1_blocks(scene.l1, depth))
    traffic.run(seconds / (len(REORG_DEPTHS) + 1))
    return Happened(forks, before)


def let_window_expire(scene: Scene, traffic: Traffic, seconds: float) -> Happened:
    """The batcher stands still in the midst of the traffic, which goes on, until blocks are forced from L1 alone."""
    traffic.run(seconds / 2)
    with scene.batcher_stopped():
        start = scene.l1.head_number("latest")
        end = start + SHORT_WINDOW
        traffic.run_until(lambda: scene.l1.head_number("latest") >= start + SHORT_WINDOW // 2)
        safe, before = max(scene.safe_numbers()), _read_hashes(scene.sequencer)
        traffic.run_until(lambda: scene.l1.head_number("latest") >= end - 2)  # a round may last until it is over
        scene.wait_for_l1(end + 2)
        wait_until("blocks are forced from L1", lambda: min(scene.safe_numbers()) > safe, RECOVERY_SECONDS)
        scene.set_recovery(True)
        scene.wait_for_l1(end + 4)
        forced = min(scene.safe_numbers()) - safe
    wait_until("safe heads come from batches again", lambda: _count_lag(scene) < SHORT_WINDOW // 2, RECOVERY_SECONDS)
    scene.set_recovery(False)
    traffic.run(seconds / 2)
    return Happened(l2_before=before, forced=forced)


EVENTS: Mapping[str, Callable[[Scene, Traffic, float], Happened]] = {
    NOTHING: do_nothing,
    REORG: reorg_l1,
    EXPIRY: let_window_expire,
}


def _read_hashes(node: JsonRpc) -> dict[int, str]:
    """Hash of each of a node's blocks up to its newest."""
    numbers = range(node.head_number("latest") + 1)
    blocks = node.get_all("eth_getBlockByNumber", [(hex(number), False) for number in numbers])
    return {
        number: str(block["hash"]) for number, block in zip(numbers, blocks, strict=True) if isinstance(block, Mapping)
    }


def _count_lag(scene: Scene) -> int:
    """L1 blocks that the safe heads are behind; a window of them, as long as each block is forced."""
    safe = min(_time_of(node, "safe") for node in scene.nodes.values())
    return (_time_of(scene.l1, "latest") - safe) // L1_BLOCK_SECONDS


def _time_of(node: JsonRpc, tag: str) -> int:
    block = node.get_or_none("eth_getBlockByNumber", tag, False)
    return int(str(block["timestamp"]), 16) if isinstance(block, Mapping) else 0
