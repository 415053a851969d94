"""Messages between engine and workers: they come back as they were, and broken ones are refused before decoding."""

import pytest

from sequencer.execution.parallel.messages import (
    RESULTS,
    MalformedMessage,
    pack_results,
    pack_transaction,
    seal,
    unpack_results,
    unpack_transaction,
    unseal,
)
from sequencer.execution.parallel.metrics import WorkerReads
from sequencer.primitives.transaction import AccessListEntry, Transaction
from sequencer.state.metrics import TierCounts
from tests.factories import make_transaction


@pytest.mark.parametrize("kind", [0, 1, 2, 4])
def test_a_transaction_loses_its_signature_and_hash_alone(kind: int) -> None:
    access_list = [AccessListEntry(b"\x01" * 20, (1, 2**255))] if kind else []
    transaction = make_transaction(type=kind, data=b"data", access_list=access_list, value=2**200)
    _, content = unseal(seal(0, pack_transaction(transaction)))
    assert isinstance(content, tuple)
    arrived = unpack_transaction(content)

    lost = {"r", "s", "y_parity", "hash"}
    for name in set(Transaction.__slots__) - lost:
        assert getattr(arrived, name) == getattr(transaction, name), name


def test_results_come_back() -> None:
    reads = WorkerReads(TierCounts(5, 4, 3), 2, 6, TierCounts(3, 2, 1), (0, 1, 2, 3, 4))
    one = (1, 21_000, (), b"", (), (), (), (), (), (), 77)
    kind, content = unseal(pack_results(12, [None, one], reads))
    batch_id, results, arrived = unpack_results(content)

    assert (kind, batch_id, arrived) == (RESULTS, 12, reads)
    assert results[0] is None
    assert results[1] is not None
    assert results[1].microseconds == 77


@pytest.mark.parametrize("place", [0, 7, 8, 20, -1])
def test_a_changed_byte_is_refused(place: int) -> None:
    message = bytearray(seal(RESULTS, (1, (None,), (0,) * 8)))
    message[place] ^= 1

    with pytest.raises(MalformedMessage):
        unseal(bytes(message))


@pytest.mark.parametrize("message", [b"", b"\0" * 7, b"\0" * 100])
def test_what_is_no_message_is_refused(message: bytes) -> None:
    with pytest.raises(MalformedMessage):
        unseal(message)


@pytest.mark.parametrize(
    "content",
    [
        None,
        5,
        (1, 2),
        (1, (2,), 3, ()),
        (1, ((1, 2),), (0,) * 8, (0,) * 5),
        (1, (), (0,) * 2, (0,) * 5),
        (1, (), (0,) * 8, (0,)),
    ],
)
def test_results_of_another_shape_are_refused(content: object) -> None:
    with pytest.raises(MalformedMessage):
        unpack_results(content)
