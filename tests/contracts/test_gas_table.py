"""The committed gas table is what the contracts cost now."""

from tests.contracts import gas_table


def test_the_gas_table_is_current() -> None:
    assert gas_table.PATH.read_text(encoding="utf-8") == gas_table.render(), "run `make gas-table`"


def test_a_deposit_costs_no_more_than_what_users_are_used_to() -> None:
    """Bounds on what users pay most often, so that a rewritten table does not hide a regression."""
    gas = {step: amount for _, step, amount in gas_table.measure()}

    assert gas["deposit ether through the portal"] < 75_000
    assert gas["propose an output"] < 110_000
    assert gas["finalize, ether of the portal"] < 120_000
    assert max(amount for step, amount in gas.items() if step.startswith("prove")) < 330_000
