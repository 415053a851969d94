"""RLP: agreement with the library's own decoder, canonical form, and bounded nesting (law 7)."""

import pytest
import rlp
from hypothesis import given
from hypothesis import strategies as st

from l1_bridge.rlp_codec import MAX_DEPTH, MalformedRlp, decode_rlp, encode_rlp

ITEMS = st.recursive(st.binary(max_size=70), lambda inner: st.lists(inner, max_size=5), max_leaves=30)


@given(ITEMS)
def test_what_is_encoded_is_decoded(item: bytes | list[object]) -> None:
    assert decode_rlp(encode_rlp(item)) == item  # type: ignore[arg-type]  # a recursive strategy has no exact type


@given(ITEMS)
def test_encoding_is_the_library_s(item: bytes | list[object]) -> None:
    assert encode_rlp(item) == rlp.encode(item)  # type: ignore[arg-type]  # a recursive strategy has no exact type


@pytest.mark.parametrize("size", [0, 1, 2, 55, 56, 255, 256, 1023, 1024, 65535, 65536])
def test_every_form_of_length_is_the_library_s(size: int) -> None:
    for item in (b"\x7f" * size, b"\x80" * size, [b"\x01"] * size, [b"a" * size, [b"b" * size]]):
        assert encode_rlp(item) == rlp.encode(item)


@given(st.binary(max_size=40))
def test_random_bytes_are_judged_as_the_library_judges_them(data: bytes) -> None:
    try:
        expected = rlp.decode(data, strict=True)
    except rlp.exceptions.RLPException:
        with pytest.raises(MalformedRlp):
            decode_rlp(data)
    else:
        assert decode_rlp(data) == expected


@pytest.mark.parametrize(
    "data",
    [b"", b"\x81\x05", b"\xb8\x05hello", b"\xb9\x00\x40" + bytes(64), b"\x83ab", b"\xc3\x80\x80", b"\x80\x80", b"\xb8"],
    ids=["empty", "long-byte", "long-form", "leading-zero", "cut", "cut-list", "trailing", "no-length"],
)
def test_a_form_that_is_not_canonical_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedRlp):
        decode_rlp(data)


def test_lists_may_nest_to_the_limit_and_no_deeper() -> None:
    deepest = b"\xc0"
    for _ in range(MAX_DEPTH - 1):
        deepest = rlp.codec.encode_raw([rlp.decode(deepest)])

    assert decode_rlp(deepest) == rlp.decode(deepest)
    with pytest.raises(MalformedRlp, match="nest"):
        decode_rlp(encode_rlp([decode_rlp(deepest)]))


def test_a_bomb_of_brackets_is_refused_at_once() -> None:
    bomb = b""
    for _ in range(2_000):
        bomb = rlp.codec.length_prefix(len(bomb), 0xC0) + bomb

    with pytest.raises(MalformedRlp, match="nest"):
        decode_rlp(bomb)
