"""Workloads: the same bytes from the same seed, and every transaction succeeds on the reference engine."""

import pytest

from bench.scene import GWEI, merge_genesis
from bench.workloads import WORKLOADS, make_workload
from sequencer.execution.interface import Included
from sequencer.primitives.transaction import decode_transaction

from .memory_block import open_serial


@pytest.mark.parametrize("name", WORKLOADS)
def test_every_transaction_succeeds(name: str) -> None:
    workload = make_workload(name, 24)

    outcomes = open_serial(workload).apply([decode_transaction(raw) for raw in workload.raw])

    assert len(outcomes) == 24
    assert all(isinstance(outcome, Included) and outcome.receipt.status == 1 for outcome in outcomes)


@pytest.mark.parametrize("name", WORKLOADS)
def test_the_same_seed_gives_the_same_bytes(name: str) -> None:
    first, second, other = (make_workload(name, 12, seed) for seed in (5, 5, 6))

    assert first == second
    assert first.raw != other.raw


@pytest.mark.parametrize("name", WORKLOADS)
def test_tip_and_fee_cap_are_not_zero(name: str) -> None:
    transactions = [decode_transaction(raw) for raw in make_workload(name, 6).raw]

    assert all(item.max_priority_fee_per_gas > 0 for item in transactions)
    assert all(item.max_fee_per_gas > GWEI for item in transactions)


def test_scenes_share_no_account() -> None:
    scenes = [make_workload(name, 6, seed).accounts for name in WORKLOADS for seed in (1, 2)]

    assert len(merge_genesis(scenes)) == sum(map(len, scenes))


def test_the_given_share_goes_to_hot_accounts() -> None:
    workload = make_workload("ERC-20, 50 % to hot accounts", 400)
    recipients = [decode_transaction(raw).data[4:36] for raw in workload.raw]

    assert 150 < sum(recipients.count(recipient) > 1 for recipient in recipients) < 250


def test_swaps_of_own_pools_share_no_pool() -> None:
    pools = [decode_transaction(raw).data[4:36] for raw in make_workload("swaps, a pool each", 20).raw]

    assert len(set(pools)) == 20
