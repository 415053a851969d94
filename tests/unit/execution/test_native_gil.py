"""
Calls into the extension that get many keys let other threads of Python run meanwhile.

The interpreter is told never to take the GIL away from who has it: another thread goes on only where the call gives it
up by itself.
"""

import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sequencer.chain.chain import Chain
from sequencer.execution.native.engine import NativeEngine
from sequencer.state.store import Store
from tests.fakes.chain_story import CHAIN_ID, make_genesis
from tests.fakes.memory_state import MemoryState
from tests.missing_tools import needs_extension
from tests.unit.execution.chain_fixture import make_environment

pytestmark = needs_extension

KEYS = 20_000

MOST_CALLS = 2_000
"""Another thread may miss the moment in which it can have the GIL, but not so often."""


@pytest.fixture
def never_taken() -> Iterator[None]:
    """Who has the GIL keeps it until it gives it up."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1_000)
    yield
    sys.setswitchinterval(before)


def _lets_another_run(call: Callable[[], object], most_calls: int) -> bool:
    """Whether a thread that only waits for the GIL has had it after so many calls."""
    gate, ran = threading.Lock(), threading.Event()

    def other() -> None:
        gate.acquire()
        ran.set()

    gate.acquire()
    thread = threading.Thread(target=other)
    thread.start()
    gate.release()
    for _ in range(most_calls):
        if ran.is_set():
            break
        call()
    has_run = ran.is_set()
    thread.join()
    return has_run


@pytest.mark.usefixtures("never_taken")
def test_what_keeps_the_gil_is_noticed() -> None:
    assert not _lets_another_run(lambda: sum(range(1_000)), 50)


@pytest.mark.usefixtures("never_taken")
def test_hints_are_decoded_without_the_gil() -> None:
    opened = NativeEngine(1)._room.open_block(make_environment(), MemoryState())
    keys = tuple(b"a" + number.to_bytes(20, "big") for number in range(KEYS))
    hints = {number.to_bytes(32, "big"): (keys[number::10], ()) for number in range(10)}

    assert _lets_another_run(lambda: opened.expect(hints), MOST_CALLS)


@pytest.mark.usefixtures("never_taken")
def test_many_values_are_read_without_the_gil(tmp_path: Path) -> None:
    store = Store.open(tmp_path, chain_id=CHAIN_ID)
    state = Chain.open(store, make_genesis(), None, NativeEngine(1)).head_state().native
    assert state is not None
    keys = [b"a" + number.to_bytes(20, "big") for number in range(KEYS)]

    assert _lets_another_run(lambda: state.encoded_many(keys), MOST_CALLS)
    store.close()
