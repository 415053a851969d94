"""Waiting until several nodes have derived equally far from L1."""

from collections.abc import Mapping, Sequence

from tests.e2e.devnet_process import wait_until

from .json_rpc import JsonRpc
from .processes import PeerProcess

SAFE_SECONDS = 240.0
"""Longest wait: far above the seconds that a batch takes to L1, for a machine that is busy."""


def wait_for_one_safe_head(nodes: Mapping[str, JsonRpc], target: int, processes: Sequence[PeerProcess]) -> int:
    """
    Wait until all have the same safe head, at `target` or above; its number.

    Fails when a process ends or the time is over, with the heads and the ends of all logs.
    """
    heads: dict[str, int] = {}

    def probe() -> int | None:
        for process in processes:
            process.require_alive()
        heads.update({name: node.head_number("safe") for name, node in nodes.items()})
        numbers = set(heads.values())
        return max(numbers) if len(numbers) == 1 and min(numbers) >= target else None

    try:
        return wait_until(f"one safe head at {target} or above", probe, SAFE_SECONDS)
    except AssertionError as error:
        logs = "\n".join(f"== {process.name}\n{process.log_tail()}" for process in processes)
        raise AssertionError(f"{error}; safe heads {heads}\n{logs}") from None
