"""What is learned of one transaction's slots gives the next one's."""

from eth_hash.auto import keccak

from sequencer.execution.parallel.messages import SpeculativeResult
from sequencer.execution.parallel.prediction import MAX_KINDS, UNKNOWN_MICROSECONDS, Predictor
from sequencer.primitives.transaction import Transaction
from tests.factories import address, make_transaction, private_key
from tests.market_blocks import TOKEN, send_tokens

Slots = dict[tuple[bytes, int], bool]


def mapping_slot(key: bytes, position: int | bytes) -> int:
    place = position if isinstance(position, bytes) else position.to_bytes(32, "big")
    return int.from_bytes(keccak(key.rjust(32, b"\0") + place), "big")


def result(slots: Slots, microseconds: int = 700) -> SpeculativeResult:
    """Slots that were read, with whether they were also written."""
    read = tuple((place, slot, 1) for place, slot in slots)
    written = tuple((place, slot, 2) for (place, slot), is_written in slots.items() if is_written)
    return SpeculativeResult(1, 50_000, (), b"", (), read, written, (), (), (), microseconds)


def predicted(predictor: Predictor, transaction: Transaction) -> Slots:
    locations = predictor.predict(transaction).locations
    return {(place, slot): is_written for (place, slot), is_written in locations if slot is not None}


def test_mappings_by_sender_and_by_argument_are_found() -> None:
    predictor = Predictor()
    first = send_tokens(0, 0, address(1))
    slots = {(TOKEN, mapping_slot(address(i), 0)): True for i in (0, 1)} | {(TOKEN, 5): False}
    predictor.learn(first, result(slots))

    expected = {(TOKEN, mapping_slot(address(i), 0)): True for i in (2, 3)} | {(TOKEN, 5): False}
    assert predicted(predictor, send_tokens(2, 0, address(3))) == expected


def test_nested_mappings_are_found() -> None:
    predictor = Predictor()

    def allowance(owner: int, spender: int) -> Slots:
        inner = mapping_slot(address(owner), 1).to_bytes(32, "big")
        return {(TOKEN, mapping_slot(address(spender), inner)): True}

    def spend(owner: int, spender: int) -> Transaction:
        data = b"spnd" + address(owner).rjust(32, b"\0")
        return make_transaction(key=private_key(spender), to=TOKEN, data=data)

    predictor.learn(spend(0, 1), result(allowance(0, 1)))
    assert predicted(predictor, spend(2, 3)) == allowance(2, 3)


def test_what_happened_once_is_forgotten() -> None:
    predictor = Predictor()
    hashes = [int.from_bytes(keccak(bytes([index])), "big") for index in range(4)]
    for nonce, slot in enumerate(hashes):
        predictor.learn(send_tokens(0, nonce, address(1)), result({(TOKEN, slot): True, (TOKEN, 9): True}))

    assert predicted(predictor, send_tokens(0, 4, address(1))) == {(TOKEN, 9): True}


def test_kinds_are_told_apart_by_selector() -> None:
    predictor = Predictor()
    predictor.learn(send_tokens(0, 0, address(1)), result({(TOKEN, 9): True}))
    other = make_transaction(to=TOKEN, data=b"elses")

    assert predicted(predictor, other) == {}
    assert predictor.predict(other).microseconds == UNKNOWN_MICROSECONDS


def test_costs_follow_what_was_measured() -> None:
    predictor = Predictor()
    for nonce in range(30):
        predictor.learn(send_tokens(0, nonce, address(1)), result({}, microseconds=100 if nonce < 10 else 2_000))

    assert 1_500 < predictor.predict(send_tokens(0, 30, address(1))).microseconds < 2_000


def test_memory_is_bounded() -> None:
    predictor = Predictor()
    transaction = make_transaction(to=TOKEN)
    for index in range(MAX_KINDS + 5):
        other = Transaction(
            **{name: getattr(transaction, name) for name in Transaction.__slots__} | {"data": index.to_bytes(4, "big")}
        )
        predictor.learn(other, result({(TOKEN, 1): True}))

    assert len(predictor._kinds) == MAX_KINDS
