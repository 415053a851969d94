"""Law 8: two engines that disagree, in whatever, give nothing; what both say comes out as from one."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from sequencer.execution.access_list import AccessHints
from sequencer.execution.cross_check import (
    CrossCheckEngine,
    CrossCheckOpenBlock,
    Divergence,
    EnginesDisagree,
    NamedEngine,
)
from sequencer.execution.interface import CallMessage, Included, Invalid, InvalidReason, Outcome
from sequencer.execution.serial import SerialEngine
from sequencer.primitives.receipt import Log
from sequencer.state.flat import decode_account
from tests.factories import address, make_deposit, make_transaction
from tests.fakes.memory_state import MemoryState
from tests.fakes.tampered_engine import WITNESS, Tamper, TamperedEngine, change_receipt
from tests.market_blocks import COUNTER, PARENT, assert_agrees, increment, make_world, play_market
from tests.unit.execution.chain_fixture import make_environment

TRANSACTIONS = [increment(0, 0), increment(1, 0), make_transaction(nonce=1, to=address(5), value=3)]


class Checked:
    """A block in serial and in a tampered engine, and what was kept of a divergence."""

    def __init__(self, tamper: Tamper = lambda outcome: outcome, *, has_witness: bool = False) -> None:
        self.kept: list[Divergence] = []
        self.second = TamperedEngine(SerialEngine(), tamper, has_witness=has_witness)
        self.engine = CrossCheckEngine(
            NamedEngine("one", SerialEngine()), NamedEngine("other", self.second), self.kept.append
        )
        self.state: MemoryState = make_world()
        self.environment = make_environment()

    def open(self) -> CrossCheckOpenBlock:
        return self.engine.open_block(PARENT, self.environment, self.state)

    def disagreement(self, act: Callable[[], object]) -> Divergence:
        """What is kept when `act` shows that the engines disagree."""
        with pytest.raises(EnginesDisagree) as raised:
            act()
        assert self.kept == [raised.value.divergence]
        return self.kept[0]


def second_only(tamper: Tamper) -> Tamper:
    """Tampers with the transaction of account 1 alone."""
    return lambda outcome: tamper(outcome) if outcome.transaction.sender == address(1) else outcome


def other_gas(outcome: Outcome) -> Outcome:
    assert isinstance(outcome, Included)
    return replace(outcome, gas_used=outcome.gas_used + 1)


def a_log_more(outcome: Outcome) -> Outcome:
    add = change_receipt(lambda receipt: replace(receipt, logs=(*receipt.logs, Log(COUNTER, (), b"\x07"))))
    return add(outcome)


def not_included(outcome: Outcome) -> Outcome:
    return Invalid(outcome.transaction, InvalidReason.INSUFFICIENT_FUNDS)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("is_optimism", [True, False])
def test_engines_that_agree_make_the_block_of_one(seed: int, is_optimism: bool) -> None:
    checked = Checked()

    assert_agrees(checked.engine, play_market(seed, 30, is_optimism=is_optimism), cuts=[3, 17])
    assert checked.kept == []


@pytest.mark.parametrize("tamper", [other_gas, a_log_more, not_included])
def test_the_first_transaction_that_differs_is_kept_with_both_outcomes(tamper: Tamper) -> None:
    checked = Checked(second_only(tamper))
    opened = checked.open()

    divergence = checked.disagreement(lambda: opened.apply(TRANSACTIONS))

    found = divergence.transaction
    assert found is not None
    assert (found.index, found.transaction) == (1, TRANSACTIONS[1])
    first, second = found.outcomes
    assert isinstance(first, Included)
    assert second == tamper(first)
    assert found.writes[0]
    assert divergence.engines == ("one", "other")
    assert divergence.environment == checked.environment


def test_the_place_of_a_transaction_counts_earlier_slices_and_no_invalid_ones() -> None:
    checked = Checked(second_only(other_gas))
    opened = checked.open()
    opened.apply([TRANSACTIONS[0], make_transaction(nonce=77)])

    divergence = checked.disagreement(lambda: opened.apply([make_transaction(nonce=78), TRANSACTIONS[1]]))

    assert divergence.transaction is not None
    assert divergence.transaction.index == 1


def test_another_reason_for_being_invalid_is_a_difference() -> None:
    checked = Checked(lambda outcome: not_included(outcome) if isinstance(outcome, Invalid) else outcome)
    opened = checked.open()

    divergence = checked.disagreement(lambda: opened.apply([TRANSACTIONS[0], make_transaction(nonce=9)]))

    assert divergence.transaction is not None
    reasons = [outcome.reason for outcome in divergence.transaction.outcomes if isinstance(outcome, Invalid)]
    assert reasons == [InvalidReason.NONCE_TOO_HIGH, InvalidReason.INSUFFICIENT_FUNDS]


def test_a_deposit_that_differs_is_a_difference() -> None:
    checked = Checked(change_receipt(lambda receipt: replace(receipt, deposit_nonce=7)))
    opened = checked.open()
    deposit = make_deposit(sender=address(3), to=address(4), mint=5)

    divergence = checked.disagreement(lambda: opened.apply([deposit]))

    assert divergence.transaction is not None
    assert divergence.transaction.transaction == deposit


def test_state_alone_is_found_at_the_seal_with_the_transaction_that_wrote_it() -> None:
    checked = Checked(has_witness=True)
    opened = checked.open()
    opened.apply(TRANSACTIONS)

    divergence = checked.disagreement(lambda: opened.seal(checked.state))

    assert divergence.header.keys() == {"state_root"}
    found = divergence.transaction
    assert found is not None
    assert (found.index, found.transaction, found.outcomes) == (2, TRANSACTIONS[2], (None, None))
    first, second = found.writes
    assert first is not None
    assert second is not None
    assert second.keys() - first.keys() == {b"a" + WITNESS}
    account = decode_account(second[b"a" + WITNESS])
    assert account is not None
    assert account.balance == 1


def test_a_call_of_the_protocol_that_differs_is_a_difference() -> None:
    checked = Checked(has_witness=True)
    opened = checked.open()

    divergence = checked.disagreement(lambda: opened.system_call(COUNTER, b"\xd0\x9d\xe0\x8a"))

    assert divergence.system_call is not None
    assert divergence.system_call[0] != divergence.system_call[1]


def test_an_engine_that_leaves_a_transaction_out_altogether_differs() -> None:
    checked = Checked()
    opened = checked.open()
    second = opened._second
    apply = second.apply
    second.apply = lambda transactions: apply(transactions)[:-1]  # type: ignore[method-assign]

    divergence = checked.disagreement(lambda: opened.apply(TRANSACTIONS))

    assert divergence.transaction is not None
    assert divergence.transaction.index == 2
    assert divergence.transaction.outcomes[1] is None


def test_a_block_that_was_not_agreed_on_gives_nothing_any_more() -> None:
    checked = Checked(second_only(other_gas))
    opened = checked.open()
    for act in (
        lambda: opened.apply(TRANSACTIONS),
        lambda: opened.apply([]),
        opened.view,
        lambda: opened.seal(checked.state),
    ):
        with pytest.raises(EnginesDisagree):
            act()

    assert len(checked.kept) == 1
    opened.abandon()
    assert checked.second.abandoned == 1


def test_roots_are_computed_once_when_changes_are_equal() -> None:
    checked = Checked()
    opened = checked.open()
    opened.apply(TRANSACTIONS)
    computed = []

    class Counting:
        def compute(self, changes: object) -> object:
            computed.append(changes)
            return checked.state.compute(changes)  # type: ignore[arg-type]

        def storage_root(self, account: bytes) -> bytes:
            return checked.state.storage_root(account)

    opened.seal(Counting())  # type: ignore[arg-type]

    assert len(computed) == 1


def test_calls_are_the_first_engines_and_hints_go_to_those_who_take_them() -> None:
    checked = Checked()
    checked.engine.expect(hints := AccessHints())

    result = checked.engine.call(checked.environment, checked.state, CallMessage(address(0), address(1), 21_000), {})

    assert result.error is None
    assert checked.second.hints == [hints]


def test_both_are_closed() -> None:
    checked = Checked()
    checked.engine.close()

    assert checked.second.is_closed
