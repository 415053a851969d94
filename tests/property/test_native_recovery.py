"""The extension decodes exactly what `decode_transaction` decodes, to the same values, and refuses the rest."""

import random
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from l1_bridge.rlp_codec import decode_rlp, encode_integer, encode_rlp
from sequencer.native import extension
from sequencer.primitives import recovery
from sequencer.primitives.block import decode_block
from sequencer.primitives.errors import TransactionDecodingError
from sequencer.primitives.fields import RlpItem
from sequencer.primitives.recovery import decode_transactions
from sequencer.primitives.signature import CURVE_ORDER, HALF_CURVE_ORDER
from sequencer.primitives.transaction import AccessListEntry, Authorization, Transaction, decode_transaction
from tests.factories import make_authorization, make_deposit, make_transaction, private_key, sign_typed
from tests.fakes.recorded_l1 import load_vector
from tests.missing_tools import needs_extension

EXAMPLES = settings(max_examples=30, deadline=None)

UINT64 = st.integers(0, 2**64 - 1)
UINT256 = st.integers(0, 2**256 - 1) | st.integers(0, 300)
ADDRESSES = st.binary(min_size=20, max_size=20)
ACCESS_LISTS = st.lists(st.builds(AccessListEntry, ADDRESSES, st.lists(UINT256, max_size=3).map(tuple)), max_size=3)
AUTHORIZATIONS = st.lists(
    st.builds(Authorization, UINT256, ADDRESSES, UINT64, st.integers(0, 255), UINT256, UINT256)
    | st.just(make_authorization()),
    max_size=3,
)


@st.composite
def transactions(draw: st.DrawFn) -> Transaction:
    """A valid transaction of any type, of one of a few keys."""
    type = draw(st.sampled_from([0, 1, 2, 4]))
    return make_transaction(
        type=type,
        nonce=draw(UINT64),
        key=private_key(draw(st.integers(0, 3))),
        chain_id=draw(st.none() | st.integers(0, 2**254)) if type == 0 else draw(UINT256),
        max_priority_fee_per_gas=draw(UINT256),
        max_fee_per_gas=draw(UINT256),
        gas_limit=draw(UINT64),
        to=draw(ADDRESSES if type == 4 else st.none() | ADDRESSES),
        value=draw(UINT256),
        data=draw(st.binary(max_size=80)),
        access_list=draw(ACCESS_LISTS) if type else (),
        authorizations=draw(AUTHORIZATIONS) if type == 4 else None,
    )


def assert_same(raws: Sequence[bytes]) -> int:
    """Native and Python agree on each; returns how many are transactions."""
    assert extension is not None
    found = extension.recover_transactions(raws)
    for raw, native in zip(raws, found, strict=True):
        try:
            expected: Transaction | None = decode_transaction(raw)
        except TransactionDecodingError:
            expected = None
        assert native == expected, raw.hex()
    return sum(native is not None for native in found)


@needs_extension
@EXAMPLES
@given(st.lists(transactions(), max_size=20))
def test_valid_transactions_have_the_same_values(made: list[Transaction]) -> None:
    assert_same([transaction.raw for transaction in made])

    assert decode_transactions([transaction.raw for transaction in made]) == made


@needs_extension
@EXAMPLES
@given(transactions(), st.randoms(use_true_random=False))
def test_changed_and_cut_encodings_are_judged_alike(made: Transaction, chance: random.Random) -> None:
    raw = made.raw
    cut = [raw[:length] for length in range(len(raw))]
    longer = [raw + b"\0", b"\0" + raw, raw + raw]
    changed = [raw[:at] + bytes([chance.randrange(256)]) + raw[at + 1 :] for at in range(len(raw))]
    without = [raw[:at] + raw[at + 1 :] for at in range(len(raw))]

    assert_same([*cut, *longer, *changed, *without])


@needs_extension
@EXAMPLES
@given(transactions(), st.randoms(use_true_random=False))
def test_lists_with_other_items_are_judged_alike(made: Transaction, chance: random.Random) -> None:
    prefix, body = (made.raw[:1], made.raw[1:]) if made.type else (b"", made.raw)
    items = decode_rlp(body)
    assert not isinstance(items, bytes)
    raws = [prefix + encode_rlp(_changed(items, chance)) for _ in range(200)]

    assert_same(raws)


@needs_extension
@given(st.lists(st.binary(max_size=200), max_size=30))
def test_garbage_is_judged_alike(raws: list[bytes]) -> None:
    assert_same(
        [kind + raw for raw in raws for kind in (b"", b"\x00", b"\x01", b"\x02", b"\x03", b"\x04", b"\x7d", b"\x7e")]
    )


@needs_extension
def test_signatures_at_the_limits_are_judged_alike() -> None:
    made = make_transaction()
    items = decode_rlp(made.raw[1:])
    assert not isinstance(items, bytes)
    edges = [
        0,
        1,
        2,
        HALF_CURVE_ORDER - 1,
        HALF_CURVE_ORDER,
        HALF_CURVE_ORDER + 1,
        CURVE_ORDER - 1,
        CURVE_ORDER,
        2**256 - 1,
    ]
    numbers = [encode_integer(edge) for edge in edges]
    typed = [
        b"\x02" + encode_rlp([*items[:-3], encode_integer(parity), r, s])
        for parity in (0, 1, 2, 3, 27, 255, 256)
        for r in (*numbers, items[-2], b"\0" + encode_integer(made.r))
        for s in (*numbers, items[-1], bytes(33))
    ]

    assert 0 < assert_same(typed) < len(typed)


@needs_extension
@pytest.mark.parametrize("chain_id", [None, 0, 1, 901, 2**64, 2**255 - 18])
def test_every_form_of_v_is_judged_alike(chain_id: int | None) -> None:
    items = decode_rlp(make_transaction(type=0, chain_id=chain_id).raw)
    assert not isinstance(items, bytes)
    forms = [*range(45), 255, 256, 1837, 1838, 2**64 + 35, 2**256 - 2, 2**256 - 1, 2**256]
    raws = [encode_rlp([*items[:6], encode_integer(v), *items[7:]]) for v in forms]

    assert assert_same(raws) > 0


@needs_extension
def test_deposits_and_unknown_types_are_refused() -> None:
    fields: list[RlpItem] = [b"\x03", b"", b"", b"", b"", bytes(20), b"", b"", []]
    refused = [b"", make_deposit().raw, b"\x7e", b"\x7d" + make_transaction().raw[1:], make_transaction().raw[1:]]
    refused += [sign_typed(private_key(0), type, fields) for type in (0, 3, 5, 0x7E, 0xBF)]

    assert assert_same(refused) == 0


def test_what_is_refused_has_the_reason_that_python_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    raws = [b"", b"\x03", make_transaction().raw + b"\0", make_transaction().raw[:-1], make_deposit().raw]
    fast = decode_transactions(raws)
    monkeypatch.setattr(recovery, "extension", None)

    slow = decode_transactions(raws)

    assert [(type(reason), str(reason)) for reason in fast] == [(type(reason), str(reason)) for reason in slow]
    assert all(isinstance(reason, TransactionDecodingError) for reason in slow)


def test_python_serves_where_the_extension_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    made = [make_transaction(nonce=nonce, type=type) for nonce, type in enumerate([0, 1, 2, 4])]
    monkeypatch.setattr(recovery, "extension", None)

    assert decode_transactions([transaction.raw for transaction in made]) == made


@needs_extension
@pytest.mark.parametrize("threads", [1, 2, 4])
def test_results_stand_in_order_on_any_number_of_threads(threads: int) -> None:
    assert extension is not None
    made = [make_transaction(nonce=nonce) for nonce in range(100)]
    raws = [raw for transaction in made for raw in (transaction.raw, b"\x02")]

    found = extension.recover_transactions(raws, threads)

    assert found == [item for transaction in made for item in (transaction, None)]


@needs_extension
@pytest.mark.parametrize("name", ["calldata", "window"])
def test_transactions_of_recorded_chains_have_the_same_values(name: str) -> None:
    blocks = [decode_block(bytes.fromhex(entry["block"][2:])) for entry in load_vector(name)["l2"]]
    raws = [made.raw for block in blocks for made in block.transactions if isinstance(made, Transaction)]

    assert assert_same(raws) == len(raws) > 0


def _changed(items: Sequence[RlpItem], chance: random.Random) -> list[RlpItem]:
    """One item is another one, is missing, or stands twice; lists inside are changed the same way."""
    changed = list(items)
    at = chance.randrange(len(changed) + 1)
    if at == len(changed):
        return [*changed, _other(b"", chance)]
    inner = changed[at]
    if not isinstance(inner, bytes) and inner and chance.random() < 0.7:
        changed[at] = _changed(inner, chance)
        return changed
    edits: list[Callable[[], list[RlpItem]]] = [
        lambda: [*changed[:at], *changed[at + 1 :]],
        lambda: [*changed[:at], changed[at], *changed[at:]],
        lambda: [*changed[:at], _other(inner, chance), *changed[at + 1 :]],
    ]
    return chance.choices(edits, weights=[1, 1, 4])[0]()


def _other(item: RlpItem, chance: random.Random) -> RlpItem:
    size = chance.choice([0, 1, 8, 9, 19, 20, 21, 31, 32, 33, 60])
    drawn: RlpItem = chance.choice([chance.randbytes(size), b"\0", [], [b"\x01"], [[]], [chance.randbytes(size), []]])
    if isinstance(item, bytes) and chance.random() < 0.3:
        drawn = chance.choice([b"\0" + item, item[:-1], item + b"\0", bytes(len(item))])
    return drawn
