"""The budget of a slice: bounded by block gas, by time left to seal, and by the slice's own length."""

import pytest

from sequencer.sequencing.budget import BudgetLimits, SpeedBudget

LIMITS = BudgetLimits(slice_seconds=0.1, slice_transactions=500, minimum_gas=1_000_000)
BLOCK_GAS = 30_000_000


def _budget(*, seconds_per_gas: float = 1e-8, seconds_per_key: float = 1e-4, keys_per_gas: float = 1e-4) -> SpeedBudget:
    """A budget that has measured these speeds many times."""
    budget = SpeedBudget(LIMITS)
    for _ in range(200):
        budget.measure_slice(1_000_000, seconds_per_gas * 1_000_000)
        budget.measure_seal(1_000_000, round(keys_per_gas * 1_000_000), seconds_per_key * keys_per_gas * 1_000_000)
    return budget


def test_a_slice_never_exceeds_what_is_left_of_the_block() -> None:
    budget = _budget()

    assert budget.slice_gas(seconds_left=100.0, block_gas_used=0, block_gas_left=5_000) == 5_000
    assert budget.slice_gas(seconds_left=100.0, block_gas_used=BLOCK_GAS, block_gas_left=0) == 0


def test_a_slice_is_bounded_by_its_own_length() -> None:
    budget = _budget(seconds_per_gas=1e-8)

    gas = budget.slice_gas(seconds_left=100.0, block_gas_used=0, block_gas_left=BLOCK_GAS)

    assert gas == pytest.approx(LIMITS.slice_seconds / 1e-8, rel=0.01)


def test_time_to_seal_what_is_executed_is_left() -> None:
    budget = _budget(seconds_per_gas=1e-8, seconds_per_key=1e-4, keys_per_gas=1e-4)

    gas = budget.slice_gas(seconds_left=0.05, block_gas_used=0, block_gas_left=BLOCK_GAS)

    assert gas == pytest.approx(0.05 / (1e-8 + 1e-8), rel=0.01)
    assert gas * 1e-8 + budget.seal_seconds(gas) <= 0.0501


def test_sealing_grows_with_the_gas_already_used() -> None:
    budget = _budget(seconds_per_key=1e-4, keys_per_gas=1e-4)

    assert budget.seal_seconds(0) == 0
    assert budget.seal_seconds(10_000_000) == pytest.approx(0.1, rel=0.01)


def test_nothing_is_taken_when_sealing_alone_needs_the_time_left() -> None:
    budget = _budget(seconds_per_key=1e-4, keys_per_gas=1e-4)
    needed = budget.seal_seconds(10_000_000)

    assert budget.slice_gas(seconds_left=needed, block_gas_used=10_000_000, block_gas_left=BLOCK_GAS) == 0
    assert budget.slice_gas(seconds_left=needed + 0.001, block_gas_used=10_000_000, block_gas_left=BLOCK_GAS) > 0


def test_a_slow_machine_still_takes_the_minimum() -> None:
    budget = _budget(seconds_per_gas=1e-3)

    assert budget.slice_gas(seconds_left=0.5, block_gas_used=0, block_gas_left=BLOCK_GAS) == LIMITS.minimum_gas
    assert budget.minimum_gas == LIMITS.minimum_gas


def test_one_measurement_moves_the_average_by_its_weight_only() -> None:
    budget = _budget(seconds_per_gas=1e-8)
    before = budget.slice_gas(seconds_left=100.0, block_gas_used=0, block_gas_left=BLOCK_GAS)

    budget.measure_slice(1_000_000, 2e-2)  # twice as slow, once
    after = budget.slice_gas(seconds_left=100.0, block_gas_used=0, block_gas_left=BLOCK_GAS)

    assert after == pytest.approx(before / 1.2, rel=0.01)


def test_measurements_of_nothing_teach_nothing() -> None:
    budget, untouched = _budget(), _budget()

    budget.measure_slice(0, 5.0)
    budget.measure_seal(0, 0, 5.0)

    gas, expected = (
        either.slice_gas(seconds_left=0.4, block_gas_used=1_000_000, block_gas_left=BLOCK_GAS)
        for either in (budget, untouched)
    )
    assert gas == expected


def test_the_number_of_transactions_is_limited() -> None:
    assert _budget().slice_transactions == 500
