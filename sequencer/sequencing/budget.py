"""
How much a slice may hold, so that the block can still be sealed in time.

Executing a slice, and sealing and importing a block, each cost something once and something by gas. Both lines are
measured on this machine as blocks go by, and decide the gas that the next slice may take. Only throughput depends on
this, never the content of a block that was already chosen.
"""

from dataclasses import dataclass

FADING = 0.2
"""Share of their weight that older measurements lose with each new one."""

SEED_GAS = 10_000_000
"""Gas of the second of two made-up measurements that a line begins with."""

LEAST_SPREAD = 0.1
"""Measurements whose gas differs by less than this part of their mean say nothing of the line's slope."""


LEAST_PER_GAS = 1e-12
"""Seconds: nothing is so fast that a slice would have no bound."""


@dataclass(frozen=True, slots=True)
class BudgetLimits:
    """Bounds of a slice: seconds that its execution should take at most, and its number of transactions."""

    slice_seconds: float = 0.1
    slice_transactions: int = 2_000
    minimum_gas: int = 1_000_000
    """A slice may always hold this much while block gas is left, so that a slow machine still moves on."""


class MeasuredLine:
    """Seconds as a line over gas: least squares over measurements that fade."""

    def __init__(self, once: float, per_gas: float) -> None:
        """Begin with a guess: seconds for no gas, and for each."""
        self.once = once
        self.per_gas = per_gas
        far = once + per_gas * SEED_GAS
        self._weight, self._gas, self._seconds = 2.0, float(SEED_GAS), once + far
        self._gas_squared, self._product = float(SEED_GAS) ** 2, SEED_GAS * far

    def measure(self, gas: int, seconds: float) -> None:
        """Learn that `gas` took `seconds`."""
        kept = 1 - FADING
        self._weight = kept * self._weight + 1
        self._gas = kept * self._gas + gas
        self._seconds = kept * self._seconds + seconds
        self._gas_squared = kept * self._gas_squared + float(gas) ** 2
        self._product = kept * self._product + gas * seconds
        spread = self._weight * self._gas_squared - self._gas**2
        if spread > (LEAST_SPREAD * self._gas) ** 2:
            self.per_gas = (self._weight * self._product - self._gas * self._seconds) / spread
        self.once = (self._seconds - self.per_gas * self._gas) / self._weight
        if self._gas > 0 and (self.once < 0 or self.per_gas <= 0):
            self.once, self.per_gas = 0.0, max(self._seconds / self._gas, LEAST_PER_GAS)

    def seconds(self, gas: int) -> float:
        """How long `gas` will take."""
        return self.once + self.per_gas * gas


class SpeedBudget:
    """Measured seconds of a slice's execution, and of sealing and importing a block."""

    def __init__(self, limits: BudgetLimits) -> None:
        self._limits = limits
        self._slice = MeasuredLine(0.0, 20e-9)
        self._seal = MeasuredLine(0.0, 15e-9)

    def measure_slice(self, gas: int, seconds: float) -> None:
        """Learn from a slice that used `gas` in `seconds`."""
        if gas > 0:
            self._slice.measure(gas, seconds)

    def measure_seal(self, gas: int, seconds: float) -> None:
        """Learn from a sealed and imported block that used `gas`."""
        self._seal.measure(gas, seconds)

    def seal_seconds(self, gas: int) -> float:
        """How long sealing a block with `gas` used will take."""
        return self._seal.seconds(gas)

    def slice_gas(self, *, seconds_left: float, block_gas_used: int, block_gas_left: int) -> int:
        """Gas that the next slice may use, `seconds_left` before the block should be sealed and imported."""
        spare = seconds_left - self.seal_seconds(block_gas_used)
        if spare <= 0 or block_gas_left <= 0:
            return 0
        by_time = int((spare - self._slice.once) / (self._slice.per_gas + self._seal.per_gas))
        by_slice = int((self._limits.slice_seconds - self._slice.once) / self._slice.per_gas)
        return min(block_gas_left, max(min(by_time, by_slice), self._limits.minimum_gas))

    @property
    def minimum_gas(self) -> int:
        """Gas that the first slice of a block may hold however late the block is."""
        return self._limits.minimum_gas

    @property
    def slice_transactions(self) -> int:
        """Most transactions of a slice."""
        return self._limits.slice_transactions
