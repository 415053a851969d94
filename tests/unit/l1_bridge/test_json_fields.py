"""Typed fields of JSON objects: what is read, and what is refused by name."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from l1_bridge import json_fields
from l1_bridge.json_fields import MalformedField

Read = Callable[[dict[str, object], str], object]


@pytest.mark.parametrize(
    ("read", "value", "expected"),
    [
        (json_fields.get_quantity, "0x0", 0),
        (json_fields.get_quantity, "0x00ff", 255),
        (json_fields.get_quantity, "0xABc", 0xABC),
        (json_fields.get_quantity, "0x" + "f" * 64, 2**256 - 1),
        (json_fields.get_quantity_or_none, None, None),
        (json_fields.get_bytes, "0x", b""),
        (json_fields.get_bytes, "0xABcd", b"\xab\xcd"),
        (json_fields.get_bytes_or_none, None, None),
        (json_fields.get_integer, 2**64 - 1, 2**64 - 1),
        (json_fields.get_integer_or_none, None, None),
        (json_fields.get_list, [1], [1]),
        (json_fields.get_object, {"a": 1}, {"a": 1}),
    ],
)
def test_field_is_read(read: Read, value: object, expected: object) -> None:
    assert read({"key": value}, "key") == expected


@pytest.mark.parametrize(
    ("read", "value"),
    [
        *((json_fields.get_quantity, value) for value in (5, "5", "0x", "0xg", "0x1_0", "0x 1", "-0x1", None, "0x١")),
        (json_fields.get_quantity, "0x" + "f" * 65),
        *((json_fields.get_bytes, value) for value in (b"", "", "ab", "0xa", "0xgg", "0xab cd", "0xab\n", 5, None)),
        *((json_fields.get_integer, value) for value in (True, 1.0, "1", -1, 2**64, None)),
        (json_fields.get_list, {}),
        (json_fields.get_object, []),
    ],
)
def test_field_of_another_form_is_refused_by_name(read: Read, value: object) -> None:
    with pytest.raises(MalformedField, match="key"):
        read({"key": value}, "key")
    with pytest.raises(MalformedField, match="key"):
        read({}, "key")


@given(st.binary(max_size=40))
def test_bytes_round_trip_as_hex(value: bytes) -> None:
    assert json_fields.parse_bytes("key", json_fields.hex_bytes(value)) == value
    with pytest.raises(MalformedField):
        json_fields.parse_bytes("key", json_fields.hex_bytes(value), len(value) + 1)
