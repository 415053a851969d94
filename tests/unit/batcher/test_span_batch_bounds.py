"""Law 7 on span batches: the worst that bytes can claim costs little more, a byte, than an honest batch does."""

import time
import tracemalloc
from collections.abc import Callable

import pytest

from batcher.codec.batch import SPAN_BATCH_VERSION, SingularBatch
from batcher.codec.errors import MalformedBatch
from batcher.codec.span_batch import (
    MAX_SPAN_BATCH_ELEMENT_COUNT,
    SpanBatch,
    SpanParameters,
    decode_span_batch,
    encode_span_batch,
)
from batcher.codec.varint import encode_varint
from tests.factories import make_transaction

PARAMETERS = SpanParameters(genesis_timestamp=0, block_time=2, chain_id=1)
CHECKS = bytes(40)
LEGACY_DATA = b"\xc3\x80\x80\x80"
"""The shortest `tx_data`: no value, no price, no data."""

MEMORY_PER_BYTE = 16
"""Bytes held at most while a batch is decoded, for each of its bytes."""

TIMES_AN_HONEST_ONE = 8
"""A byte of the worst batch takes at most so many times what a byte of transfers takes."""


def prefix(blocks: int) -> bytes:
    return bytes((SPAN_BATCH_VERSION, 0, 0)) + CHECKS + encode_varint(blocks)


def shortest_transactions(count: int) -> bytes:
    """One block of creations with signatures of zeros: 70 bytes each, more transactions a byte than any other batch."""
    bits = (count + 7) // 8
    creations = ((1 << count) - 1).to_bytes(bits, "big")
    columns = (creations, bytes(bits), bytes(64 * count), LEGACY_DATA * count, bytes(count), bytes(count), bytes(bits))
    return prefix(1) + b"\x00" + encode_varint(count) + b"".join(columns)


def many_blocks(count: int) -> bytes:
    """Empty blocks, and a last count of two bytes, so that none is read the short way."""
    return prefix(count) + bytes((count + 7) // 8) + bytes(count - 1) + b"\x80\x00"


def transfers(count: int) -> bytes:
    raws = tuple(make_transaction(nonce=nonce, chain_id=PARAMETERS.chain_id).raw for nonce in range(count))
    return encode_span_batch([SingularBatch(bytes(32), 0, bytes(32), 0, raws)], PARAMETERS)


def decode(data: bytes) -> SpanBatch:
    return decode_span_batch(data, PARAMETERS)


@pytest.mark.parametrize("make", [shortest_transactions, many_blocks])
def test_memory_is_bounded_by_the_bytes(make: Callable[[int], bytes]) -> None:
    data = make(8_000)
    decode(make(10))
    tracemalloc.start()
    try:
        decode(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < MEMORY_PER_BYTE * len(data)


@pytest.mark.parametrize("make", [shortest_transactions, many_blocks])
def test_time_is_bounded_by_that_of_honest_bytes(make: Callable[[int], bytes]) -> None:
    worst, honest = make(2_000), transfers(100)

    assert seconds_a_byte(worst) < TIMES_AN_HONEST_ONE * seconds_a_byte(honest)


@pytest.mark.parametrize("make", [shortest_transactions, many_blocks])
def test_time_grows_with_the_bytes_and_not_faster(make: Callable[[int], bytes]) -> None:
    assert seconds_a_byte(make(16_000)) < 3 * seconds_a_byte(make(2_000))


def test_more_than_the_protocol_has_is_not_even_looked_at() -> None:
    blocks = prefix(MAX_SPAN_BATCH_ELEMENT_COUNT + 1)
    transactions = prefix(1) + b"\x00" + encode_varint(MAX_SPAN_BATCH_ELEMENT_COUNT + 1)

    for data in (blocks, transactions):
        with pytest.raises(MalformedBatch):
            decode(data)


def seconds_a_byte(data: bytes) -> float:
    """The best of several: what others do on the machine only adds."""
    best = float("inf")
    for _ in range(5):
        started = time.thread_time()
        decode(data)
        best = min(best, time.thread_time() - started)
    return best / len(data)
