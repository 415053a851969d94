"""
Law 3 in the native engine: a slice may run on values that Redis holds, and no lie among them reaches a block.

What the engine is told here is of the state before the block, but for lies: values of other keys, of an older time, of
nothing, and bytes that are no value. A failure names the seed, which gives the same chain and lies again.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import pytest

from sequencer.execution.native.engine import NativeEngine
from sequencer.native import is_available
from sequencer.primitives.account import Account
from sequencer.state.flat import encode_account, encode_value, slot_key
from sequencer.state.reader import StateReader
from tests.engine_table import play_chain
from tests.fakes.memory_state import MemoryState
from tests.market_blocks import PlayedBlock, assert_agrees

SEEDS = range(9_000_000, 9_000_010)

MODES = (
    {"threads": partial(NativeEngine, 2, is_always_parallel=True), "planned": partial(NativeEngine, 1)}
    if is_available()
    else {}
)
"""Empty where the extension is not installed: `tests/integration/test_packaging.py` demands it where cargo is."""


class Teller:
    """A Prefetch that says of many keys what they hold, and lies about some: the share of lies is from 0 to 1."""

    def __init__(self, seed: int, lies: float) -> None:
        self._rng = random.Random(seed)
        self._lies = lies
        self.doubts = 0

    def load(self, state: StateReader, keys: Sequence[bytes]) -> Mapping[bytes, bytes]:
        """Values of the keys that are asked for, and of all others that there are."""
        assert isinstance(state, MemoryState)
        truth = dict(_entries(state))
        told = {key: truth.get(key, b"") for key in keys} | truth
        return {key: self._tell(key, value) for key, value in told.items()}

    def doubt(self, state: StateReader) -> None:
        """Caught."""
        self.doubts += 1

    def _tell(self, key: bytes, value: bytes) -> bytes:
        if self._rng.random() >= self._lies:
            return value
        if key[:1] == b"s":
            return self._rng.choice((b"", b"\x07", b"\xff" * 32, b"\x01" * 33))
        unknown_code = self._rng.randbytes(32)
        lie = self._rng.choice((None, Account(0, 1), Account(9, 10**24), Account(1, 10**24, unknown_code)))
        return self._rng.choice((encode_account(lie), b"\0" * 50))


def _entries(state: MemoryState) -> Iterator[tuple[bytes, bytes]]:
    for address, account in state.accounts.items():
        yield b"a" + address, encode_account(account)
    for address, slots in state.slots.items():
        for slot, value in slots.items():
            yield b"s" + slot_key(address, slot), encode_value(value)


def play_on(teller: Teller, mode: str, played: PlayedBlock, seed: int) -> int:
    """Make the block on what is told; how many of its slices were misled."""
    engine = MODES[mode](prefetch=teller)
    rng = random.Random(seed)
    try:
        assert_agrees(engine, played, [rng.randrange(200) for _ in range(rng.randrange(3))])
    except BaseException as reason:
        reason.add_note(f"{mode}, seed {seed}")
        raise
    return engine.counts.misled_slices


@pytest.fixture(scope="module")
def blocks() -> list[tuple[int, PlayedBlock]]:
    """Blocks, each with the seed of its chain."""
    return [(seed, played) for seed in SEEDS for played in play_chain(seed)]


@pytest.mark.parametrize("lies", [0.01, 1.0])
def test_lies_cost_runs_only(blocks: list[tuple[int, PlayedBlock]], lies: float) -> None:
    for mode in MODES:
        misled = 0
        for seed, played in blocks:
            teller = Teller(seed, lies)
            caught = play_on(teller, mode, played, seed)
            assert teller.doubts == caught
            misled += caught
        assert misled > len(blocks) // 3


def test_the_truth_misleads_nobody(blocks: list[tuple[int, PlayedBlock]]) -> None:
    for mode in MODES:
        for seed, played in blocks:
            assert play_on(Teller(seed, 0), mode, played, seed) == 0
