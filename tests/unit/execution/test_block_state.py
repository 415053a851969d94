"""The state of an open block: what it shows at once, what its views show, and what it hands over at the end."""

import random

import pytest

from sequencer.execution.block_state import BlockState, merge_changes
from sequencer.execution.transaction_execution import Payment
from sequencer.primitives.account import Account
from sequencer.primitives.genesis import GenesisAccount
from sequencer.state.changes import ChangesOver, StateChanges
from sequencer.state.reader import StateReader
from tests.fakes.memory_state import MemoryState, memory_state

ADDRESSES = [bytes(19) + bytes([index]) for index in range(4)]
SLOTS = range(3)


def parent() -> MemoryState:
    return memory_state({address: GenesisAccount(balance=9, storage={0: 1, 1: 2}) for address in ADDRESSES[:2]})


def content(state: StateReader) -> list[object]:
    accounts: list[object] = [state.account(address) for address in ADDRESSES]
    return accounts + [state.storage(address, slot) for address in ADDRESSES for slot in SLOTS]


def random_changes(rng: random.Random) -> StateChanges:
    address = rng.choice(ADDRESSES)
    if rng.random() < 0.2:
        return StateChanges(accounts={address: None}, wiped=frozenset({address}))
    return StateChanges(
        accounts={address: Account(balance=rng.randrange(1, 100))},
        storage={address: {rng.choice(SLOTS): rng.randrange(4)}},
    )


@pytest.mark.parametrize("seed", range(20))
def test_views_are_what_the_state_was_at_the_end_of_each_slice(seed: int) -> None:
    rng, state, model = random.Random(seed), BlockState(parent()), parent()
    views, contents = [], []
    for _ in range(25):
        for _ in range(rng.randrange(4)):
            changes = random_changes(rng)
            state.apply(changes)
            model = model.after(changes)
            assert content(state) == content(model)
        state.end_slice()
        views.append(state.view)
        contents.append(content(model))

    assert [content(view) for view in views] == contents
    assert parent().after(state.changes()).state_root == model.state_root


def test_slice_is_not_visible_before_its_end() -> None:
    state = BlockState(parent())
    state.apply(StateChanges(accounts={ADDRESSES[0]: Account(balance=1)}))
    before = state.view.account(ADDRESSES[0])
    state.end_slice()

    assert before == Account(balance=9)
    assert state.view.account(ADDRESSES[0]) == Account(balance=1)


def test_payments_add_up_and_create_recipients() -> None:
    state = BlockState(parent())
    state.apply(StateChanges(), [Payment(ADDRESSES[0], 1), Payment(ADDRESSES[3], 2), Payment(ADDRESSES[3], 5)])
    state.end_slice()

    assert state.view.account(ADDRESSES[0]) == Account(balance=10)
    assert state.view.account(ADDRESSES[3]) == Account(balance=7)


def test_payment_of_nothing_ends_an_empty_account_only() -> None:
    state = BlockState(memory_state({ADDRESSES[0]: GenesisAccount(), ADDRESSES[1]: GenesisAccount(nonce=1)}))
    state.apply(StateChanges(), [Payment(address, 0) for address in ADDRESSES[:3]])

    assert [state.account(address) for address in ADDRESSES[:3]] == [None, Account(nonce=1), None]


def test_merged_changes_forget_the_storage_of_a_wiped_account() -> None:
    older = StateChanges(storage={ADDRESSES[0]: {0: 5, 2: 6}})
    newer = StateChanges(storage={ADDRESSES[0]: {1: 7}}, wiped=frozenset({ADDRESSES[0]}))
    merged = ChangesOver(merge_changes(older, newer), parent())

    assert [merged.storage(ADDRESSES[0], slot) for slot in SLOTS] == [0, 7, 0]
