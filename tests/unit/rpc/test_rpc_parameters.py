"""Reading of parameters: what is accepted, and that everything else is refused with a message that says why."""

import contextlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sequencer.rpc.call_parameters import read_block_overrides, read_call_object, read_state_overrides
from sequencer.rpc.log_filter import read_log_filter
from sequencer.rpc.parameters import (
    HashReference,
    Malformed,
    Tag,
    read_address,
    read_block_reference,
    read_boolean,
    read_count,
    read_data,
    read_hash,
    read_number_reference,
    read_percentiles,
    read_quantity,
    read_slot,
    read_slots,
    read_uint64,
)

HASH = "0x" + "ab" * 32

ACCEPTED: list[tuple[Callable[[object], object], object, object]] = [
    (read_quantity, "0x0", 0),
    (read_quantity, "0xfF", 255),
    (read_quantity, "0x" + "f" * 64, 2**256 - 1),
    (read_uint64, "0x" + "f" * 16, 2**64 - 1),
    (read_data, "0x", b""),
    (read_data, "0xAb01", b"\xab\x01"),
    (read_address, "0x" + "Aa" * 20, b"\xaa" * 20),
    (read_hash, HASH, b"\xab" * 32),
    (read_slot, "0x0", 0),
    (read_slot, "0x" + "00" * 31 + "01", 1),
    (read_slot, "0xabc", 0xABC),
    (read_count, 7, 7),
    (read_count, "0x7", 7),
    (read_boolean, False, False),
    (read_percentiles, [0, 12.5, 100], (0.0, 12.5, 100.0)),
    (read_number_reference, "safe", Tag.SAFE),
    (read_number_reference, "0x10", 16),
    (read_block_reference, HASH, HashReference(b"\xab" * 32)),
    (read_block_reference, {"blockHash": HASH, "requireCanonical": False}, HashReference(b"\xab" * 32)),
    (read_block_reference, {"blockNumber": "0x2"}, 2),
    (read_block_reference, {"blockNumber": "latest"}, Tag.LATEST),
]


@pytest.mark.parametrize(("read", "value", "expected"), ACCEPTED)
def test_well_formed_value_is_read(read: Callable[[object], object], value: object, expected: object) -> None:
    assert read(value) == expected


REFUSED: list[tuple[Callable[[object], object], object, str]] = [
    (read_quantity, "0x", "no digits"),
    (read_quantity, "0x00", "leading zeros"),
    (read_quantity, "0x01", "leading zeros"),
    (read_quantity, "10", "0x prefix"),
    (read_quantity, "0xg", "no hex digit"),
    (read_quantity, "0x1_0", "no hex digit"),
    (read_quantity, "0x-1", "no hex digit"),
    (read_quantity, "0x+1", "no hex digit"),
    (read_quantity, "0x 1", "no hex digit"),
    (read_quantity, "0x１", "no hex digit"),
    (read_quantity, "0x1" + "0" * 64, "256 bits"),
    (read_quantity, 5, "a number, not a hex string"),
    (read_quantity, None, "null"),
    (read_quantity, True, "a boolean"),
    (read_quantity, ["0x1"], "an array"),
    (read_quantity, {"a": 1}, "an object"),
    (read_uint64, "0x1" + "0" * 16, "64 bits"),
    (read_data, "0x1", "odd"),
    (read_data, "0xzz", "no hex digit"),
    (read_data, "0x 12 ", "no hex digit"),
    (read_data, "", "0x prefix"),
    (read_data, "0X12", "0x prefix"),
    (read_address, "0x" + "aa" * 19, "38 hex digits, not 40"),
    (read_address, "0x" + "aa" * 21, "42 hex digits, not 40"),
    (read_hash, "0x" + "zz" * 32, "no hex digit"),
    (read_slot, "0x" + "1" * 65, "65 hex digits"),
    (read_slot, "0x", "0 hex digits"),
    (read_count, -1, "negative"),
    (read_count, 2**64, "64 bits"),
    (read_count, 1.5, "a number"),
    (read_count, True, "a boolean"),
    (read_boolean, "true", "a string, not a boolean"),
    (read_boolean, 1, "a number, not a boolean"),
    (read_percentiles, [2, 1], "rise"),
    (read_percentiles, [True], "percentile"),
    (read_percentiles, [0] * 101, "at most 100"),
    (read_number_reference, "LATEST", "unknown block tag"),
    (read_number_reference, "", "unknown block tag"),
    (read_number_reference, 7, "a number"),
    (read_number_reference, "x" * 10_000, "unknown block tag"),
    (read_block_reference, {}, "exactly one"),
    (read_block_reference, {"blockHash": HASH, "blockNumber": "0x1"}, "exactly one"),
    (read_block_reference, {"blockHash": "0x12"}, "blockHash: has 2 hex digits"),
    (read_block_reference, {"blockHash": HASH, "requireCanonical": 1}, "requireCanonical"),
    (read_block_reference, [], "an array"),
    (read_slots, ["0x1", None], "null"),
    (read_slots, "0x1", "not an array"),
]


@pytest.mark.parametrize(("read", "value", "fact"), REFUSED)
def test_malformed_value_is_refused_with_the_fact(read: Callable[[object], object], value: object, fact: str) -> None:
    with pytest.raises(Malformed) as refusal:
        read(value)

    assert fact in str(refusal.value)
    assert len(str(refusal.value)) < 200


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=70),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["to", "from", "data", "input", "gas", "address", "topics", "fromBlock", "accessList", "state"]
            )
            | st.text(max_size=42),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)

READERS: list[Callable[[object], object]] = [
    *(read_quantity, read_data, read_address, read_hash, read_slot, read_slots, read_count, read_percentiles),
    *(read_block_reference, read_call_object, read_state_overrides, read_block_overrides, read_log_filter),
]


@given(value=JSON_VALUES)
def test_any_json_is_read_or_refused(value: object) -> None:
    for read in READERS:
        with contextlib.suppress(Malformed):  # anything else that is raised fails the test
            read(value)
