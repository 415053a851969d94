"""What is recorded for the simulator: who depends on whom, as the workloads were made."""

import pytest

from bench.recording import record_block
from bench.simulator import SimulatedTransaction, critical_path, simulate
from bench.workloads import make_workload
from sequencer.primitives.transaction import decode_transaction

from .memory_block import open_serial

COUNT = 16


def _recorded(name: str) -> tuple[SimulatedTransaction, ...]:
    workload = make_workload(name, COUNT)
    transactions = [decode_transaction(raw) for raw in workload.raw]
    return record_block(lambda: open_serial(workload), transactions, 1.0)


@pytest.mark.parametrize(
    "name",
    ["raw transfers", "raw transfers to one account", "ERC-20, one token", "swaps, a pool each", "moves, own slot"],
)
def test_independent_transactions_depend_on_nobody(name: str) -> None:
    recorded = _recorded(name)

    assert critical_path(recorded) == max(item.nanoseconds for item in recorded)
    assert simulate(recorded, COUNT).conflicts == 0


@pytest.mark.parametrize(
    "name",
    [
        *("raw transfers of one sender", "ERC-20 of one sender", "ERC-20 hand to hand"),
        *("swaps, one pool", "mints, one counter"),
    ],
)
def test_chains_depend_on_the_one_before(name: str) -> None:
    recorded = _recorded(name)

    assert critical_path(recorded) == sum(item.nanoseconds for item in recorded)


def test_the_times_add_up_to_the_block() -> None:
    assert sum(item.nanoseconds for item in _recorded("mix of a public chain")) == pytest.approx(1e9, rel=1e-6)
