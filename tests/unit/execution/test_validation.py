"""Each reason to refuse a transaction, beside the neighbour that just stands."""

from dataclasses import replace

import pytest

from sequencer.execution.interface import Deferred, Included, Invalid, InvalidReason, Outcome
from sequencer.primitives.genesis import GenesisAccount
from sequencer.primitives.transaction import Transaction
from tests.factories import ETHER, GWEI, address, make_authorization, make_transaction
from tests.unit.execution.chain_fixture import L1_INFO, make_environment, make_state, open_block

MAX_NONCE = 2**64 - 1
STOP = b"\x00"
DELEGATION = bytes.fromhex("ef0100") + bytes(20)
L1_FEE = 100 * (16 * L1_INFO.base_fee_scalar * L1_INFO.base_fee + L1_INFO.blob_base_fee_scalar * 2) // 10**6
OPERATOR_FEE = 21_000 * L1_INFO.operator_fee_scalar // 10**6 + L1_INFO.operator_fee_constant


def outcome_of(transaction: Transaction, sender: GenesisAccount | None = None) -> Outcome:
    block = open_block({address(0): sender} if sender is not None else None)
    (outcome,) = block.apply([transaction])
    return outcome


def reason_of(transaction: Transaction, sender: GenesisAccount | None = None) -> InvalidReason | None:
    outcome = outcome_of(transaction, sender)
    if isinstance(outcome, Included):
        return None
    assert isinstance(outcome, Invalid)
    return outcome.reason


def sender(balance: int = 100 * ETHER, nonce: int = 0, code: bytes = b"") -> GenesisAccount:
    return GenesisAccount(balance=balance, nonce=nonce, code=code)


@pytest.mark.parametrize(
    ("nonce", "reason"),
    [(2, InvalidReason.NONCE_TOO_LOW), (3, None), (4, InvalidReason.NONCE_TOO_HIGH)],
)
def test_nonce_must_be_the_senders(nonce: int, reason: InvalidReason | None) -> None:
    assert reason_of(make_transaction(nonce=nonce), sender(nonce=3)) is reason


@pytest.mark.parametrize(("nonce", "reason"), [(MAX_NONCE - 1, None), (MAX_NONCE, InvalidReason.NONCE_AT_MAXIMUM)])
def test_nonce_has_a_maximum(nonce: int, reason: InvalidReason | None) -> None:
    assert reason_of(make_transaction(nonce=nonce), sender(nonce=nonce)) is reason


@pytest.mark.parametrize(("chain_id", "reason"), [(901, None), (902, InvalidReason.WRONG_CHAIN_ID)])
def test_chain_id_must_be_ours(chain_id: int, reason: InvalidReason | None) -> None:
    assert reason_of(make_transaction(chain_id=chain_id)) is reason


def test_legacy_transaction_may_lack_a_chain_id() -> None:
    assert reason_of(make_transaction(type=0, chain_id=None)) is None


@pytest.mark.parametrize(("code", "reason"), [(STOP, InvalidReason.SENDER_HAS_CODE), (DELEGATION, None), (b"", None)])
def test_sender_may_delegate_but_have_no_code(code: bytes, reason: InvalidReason | None) -> None:
    assert reason_of(make_transaction(), sender(code=code)) is reason


@pytest.mark.parametrize(("tip", "reason"), [(2 * GWEI, None), (2 * GWEI + 1, InvalidReason.TIP_ABOVE_FEE_CAP)])
def test_tip_is_at_most_the_fee_cap(tip: int, reason: InvalidReason | None) -> None:
    transaction = make_transaction(max_priority_fee_per_gas=tip, max_fee_per_gas=2 * GWEI)

    assert reason_of(transaction) is reason


@pytest.mark.parametrize(("cap", "reason"), [(GWEI, None), (GWEI - 1, InvalidReason.FEE_CAP_TOO_LOW)])
def test_fee_cap_reaches_the_base_fee(cap: int, reason: InvalidReason | None) -> None:
    assert reason_of(make_transaction(max_priority_fee_per_gas=0, max_fee_per_gas=cap)) is reason


@pytest.mark.parametrize(("missing", "reason"), [(0, None), (1, InvalidReason.INSUFFICIENT_FUNDS)])
def test_sender_covers_value_gas_l1_fee_and_operator_fee(missing: int, reason: InvalidReason | None) -> None:
    transaction = make_transaction(value=5, max_priority_fee_per_gas=1, max_fee_per_gas=3 * GWEI)
    balance = 5 + 21_000 * 3 * GWEI + L1_FEE + OPERATOR_FEE

    assert reason_of(transaction, sender(balance=balance - missing)) is reason


@pytest.mark.parametrize(("missing", "reason"), [(0, None), (1, InvalidReason.INSUFFICIENT_FUNDS)])
def test_plain_chain_takes_no_other_fees(missing: int, reason: InvalidReason | None) -> None:
    transaction = make_transaction(value=5, max_priority_fee_per_gas=1, max_fee_per_gas=3 * GWEI)
    alloc = {address(0): sender(balance=5 + 21_000 * 3 * GWEI - missing)}
    (outcome,) = open_block(alloc, make_environment(is_optimism=False)).apply([transaction])

    assert getattr(outcome, "reason", None) is reason


@pytest.mark.parametrize(
    ("data", "gas_limit", "reason"),
    [
        (b"", 21_000, None),
        (b"", 20_999, InvalidReason.INTRINSIC_GAS),
        (b"\x01" * 10, 21_000 + 10 * 40, None),
        (b"\x01" * 10, 21_000 + 10 * 40 - 1, InvalidReason.INTRINSIC_GAS),
    ],
)
def test_gas_limit_covers_intrinsic_and_floor_cost(data: bytes, gas_limit: int, reason: InvalidReason | None) -> None:
    assert reason_of(make_transaction(data=data, gas_limit=gas_limit)) is reason


@pytest.mark.parametrize(("size", "reason"), [(49_152, None), (49_153, InvalidReason.INIT_CODE_TOO_LARGE)])
def test_init_code_has_a_maximum(size: int, reason: InvalidReason | None) -> None:
    assert reason_of(make_transaction(to=None, value=0, data=bytes(size), gas_limit=2_000_000)) is reason


def test_set_code_transaction_needs_an_authorization() -> None:
    assert reason_of(make_transaction(type=4, authorizations=[])) is InvalidReason.EMPTY_AUTHORIZATION_LIST
    assert reason_of(make_transaction(type=4, authorizations=[make_authorization()])) is None


def test_unknown_type_is_refused() -> None:
    assert reason_of(replace(make_transaction(), type=3)) is InvalidReason.UNSUPPORTED_TYPE


@pytest.mark.parametrize(
    ("gas_limit", "reason"), [(30_000_000, None), (30_000_001, InvalidReason.GAS_LIMIT_ABOVE_BLOCK)]
)
def test_gas_limit_is_at_most_the_blocks(gas_limit: int, reason: InvalidReason | None) -> None:
    assert reason_of(make_transaction(gas_limit=gas_limit)) is reason


def test_transaction_without_room_is_deferred_and_the_next_fills_it() -> None:
    block = open_block(environment=make_environment(gas_limit=63_000))
    fits, too_large = make_transaction(gas_limit=21_000), make_transaction(nonce=1, gas_limit=42_001)

    outcomes = block.apply([fits, too_large, make_transaction(nonce=1, gas_limit=42_000)])

    assert [type(outcome) for outcome in outcomes] == [Included, Deferred, Included]


def test_invalid_transaction_without_room_is_invalid() -> None:
    block = open_block(environment=make_environment(gas_limit=30_000))

    outcomes = block.apply([make_transaction(), make_transaction(nonce=9)])

    assert outcomes[1] == Invalid(make_transaction(nonce=9), InvalidReason.NONCE_TOO_HIGH)


def test_invalid_transaction_changes_nothing() -> None:
    untouched, refused = open_block(), open_block()
    refused.apply([make_transaction(nonce=9)])
    state = make_state()

    assert refused.seal(state).block.hash == untouched.seal(state).block.hash


def test_wrong_nonce_is_named_before_missing_funds() -> None:
    pauper = sender(balance=0, nonce=3)

    assert reason_of(make_transaction(nonce=4), pauper) is InvalidReason.NONCE_TOO_HIGH
    assert reason_of(make_transaction(nonce=3), pauper) is InvalidReason.INSUFFICIENT_FUNDS


def test_missing_funds_are_named_before_too_little_gas() -> None:
    transaction = make_transaction(gas_limit=20_000, value=101 * ETHER)

    assert reason_of(transaction) is InvalidReason.INSUFFICIENT_FUNDS
    assert reason_of(replace(transaction, value=0)) is InvalidReason.INTRINSIC_GAS
