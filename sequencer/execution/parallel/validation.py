"""
Whether a result that a worker computed ahead still holds at its turn, and what it then changes.

By value: it holds when everything that the transaction looked at is now what it was then. Balances that were only
added to or taken from may have moved, as long as the least balance that was needed is there: the difference is
applied to what is there now. So popular recipients and fee vaults are no conflict.
"""

from dataclasses import dataclass
from typing import NamedTuple

from sequencer.execution.flat_accounts import BALANCE, CODE, NONCE
from sequencer.primitives.account import EMPTY_CODE_HASH, Account
from sequencer.state.changes import StateChanges
from sequencer.state.flat import slot_key
from sequencer.state.reader import StateReader

from .messages import AccountParts, AccountUse, SpeculativeResult

_NOTHING: AccountParts = (0, 0, EMPTY_CODE_HASH)


@dataclass(frozen=True, slots=True)
class Conflict:
    """Where a result does not hold: a slot, or an account when `slot` is None."""

    address: bytes
    slot: int | None

    @property
    def key(self) -> bytes:
        """Its key in the flat state."""
        return b"a" + self.address if self.slot is None else b"s" + slot_key(self.address, self.slot)


class Attempts(NamedTuple):
    """How often a transaction ran by its turn, and the first key that a guess had wrong, where that is known."""

    executions: int
    conflict: bytes | None = None


FIRST_RUN, FAILED_GUESS = Attempts(1), Attempts(2)


def check_result(state: StateReader, result: SpeculativeResult) -> StateChanges | Conflict:
    """What `result` changes over `state`, its payments apart; or the first place where it does not hold."""
    for address, slot, value in result.slots:
        if state.storage(address, slot) != value:
            return Conflict(address, slot)
    accounts: dict[bytes, Account | None] = {}
    for item in result.accounts:
        address, _, _, before, after, is_changed = item
        current = state.account(address)
        now = None if current is None else (current.nonce, current.balance, current.code_hash)
        if now != before:
            if not _holds(now, AccountUse._make(item)):
                return Conflict(address, None)
            if is_changed and after is not None:
                after = _rebase(now or _NOTHING, before or _NOTHING, after)
        if is_changed:
            accounts[address] = None if after is None else Account(*after)
    storage: dict[bytes, dict[int, int]] = {}
    for address, slot, value in result.storage:
        storage.setdefault(address, {})[slot] = value
    return StateChanges(accounts, storage, dict(result.codes), frozenset(result.wiped))


def _holds(now: AccountParts | None, use: AccountUse) -> bool:
    """Whether what `use` relied on is so in `now`, which is not what it was."""
    before = use.before or _NOTHING
    nonce, balance, code_hash = now or _NOTHING
    if (now or use.before) == _NOTHING or use.before == _NOTHING:
        return False  # an account that exists and is empty ends when touched: too rare to reason about
    if use.observed & BALANCE and balance != before[1]:
        return False
    if use.observed & NONCE and nonce != before[0]:
        return False
    if use.observed & CODE and code_hash != before[2]:
        return False
    return balance >= use.minimum and (not use.is_changed or _change_holds(now, use))


def _change_holds(now: AccountParts | None, use: AccountUse) -> bool:
    before, after = use.before or _NOTHING, use.after
    nonce, _, code_hash = now or _NOTHING
    if after is None:
        return False  # it ended; what is there now might not have
    if after[0] == before[0] and after[2] == before[2]:
        return True
    return nonce == before[0] and code_hash == before[2] and (now is None) == (use.before is None)


def _rebase(now: AccountParts, before: AccountParts, after: AccountParts) -> AccountParts | None:
    """`now` with the difference between `before` and `after`; None when nothing is left of the account."""
    rebased = (
        now[0] if after[0] == before[0] else after[0],
        now[1] + after[1] - before[1],
        now[2] if after[2] == before[2] else after[2],
    )
    return None if rebased == _NOTHING else rebased
