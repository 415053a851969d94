"""
Which engine runs the cases, by name, and how the workers of the parallel one see a state that is in no store.

It travels to them whole, pickled, with each block: fixtures are small.
"""

import pickle
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import cast

from l1_bridge.errors import BraidError
from sequencer import native
from sequencer.execution.environment import BlockEnvironment
from sequencer.execution.interface import Engine
from sequencer.execution.native.engine import NativeEngine
from sequencer.execution.parallel.engine import ParallelEngine
from sequencer.execution.parallel.schedule import ScheduleLimits
from sequencer.execution.serial import SerialEngine
from sequencer.primitives.account import Account
from sequencer.state.metrics import TierCounts
from sequencer.state.reader import StateReader, has_storage


class EngineName(StrEnum):
    """What `--engine` takes."""

    SERIAL = "serial"
    PARALLEL = "parallel"
    NATIVE = "native"


EAGER = ScheduleLimits(min_batch=100, max_batch=4_000, min_slice=0, dominant_share=2)
"""Whatever could run in a worker does, however little it is: speed is not what is tested."""


class UnknownEngine(BraidError):
    """`--engine` names none of ours."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name!r} is no engine: {', '.join(EngineName)} are")


def parse_engine(name: str) -> EngineName:
    """The engine that a user names; raises UnknownEngine, and EngineMissing where it is not installed."""
    try:
        engine = EngineName(name)
    except ValueError:
        raise UnknownEngine(name) from None
    if engine is EngineName.NATIVE and not native.is_available():
        raise EngineMissing
    return engine


class EngineMissing(BraidError):
    """The native engine was asked for, and the extension is not there."""

    def __init__(self) -> None:
        super().__init__(f"--engine native needs the extension, but {native.absence}")


def make_engine(name: EngineName, workers: int) -> Engine:
    """The engine of that name with `workers` processes or threads, ready to run."""
    if name is EngineName.SERIAL:
        return SerialEngine()
    if name is EngineName.NATIVE:
        return NativeEngine(workers, is_always_parallel=workers > 1)
    engine = ParallelEngine(FixtureSource(), workers, limits=EAGER)
    engine.wait_until_ready()
    return engine


@dataclass(frozen=True)
class FixtureSource:
    """A StateSource whose tickets are the states themselves."""

    def ticket(self, environment: BlockEnvironment, state: StateReader) -> bytes:
        """The whole state."""
        return pickle.dumps(state)

    def open(self) -> "OpenedFixtures":
        """In the worker there is nothing to open."""
        return OpenedFixtures()


class OpenedFixtures:
    """FixtureSource within a worker."""

    def reader(self, ticket: bytes) -> "FixtureReader":
        """The state that came with the ticket."""
        return FixtureReader(cast(StateReader, pickle.loads(ticket)))


class FixtureReader:
    """A CountingReader over a state in memory; there are no tiers, so nothing counts."""

    def __init__(self, state: StateReader) -> None:
        self._state = state
        self.counts = TierCounts()

    def prefetch(self, accounts: Iterable[bytes], slots: Iterable[tuple[bytes, int]]) -> None:
        """Nothing: all of it is here."""

    def account(self, address: bytes) -> Account | None:
        """The account at a 20-byte address."""
        return self._state.account(address)

    def storage(self, address: bytes, slot: int) -> int:
        """The value of one storage slot."""
        return self._state.storage(address, slot)

    def has_storage(self, address: bytes) -> bool:
        """Whether any slot of the account is not zero."""
        return has_storage(self._state, address)

    def code(self, code_hash: bytes) -> bytes:
        """The code with that hash."""
        return self._state.code(code_hash)
