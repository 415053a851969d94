"""The budget of a slice: bounded by block gas, by time left to seal, and by the slice's own length."""

import pytest

from sequencer.sequencing.budget import BudgetLimits, MeasuredLine, SpeedBudget

LIMITS = BudgetLimits(slice_seconds=0.1, slice_transactions=500, minimum_gas=1_000_000)
BLOCK_GAS = 30_000_000


def _budget(*, slice_per_gas: float = 1e-8, seal_per_gas: float = 1e-8, seal_once: float = 0.0) -> SpeedBudget:
    """A budget that has measured these speeds many times."""
    budget = SpeedBudget(LIMITS)
    for turn in range(200):
        gas = 1_000_000 * (1 + turn % 3)
        budget.measure_slice(gas, slice_per_gas * gas)
        budget.measure_seal(gas, seal_once + seal_per_gas * gas)
    return budget


def test_a_slice_never_exceeds_what_is_left_of_the_block() -> None:
    budget = _budget()

    assert budget.slice_gas(seconds_left=100.0, block_gas_used=0, block_gas_left=5_000) == 5_000
    assert budget.slice_gas(seconds_left=100.0, block_gas_used=BLOCK_GAS, block_gas_left=0) == 0


def test_a_slice_is_bounded_by_its_own_length() -> None:
    budget = _budget(slice_per_gas=1e-8)

    gas = budget.slice_gas(seconds_left=100.0, block_gas_used=0, block_gas_left=BLOCK_GAS)

    assert gas == pytest.approx(LIMITS.slice_seconds / 1e-8, rel=0.01)


def test_time_to_seal_what_is_executed_is_left() -> None:
    budget = _budget(slice_per_gas=1e-8, seal_per_gas=1e-8)

    gas = budget.slice_gas(seconds_left=0.05, block_gas_used=0, block_gas_left=BLOCK_GAS)

    assert gas == pytest.approx(0.05 / (1e-8 + 1e-8), rel=0.01)
    assert gas * 1e-8 + budget.seal_seconds(gas) <= 0.0501


def test_sealing_grows_with_the_gas_already_used() -> None:
    budget = _budget(seal_per_gas=1e-8, seal_once=0.02)

    assert budget.seal_seconds(0) == pytest.approx(0.02, rel=0.01)
    assert budget.seal_seconds(10_000_000) == pytest.approx(0.12, rel=0.01)


def test_nothing_is_taken_when_sealing_alone_needs_the_time_left() -> None:
    budget = _budget()
    needed = budget.seal_seconds(10_000_000)

    assert budget.slice_gas(seconds_left=needed, block_gas_used=10_000_000, block_gas_left=BLOCK_GAS) == 0
    assert budget.slice_gas(seconds_left=needed + 0.001, block_gas_used=10_000_000, block_gas_left=BLOCK_GAS) > 0


def test_a_slow_machine_still_takes_the_minimum() -> None:
    budget = _budget(slice_per_gas=1e-3)

    assert budget.slice_gas(seconds_left=0.5, block_gas_used=0, block_gas_left=BLOCK_GAS) == LIMITS.minimum_gas
    assert budget.minimum_gas == LIMITS.minimum_gas


def test_blocks_without_transactions_do_not_make_full_ones_look_slow() -> None:
    budget = _budget(seal_per_gas=1e-8, seal_once=0.03)
    for _ in range(20):
        budget.measure_seal(50_000, 0.03)

    assert budget.seal_seconds(10_000_000) == pytest.approx(0.13, rel=0.1)


def test_a_machine_that_became_slow_is_known_after_a_few_measurements() -> None:
    budget = _budget(slice_per_gas=1e-8)
    for gas in (1_000_000, 2_000_000, 3_000_000) * 4:
        budget.measure_slice(gas, 4e-8 * gas)

    gas = budget.slice_gas(seconds_left=100.0, block_gas_used=0, block_gas_left=BLOCK_GAS)

    assert gas == pytest.approx(LIMITS.slice_seconds / 4e-8, rel=0.1)


@pytest.mark.parametrize("seconds", [0.0, 1e-6, 0.01, 5.0])
def test_equal_measurements_are_foretold(seconds: float) -> None:
    line = MeasuredLine(0.0, 20e-9)
    for _ in range(100):
        line.measure(2_000_000, seconds)

    assert line.seconds(2_000_000) == pytest.approx(seconds, abs=1e-5)
    assert line.once >= 0
    assert line.per_gas > 0


def test_measurements_of_nothing_teach_nothing() -> None:
    budget, untouched = _budget(), _budget()

    budget.measure_slice(0, 5.0)

    gas, expected = (
        either.slice_gas(seconds_left=0.4, block_gas_used=1_000_000, block_gas_left=BLOCK_GAS)
        for either in (budget, untouched)
    )
    assert gas == expected


def test_the_number_of_transactions_is_limited() -> None:
    assert _budget().slice_transactions == 500
