"""What runs where and how often: the difference between parallel execution and a detour."""

from collections.abc import Iterator

import pytest

from sequencer.execution.parallel.engine import ParallelEngine
from sequencer.execution.parallel.schedule import ScheduleLimits
from sequencer.primitives.account import Account
from tests.factories import ETHER, address, make_transaction, private_key
from tests.fakes.worker_source import MemorySource
from tests.market_blocks import POPULAR, SENDERS, TOKEN, assert_agrees, increment, play_list, play_market, send_tokens

ALL_TO_WORKERS = ScheduleLimits(min_batch=100, max_batch=2_000, min_slice=0, dominant_share=2)


@pytest.fixture
def engine() -> Iterator[ParallelEngine]:
    engine = ParallelEngine(MemorySource(), 2, limits=ALL_TO_WORKERS)
    assert engine.wait_until_ready()
    yield engine
    engine.close()


def test_plain_transfers_need_no_worker(engine: ParallelEngine) -> None:
    played = play_list([make_transaction(key=private_key(index), to=POPULAR) for index in range(SENDERS)])

    assert_agrees(engine, played)
    assert engine.counts.transfers == SENDERS
    assert engine.counts.dispatched == 0


def test_vaults_and_a_popular_recipient_are_no_conflict(engine: ParallelEngine) -> None:
    """Everybody pays the same vaults, the token's account is everybody's, and ether goes to one account."""
    bare = bytes(19) + b"\xbb"
    transactions = [send_tokens(index, 0, index.to_bytes(20, "big")) for index in range(1, SENDERS)]
    transactions += [make_transaction(key=private_key(index), nonce=1, to=bare) for index in range(1, SENDERS)]

    assert_agrees(engine, play_list(transactions))
    assert engine.counts.speculated == 2 * (SENDERS - 1)
    assert engine.counts.conflicts == 0


def test_a_contract_that_everybody_pays_is_no_conflict(engine: ParallelEngine) -> None:
    state = play_list([]).state
    state = type(state)(**{**vars(state), "codes": {**state.codes, b"\x01" * 32: b"\x00"}})
    state = type(state)(**{**vars(state), "accounts": {**state.accounts, POPULAR: Account(1, 5, b"\x01" * 32)}})
    transactions = [
        make_transaction(key=private_key(index), to=POPULAR, value=ETHER, gas_limit=50_000) for index in range(SENDERS)
    ]

    assert_agrees(engine, play_list(transactions, state))
    assert engine.counts.speculated == SENDERS
    assert engine.counts.conflicts == 0


def test_a_contended_slot_is_learned(engine: ParallelEngine) -> None:
    """At first all but one conflict per worker; then they are one chain on one worker, and all hold."""
    transactions = [increment(index, 0) for index in range(SENDERS)]
    assert_agrees(engine, play_list(transactions))
    conflicts = engine.counts.conflicts

    assert_agrees(engine, play_list(transactions))
    assert conflicts > 0
    assert engine.counts.conflicts == conflicts
    assert engine.counts.speculated >= SENDERS


def test_one_senders_transactions_hold_from_the_start(engine: ParallelEngine) -> None:
    transactions = [send_tokens(0, nonce, nonce.to_bytes(20, "big")) for nonce in range(1, 10)]
    transactions = [make_transaction(to=POPULAR), *transactions]

    assert_agrees(engine, play_list(transactions))
    assert engine.counts.speculated == 10
    assert engine.counts.conflicts == 0


def test_nothing_runs_more_than_twice(engine: ParallelEngine) -> None:
    total = 0
    for seed in range(6):
        played = play_market(seed, 40)
        assert_agrees(engine, played, cuts=[13, 26])
        total += len(played.transactions)
    counts = engine.counts

    assert counts.conflicts > 0
    assert counts.speculated + counts.conflicts + counts.in_turn + counts.transfers <= total
    assert counts.dispatched <= total
    assert counts.dispatched + counts.conflicts + counts.in_turn + counts.transfers <= 2 * total


def test_a_chain_of_dependent_transactions_stays_here() -> None:
    engine = ParallelEngine(MemorySource(), 2)
    assert engine.wait_until_ready()
    transactions = [send_tokens(0, nonce, address(1)) for nonce in range(20)]

    assert_agrees(engine, play_list(transactions))
    assert engine.counts.dispatched == 0
    assert engine.counts.in_turn == 20
    engine.close()


def test_the_token_is_what_workers_ran(engine: ParallelEngine) -> None:
    assert_agrees(engine, play_list([send_tokens(index, 0, address(20)) for index in range(SENDERS)]))

    assert engine.counts.dispatched == SENDERS
    assert engine.counts.reads.tiers.store_reads > 0
    assert TOKEN != POPULAR
