"""
Access lists: what they say is what happened, all of it, and the same whichever engine says it.

Of the market's and of random programs' blocks; reads and writes do not depend on the engine, runs and conflicts do.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import pytest
from eth_hash.auto import keccak

from contracts.calldata import encode_call
from sequencer.execution.access_list import (
    BlockAccesses,
    BlockAccessList,
    TransactionAccess,
    build_block_access_list,
    is_key,
)
from sequencer.execution.interface import Engine, Included, SealedBlock
from sequencer.execution.serial import SerialEngine
from sequencer.primitives.account import EMPTY_CODE_HASH, Account
from sequencer.primitives.predeploys import BEACON_ROOTS, HISTORY_STORAGE
from sequencer.state.changes import StateChanges
from sequencer.state.flat import decode_account, decode_value, encode_account, encode_value, slot_key
from tests.engine_table import ENGINES, play_chain
from tests.factories import address, make_transaction, private_key
from tests.fakes.memory_state import MemoryState, memory_state
from tests.market_blocks import COUNTER, PARENT, PlayedBlock, increment, play_list, play_market
from tests.random_blocks import RandomBlocks
from tests.unit.execution.chain_fixture import make_environment

SEEDS = [int(os.environ.get("BRAID_RANDOM_SEED", "0")) + 7_000_000 + index for index in range(12)]
"""Not by Hypothesis: it sets a recursion limit of its own, and deep call chains need py-evm's."""

seeds = pytest.mark.parametrize("seed", SEEDS)
both_rules = pytest.mark.parametrize("is_optimism", [True, False])


@pytest.fixture(scope="module", params=[name for name in ENGINES if name != "parallel-4"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    engine = ENGINES[request.param]()
    yield engine
    engine.close()


def play_programs(seed: int, count: int = 25, *, is_optimism: bool = False) -> PlayedBlock:
    """A block of random programs."""
    blocks, environment = RandomBlocks(seed), make_environment(is_optimism)
    state = memory_state(blocks.alloc)
    opened = SerialEngine().open_block(PARENT, environment, state)
    transactions, outcomes = [], []
    for _ in range(count):
        transactions.append(blocks.transaction(opened.view()))
        outcomes += opened.apply(transactions[-1:])
    return PlayedBlock(state, environment, tuple(transactions), tuple(outcomes), opened.seal(state))


def play_again(engine: Engine, played: PlayedBlock) -> SealedBlock:
    """The same block by another engine, in one slice."""
    opened = engine.open_block(PARENT, played.environment, played.state)
    opened.apply(played.transactions)
    return opened.seal(played.state)


def accesses_of(sealed: SealedBlock) -> BlockAccesses:
    assert sealed.accesses is not None
    return sealed.accesses


def without_story(accesses: BlockAccesses) -> list[TransactionAccess]:
    """Reads and writes alone."""
    return [TransactionAccess(access.reads, access.writes) for access in accesses.by_index()]


def access_list(played: PlayedBlock, accesses: BlockAccesses | None = None) -> BlockAccessList:
    codes = {**played.state.codes, **played.sealed.changes.codes}
    return build_block_access_list(accesses or accesses_of(played.sealed), played.state, codes.__getitem__)


def without_before(accesses: BlockAccesses) -> BlockAccesses:
    """As an engine tells it that does not say what accounts were before."""
    entries = [replace(access, accounts_before={}) for access in accesses.by_index()]
    return BlockAccesses(len(entries) - 2, lambda: entries)


def changes_of_writes(accesses: BlockAccesses, codes: StateChanges) -> StateChanges:
    """The block's changes, from every transaction's writes in order."""
    accounts: dict[bytes, Account | None] = {}
    storage: dict[bytes, dict[int, int]] = {}
    for access in accesses.by_index():
        for key, value in access.writes:
            if key[:1] == b"a":
                accounts[key[1:]] = decode_account(value)
            else:
                storage.setdefault(key[1:21], {})[int.from_bytes(key[21:], "big")] = decode_value(value)
    return StateChanges(accounts, storage, codes.codes)


def changes_of_list(listed: BlockAccessList, parent: MemoryState) -> StateChanges:
    """The block's changes, from the last value of everything in the list."""
    accounts: dict[bytes, Account | None] = {}
    storage: dict[bytes, dict[int, int]] = {}
    codes: dict[bytes, bytes] = {}
    for item in listed.accounts:
        before = parent.account(item.address) or Account()
        code_hash = before.code_hash
        if item.code_changes:
            code = item.code_changes[-1][1]
            code_hash = keccak(code) if code else EMPTY_CODE_HASH
            codes[code_hash] = code
        nonce = item.nonce_changes[-1][1] if item.nonce_changes else before.nonce
        balance = item.balance_changes[-1][1] if item.balance_changes else before.balance
        after = Account(nonce, balance, code_hash)
        if after != before:
            accounts[item.address] = None if after.is_empty else after
        if item.storage_changes:
            storage[item.address] = {entry.slot: entry.changes[-1][1] for entry in item.storage_changes}
    return StateChanges(accounts, storage, codes)


@seeds
@both_rules
def test_the_writes_lead_from_the_parents_root_to_the_blocks(seed: int, is_optimism: bool) -> None:
    for played in (play_market(seed, 30, is_optimism=is_optimism), play_programs(seed, is_optimism=is_optimism)):
        changes = changes_of_writes(accesses_of(played.sealed), played.sealed.changes)

        assert played.state.compute(changes).state_root == played.sealed.block.header.state_root


@seeds
def test_the_list_leads_from_the_parents_root_to_the_blocks(seed: int) -> None:
    played = play_programs(seed)

    changes = changes_of_list(access_list(played), played.state)

    assert played.state.compute(changes).state_root == played.sealed.block.header.state_root


@seeds
def test_values_before_are_the_same_from_the_engine_and_from_the_parent_state(seed: int) -> None:
    played = play_market(seed, 30)

    told = access_list(played)
    asked = access_list(played, without_before(accesses_of(played.sealed)))

    assert told.accounts == asked.accounts


def test_a_list_without_its_last_change_leads_elsewhere() -> None:
    """Otherwise the roots would be equal for nothing."""
    played = play_list([increment(0, 0), increment(1, 0)])
    entries = accesses_of(played.sealed).by_index()
    cut = BlockAccesses(2, lambda: (*entries[:-2], TransactionAccess(), entries[-1]))

    changes = changes_of_writes(cut, played.sealed.changes)

    assert played.state.compute(changes).state_root != played.sealed.block.header.state_root


@dataclass
class SpiedState:
    """A state that notes what it is asked."""

    below: MemoryState
    accounts: set[bytes] = field(default_factory=set)
    slots: set[tuple[bytes, int]] = field(default_factory=set)

    def account(self, address: bytes) -> Account | None:
        self.accounts.add(address)
        return self.below.account(address)

    def storage(self, address: bytes, slot: int) -> int:
        self.slots.add((address, slot))
        return self.below.storage(address, slot)

    def code(self, code_hash: bytes) -> bytes:
        return self.below.code(code_hash)


@seeds
def test_every_key_that_was_asked_for_or_changed_occurs_and_no_other(seed: int) -> None:
    played = play_programs(seed)
    spied = SpiedState(played.state)
    opened = SerialEngine().open_block(PARENT, played.environment, spied)
    # One by one, and invalid ones left out: they ask, and are not part of the block.
    included = [outcome.transaction for outcome in played.outcomes if isinstance(outcome, Included)]
    opened.apply(included)
    asked = {b"a" + one for one in spied.accounts} | {b"s" + slot_key(*one) for one in spied.slots}

    entries = opened.accesses().by_index()

    read = {key for access in entries for key in access.reads}
    written = {key for access in entries for key, _ in access.writes}
    system = {b"a" + BEACON_ROOTS, b"a" + HISTORY_STORAGE}
    changed = {b"a" + one for one in played.sealed.changes.accounts}
    changed |= {b"s" + slot_key(one, slot) for one, slots in played.sealed.changes.storage.items() for slot in slots}
    assert asked <= read | written | system
    assert changed <= written
    assert all(key[1:21] in played.sealed.changes.wiped for key in read - asked - written)
    assert all(is_key(key) for key in read | written)


@seeds
def test_each_write_is_a_value_that_was_not_there_before(seed: int) -> None:
    played = play_market(seed, 30)
    opened = SerialEngine().open_block(PARENT, played.environment, played.state)
    for transaction in played.transactions:
        before, count = opened.view(), len(opened.accesses())
        opened.apply([transaction])
        for access in opened.accesses()[count:]:
            after = opened.view()
            for key, value in access.writes:
                old, new = _value(before, key), _value(after, key)

                assert (old != value, new == value) == (True, True)


def _value(state: object, key: bytes) -> bytes:
    if key[:1] == b"a":
        return encode_account(state.account(key[1:]))  # type: ignore[attr-defined]
    return encode_value(state.storage(key[1:21], int.from_bytes(key[21:], "big")))  # type: ignore[attr-defined]


@seeds
@both_rules
def test_every_engine_gives_the_same_list(engine: Engine, seed: int, is_optimism: bool) -> None:
    for played in (play_market(seed, 40, is_optimism=is_optimism), play_programs(seed, is_optimism=is_optimism)):
        told, again = accesses_of(played.sealed), accesses_of(play_again(engine, played))

        assert without_story(again) == without_story(told)
        assert access_list(played, again).accounts == access_list(played).accounts


@seeds
def test_every_engine_gives_the_same_list_of_whole_chains(engine: Engine, seed: int) -> None:
    for played in play_chain(seed):
        told, again = accesses_of(played.sealed), accesses_of(play_again(engine, played))

        assert without_story(again) == without_story(told)


def test_a_conflict_is_told_with_its_key(engine: Engine) -> None:
    """Two kinds of transactions that nobody saw before write one slot: the second guess does not hold."""
    played = play_list([increment(sender, 0) for sender in range(12)])

    told: list[TransactionAccess] = list(accesses_of(play_again(engine, played)))

    conflicts = {access.conflict for access in told} - {None}
    assert conflicts <= {b"s" + slot_key(COUNTER, 0)}
    assert all(access.executions == 1 for access in accesses_of(played.sealed))
    assert {access.executions for access in told} <= {1, 2}
    assert all(access.executions == 2 for access in told if access.conflict is not None)


@pytest.mark.parametrize("make", [lambda: play_market(3, 20), lambda: play_programs(3)])
def test_accesses_outlive_their_block_and_stay_as_they_were(make: Callable[[], PlayedBlock]) -> None:
    played = make()
    opened = SerialEngine().open_block(PARENT, played.environment, played.state)
    opened.apply(played.transactions[:10])
    early = opened.accesses()
    opened.apply(played.transactions[10:])
    late = opened.accesses()
    opened.abandon()

    assert list(late)[: len(early)] == list(early)
    assert len(early) < len(late) == len(list(late))
    assert late[-1] == list(late)[-1]


def test_fee_recipients_are_written_and_not_read() -> None:
    played = play_market(5, 0)
    assert len(accesses_of(played.sealed)) == 1
    transfer = play_list([increment(0, 0)], state=played.state)

    access = accesses_of(transfer.sealed)[0]

    vault = b"a" + transfer.environment.fee_recipient
    assert vault not in access.reads
    assert vault in dict(access.writes)
    assert {b"a" + address(0), b"a" + COUNTER, b"s" + slot_key(COUNTER, 0)} == set(access.reads)


def test_what_was_loaded_in_a_reverted_frame_is_read() -> None:
    failing = make_transaction(
        key=private_key(0), nonce=0, to=COUNTER, value=0, data=encode_call("Counter", "fail"), gas_limit=100_000
    )
    played = play_list([failing])
    assert isinstance(played.outcomes[0], Included)
    assert played.outcomes[0].receipt.status == 0

    access = accesses_of(played.sealed)[0]

    assert b"a" + COUNTER in access.reads
    assert b"a" + COUNTER not in dict(access.writes)


def test_the_list_is_sorted_and_a_slot_stands_in_one_place() -> None:
    listed = access_list(play_programs(11))

    _assert_ascending([item.address for item in listed.accounts])
    for item in listed.accounts:
        changed = [entry.slot for entry in item.storage_changes]
        _assert_ascending(changed)
        _assert_ascending(item.storage_reads)
        assert not set(changed) & set(item.storage_reads)
        for changes in (item.balance_changes, item.nonce_changes, *(one.changes for one in item.storage_changes)):
            _assert_ascending([index for index, _ in changes])
            values = [value for _, value in changes]
            assert all(left != right for left, right in pairwise(values))


def _assert_ascending(values: Sequence[object]) -> None:
    assert list(values) == sorted(set(values))  # type: ignore[type-var]


def test_system_calls_have_index_zero() -> None:
    listed = access_list(play_programs(2))
    by_address = {item.address: item for item in listed.accounts}

    changes = by_address[HISTORY_STORAGE].storage_changes

    assert changes
    assert all(entry.changes[0][0] == 0 for entry in changes)
