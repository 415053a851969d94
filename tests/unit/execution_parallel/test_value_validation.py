"""When a result that was computed ahead holds, and what it then changes."""

from dataclasses import dataclass, field

import pytest

from sequencer.execution.flat_accounts import BALANCE, CODE, NONCE
from sequencer.execution.parallel.messages import AccountParts, AccountUse, SpeculativeResult
from sequencer.execution.parallel.validation import Conflict, check_result
from sequencer.primitives.account import EMPTY_CODE_HASH, Account
from sequencer.state.changes import StateChanges

ALICE = b"\xaa" * 20
CODE_HASH = b"\xc0" * 32


@dataclass
class State:
    """What is there at the transaction's turn."""

    accounts: dict[bytes, Account] = field(default_factory=dict)
    slots: dict[tuple[bytes, int], int] = field(default_factory=dict)

    def account(self, address: bytes) -> Account | None:
        return self.accounts.get(address)

    def storage(self, address: bytes, slot: int) -> int:
        return self.slots.get((address, slot), 0)

    def code(self, code_hash: bytes) -> bytes:
        return b""


def parts(nonce: int, balance: int, code_hash: bytes = EMPTY_CODE_HASH) -> AccountParts:
    return nonce, balance, code_hash


def check(
    now: Account | None,
    before: AccountParts | None,
    after: AccountParts | bool | None = False,
    observed: int = 0,
    minimum: int = 0,
) -> Account | Conflict | bool | None:
    """What becomes of Alice's account; False when nothing does."""
    is_changed = not isinstance(after, bool)
    use = AccountUse(ALICE, observed, minimum, before, None if isinstance(after, bool) else after, is_changed)
    result = SpeculativeResult(1, 21_000, (), b"", (use,), (), (), (), (), (), 0)
    answer = check_result(State({} if now is None else {ALICE: now}), result)
    if isinstance(answer, Conflict):
        return answer
    return answer.accounts.get(ALICE, False)


@pytest.mark.parametrize(
    ("part", "now"), [(BALANCE, Account(1, 6)), (NONCE, Account(2, 5)), (CODE, Account(1, 5, CODE_HASH))]
)
def test_a_part_that_was_looked_at_must_be_the_same(part: int, now: Account) -> None:
    assert check(now, parts(1, 5), observed=part) == Conflict(ALICE, None)
    assert check(now, parts(1, 5), observed=7 & ~part) is False
    assert check(Account(1, 5), parts(1, 5), observed=7) is False


def test_a_balance_that_was_only_added_to_moves_by_the_difference() -> None:
    assert check(Account(3, 100), parts(3, 10), parts(3, 14)) == Account(3, 104)
    assert check(Account(3, 100), parts(3, 10), parts(3, 4), minimum=6) == Account(3, 94)
    assert check(Account(0, 7), None, parts(0, 4)) == Account(0, 11)
    assert check(None, parts(0, 7), parts(0, 9)) == Account(0, 2)


def test_a_balance_below_what_was_needed_is_a_conflict() -> None:
    assert check(Account(3, 5), parts(3, 10), parts(3, 4), minimum=6) == Conflict(ALICE, None)
    assert check(Account(3, 6), parts(3, 10), parts(3, 4), minimum=6) == Account(3, 0)


def test_other_parts_keep_what_they_have_become() -> None:
    assert check(Account(9, 1, CODE_HASH), parts(3, 1), parts(3, 2)) == Account(9, 2, CODE_HASH)


def test_what_an_account_became_needs_the_same_nonce_and_code() -> None:
    assert check(Account(1, 5), parts(1, 3), parts(2, 3)) == Account(2, 5)
    assert check(Account(2, 5), parts(1, 3), parts(2, 3)) == Conflict(ALICE, None)


def test_a_creation_needs_the_account_to_be_there_or_not_as_it_was() -> None:
    """What its storage was before depends on that."""
    assert check(Account(0, 5), None, parts(1, 0, CODE_HASH)) == Conflict(ALICE, None)
    assert check(None, None, parts(1, 0, CODE_HASH)) == Account(1, 0, CODE_HASH)


def test_an_account_that_ends_must_be_what_it_was() -> None:
    assert check(Account(1, 5), parts(1, 4), None) == Conflict(ALICE, None)
    assert check(Account(1, 5), parts(1, 5), None) is None


def test_accounts_that_are_empty_and_exist_are_never_assumed() -> None:
    assert check(Account(), None) == Conflict(ALICE, None)
    assert check(None, parts(0, 0)) == Conflict(ALICE, None)
    assert check(Account(0, 3), parts(0, 0), None) == Conflict(ALICE, None)
    assert check(Account(), parts(0, 0), None) is None


@pytest.mark.parametrize(("now", "holds"), [(4, True), (5, False), (0, False)])
def test_slots_must_be_the_same(now: int, holds: bool) -> None:
    result = SpeculativeResult(1, 21_000, (), b"", (), ((ALICE, 1, 4),), ((ALICE, 2, 8),), (), (), (), 0)

    answer = check_result(State(slots={(ALICE, 1): now}), result)
    assert isinstance(answer, StateChanges) is holds
    assert answer == (StateChanges(storage={ALICE: {2: 8}}) if holds else Conflict(ALICE, 1))
