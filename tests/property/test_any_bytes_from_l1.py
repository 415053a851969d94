"""Any bytes, and good data that was damaged, go through every decoder that reads L1 (see `tests/fuzz/targets.py`)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.seeds import make_seeds
from tests.fuzz.targets import TARGETS

SEEDS = make_seeds()
EXAMPLES = settings(max_examples=60, deadline=None)


@pytest.mark.parametrize("name", TARGETS)
@EXAMPLES
@given(data=st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(name: str, data: bytes) -> None:
    TARGETS[name](data)


@pytest.mark.parametrize("name", TARGETS)
@EXAMPLES
@given(draw=st.data())
def test_damaged_data_is_read_or_refused(name: str, draw: st.DataObject) -> None:
    damaged = bytearray(draw.draw(st.sampled_from(SEEDS[name])))
    for _ in range(draw.draw(st.integers(1, 4))):
        at = draw.draw(st.integers(0, len(damaged) - 1))
        damaged[at : at + draw.draw(st.integers(0, 3))] = draw.draw(st.binary(max_size=3))
        damaged = damaged or bytearray(1)

    TARGETS[name](bytes(damaged))


@pytest.mark.parametrize("name", TARGETS)
def test_good_data_holds_what_is_asked_of_any(name: str) -> None:
    for seed in SEEDS[name]:
        TARGETS[name](seed)
