"""
How much a slice may hold, so that the block can still be sealed in time.

Executing costs time by gas; sealing costs time by changed keys (each is a path in the trie). Both rates are measured
on this machine as blocks go by, as moving averages, and decide the gas that the next slice may take. Only throughput
depends on this, never the content of a block that was already chosen.
"""

from dataclasses import dataclass

SMOOTHING = 0.2
"""Weight of the newest measurement."""


@dataclass(frozen=True, slots=True)
class BudgetLimits:
    """Bounds of a slice: seconds that its execution should take at most, and its number of transactions."""

    slice_seconds: float = 0.1
    slice_transactions: int = 2_000
    minimum_gas: int = 1_000_000
    """A slice may always hold this much while block gas is left, so that a slow machine still moves on."""


class SpeedBudget:
    """Measured seconds per gas (execution) and per changed key (sealing)."""

    def __init__(self, limits: BudgetLimits) -> None:
        self._limits = limits
        self._seconds_per_gas = 20e-9
        self._seconds_per_key = 150e-6
        self._keys_per_gas = 2 / 21_000

    def measure_slice(self, gas: int, seconds: float) -> None:
        """Learn from a slice that used `gas` in `seconds`."""
        if gas > 0:
            self._seconds_per_gas = _blend(self._seconds_per_gas, seconds / gas)

    def measure_seal(self, gas: int, changed_keys: int, seconds: float) -> None:
        """Learn from a sealed and imported block."""
        if changed_keys > 0:
            self._seconds_per_key = _blend(self._seconds_per_key, seconds / changed_keys)
            if gas > 0:
                self._keys_per_gas = _blend(self._keys_per_gas, changed_keys / gas)

    def seal_seconds(self, gas: int) -> float:
        """How long sealing a block with `gas` used will take."""
        return gas * self._keys_per_gas * self._seconds_per_key

    def slice_gas(self, *, seconds_left: float, block_gas_used: int, block_gas_left: int) -> int:
        """Gas that the next slice may use, `seconds_left` before the block should be sealed and imported."""
        spare = seconds_left - self.seal_seconds(block_gas_used)
        if spare <= 0 or block_gas_left <= 0:
            return 0
        per_gas = self._seconds_per_gas + self._keys_per_gas * self._seconds_per_key
        by_time = int(spare / per_gas)
        by_slice = int(self._limits.slice_seconds / self._seconds_per_gas)
        return min(block_gas_left, max(min(by_time, by_slice), self._limits.minimum_gas))

    @property
    def minimum_gas(self) -> int:
        """Gas that the first slice of a block may hold however late the block is."""
        return self._limits.minimum_gas

    @property
    def slice_transactions(self) -> int:
        """Most transactions of a slice."""
        return self._limits.slice_transactions


def _blend(old: float, new: float) -> float:
    return old + SMOOTHING * (new - old)
