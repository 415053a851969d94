"""The flat accounts of one transaction: checkpoints, changes, and what counts as read."""

from sequencer.execution.flat_accounts import BALANCE, CODE, NONCE, FlatAccounts
from sequencer.primitives.account import Account
from sequencer.primitives.genesis import GenesisAccount
from tests.fakes.memory_state import memory_state

ALICE, BOB, NOBODY = (bytes(19) + bytes([index]) for index in (1, 2, 3))


def make_accounts() -> FlatAccounts:
    return FlatAccounts(
        memory_state({ALICE: GenesisAccount(balance=100, nonce=1), BOB: GenesisAccount(balance=5, storage={0: 7})})
    )


def test_discard_takes_back_everything_since_the_checkpoint() -> None:
    accounts = make_accounts()
    accounts.add_balance(ALICE, -10)
    checkpoint = accounts.record()
    accounts.add_balance(ALICE, -20)
    accounts.set_storage(BOB, 0, 8)
    accounts.mark_address_warm(BOB)
    accounts.set_transient_storage(BOB, 0, b"\x01")
    accounts.discard(checkpoint)

    assert accounts.changes().accounts == {ALICE: Account(nonce=1, balance=90)}
    assert accounts.changes().storage == {}
    assert not accounts.is_address_warm(BOB)
    assert accounts.get_transient_storage(BOB, 0) == b""


def test_what_returns_to_its_old_value_is_no_change() -> None:
    accounts = make_accounts()
    accounts.add_balance(ALICE, 3)
    accounts.add_balance(ALICE, -3)
    accounts.get_storage(BOB, 0)
    accounts.set_storage(BOB, 0, 8)
    accounts.set_storage(BOB, 0, 7)

    assert accounts.changes().accounts == {}
    assert accounts.changes().storage == {}


def test_addition_does_not_observe_the_balance() -> None:
    accounts = make_accounts()
    accounts.add_balance(BOB, 1)

    assert accounts.reads().observed.get(BOB, 0) == 0


def test_covered_payment_needs_a_minimum_only() -> None:
    accounts = make_accounts()
    accounts.add_balance(ALICE, 50)
    assert accounts.require_balance(ALICE, 120)
    accounts.add_balance(ALICE, -120)
    assert accounts.require_balance(ALICE, 10)

    assert accounts.reads().minimums == {ALICE: 80}
    assert accounts.reads().observed.get(ALICE, 0) == 0


def test_uncovered_payment_observes_the_balance() -> None:
    accounts = make_accounts()
    assert not accounts.require_balance(ALICE, 101)

    assert accounts.reads().observed == {ALICE: BALANCE}


def test_reads_name_the_parts_that_were_looked_at() -> None:
    accounts = make_accounts()
    accounts.get_nonce(ALICE)
    accounts.get_code(ALICE)
    accounts.get_balance(BOB)
    accounts.get_storage(BOB, 0)

    assert accounts.reads().observed == {ALICE: NONCE | CODE, BOB: BALANCE}
    assert accounts.reads().slots == {(BOB, 0): 7}


def test_emptiness_of_an_account_with_a_nonce_does_not_depend_on_its_balance() -> None:
    accounts = make_accounts()
    assert not accounts.account_is_empty(ALICE)
    assert accounts.account_is_empty(NOBODY)

    assert not accounts.reads().observed[ALICE] & BALANCE
    assert accounts.reads().observed[NOBODY] & BALANCE


def test_account_that_becomes_empty_is_deleted() -> None:
    accounts = make_accounts()
    accounts.add_balance(BOB, -5)

    assert accounts.changes().accounts == {BOB: None}


def test_destroyed_account_is_wiped() -> None:
    accounts = make_accounts()
    accounts.set_storage(BOB, 1, 1)
    changes = accounts.changes(destroyed=[BOB])

    assert (changes.accounts, changes.storage, changes.wiped) == ({BOB: None}, {}, frozenset({BOB}))


def test_emptied_storage_reads_zero_and_comes_back_on_discard() -> None:
    accounts = make_accounts()
    checkpoint = accounts.record()
    accounts.delete_storage(BOB)
    assert accounts.get_storage(BOB, 0) == 0
    accounts.discard(checkpoint)

    assert accounts.get_storage(BOB, 0) == 7
