"""The market for deposits' gas against the specification's pseudocode. Spec: guaranteed-gas-market.md."""

from dataclasses import dataclass
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contracts.evm import selector
from tests.contracts.world import OTHER, USER, L1World

LIMIT, TARGET, DENOMINATOR = 20_000_000, 2_000_000, 8
MINIMUM, MAXIMUM = 10**9, 2**128 - 1
EXPENSIVE_L1 = 10**16
"""Wei; so high that no L1 gas has to be burnt, which would only take time here."""


@dataclass(slots=True)
class Market:
    """The pseudocode, with exact fractions for the power."""

    base_fee: int = MINIMUM
    bought: int = 0
    number: int = 0

    def buy(self, number: int, amount: int) -> bool:
        base_fee, bought = self.base_fee, self.bought + amount
        if number != self.number:
            delta = self.base_fee * (self.bought - TARGET)
            # Solidity rounds to zero at each division.
            step = abs(delta) // TARGET // DENOMINATOR
            base_fee = clamp(self.base_fee + (step if delta > 0 else -step))
            bought = amount
            if number > self.number + 1:
                base_fee = clamp(int(base_fee * Fraction(7, 8) ** (number - self.number - 1)))
        if bought > LIMIT:
            return False
        self.base_fee, self.bought, self.number = base_fee, bought, number
        return True


def clamp(value: int) -> int:
    return min(max(value, MINIMUM), MAXIMUM)


PURCHASES = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 1, 1, 1, 2, 3, 10, 700]),
        st.one_of(st.integers(21_000, 2_500_000), st.integers(15_000_000, 20_000_001)),
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=40, deadline=None)
@given(purchases=PURCHASES)
def test_price_follows_the_specification(purchases: list[tuple[int, int]]) -> None:
    world, market = L1World(), Market()
    world.evm.block.base_fee = EXPENSIVE_L1
    portal = world.contract("OptimismPortal")
    for blocks, amount in purchases:
        world.evm.block.number += blocks
        result = portal.send("depositTransaction", OTHER, 0, amount, False, b"", sender=USER)

        assert result.success == market.buy(world.evm.block.number, amount)
        if not result.success:
            assert result.output == selector("OutOfGas()")
        params = portal.read("params")
        assert isinstance(params, tuple)
        assert params[1:] == (market.bought, market.number)
        # The contract's power is in fixed point, 18 digits.
        assert abs(params[0] - market.base_fee) * 10**12 <= market.base_fee
        market.base_fee = params[0]
