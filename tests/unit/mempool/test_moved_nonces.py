"""Nonces that move without a transaction of their account: by deposit, by authorization, by delegated code."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sequencer.mempool.admission import AdmissionRules
from sequencer.mempool.mempool import Mempool
from sequencer.mempool.statuses import TransactionState
from sequencer.primitives.account import Account
from sequencer.primitives.block import AnyTransaction
from sequencer.primitives.transaction import Transaction
from tests.factories import (
    CHAIN_ID,
    ETHER,
    GWEI,
    address,
    make_authorization,
    make_deposit,
    make_transaction,
    private_key,
)

from .chain_view import FakeChain, ManualClock


@pytest.fixture
def chain() -> FakeChain:
    return FakeChain()


@pytest.fixture
async def mempool(tmp_path: Path, chain: FakeChain) -> AsyncIterator[Mempool]:
    made = await Mempool.open(tmp_path, chain, ManualClock(), AdmissionRules(chain_id=CHAIN_ID))
    await made.recover()
    yield made
    await made.close()


async def submit(mempool: Mempool, sender: int, nonce: int) -> Transaction:
    transaction = make_transaction(key=private_key(sender), nonce=nonce, gas_limit=21_000)
    await mempool.submit(transaction.raw)
    return transaction


def take(mempool: Mempool) -> list[Transaction]:
    return mempool.take(base_fee=GWEI, gas_budget=10**9, limit=100, max_bytes=10**9)


def make_mover(by: str) -> AnyTransaction:
    """What moves account 0's nonce from 0 to 1 without being a transaction of it."""
    if by == "deposit":
        return make_deposit(sender=address(0))
    authorization = make_authorization(key=private_key(0), nonce=0)
    return make_transaction(type=4, key=private_key(1), authorizations=(authorization,))


@pytest.mark.parametrize("by", ["deposit", "authorization"])
async def test_a_nonce_that_a_block_moves_makes_ready_what_waited_for_it(
    mempool: Mempool, chain: FakeChain, by: str
) -> None:
    waiting, other = await submit(mempool, 0, nonce=1), await submit(mempool, 5, nonce=1)
    assert take(mempool) == []
    mover = make_mover(by)
    number = chain.seal([mover] if isinstance(mover, Transaction) else [])
    chain.state.accounts[address(0)] = Account(1, 100 * ETHER)

    mempool.on_block_sealed(number, [mover])

    assert take(mempool) == [waiting]
    assert mempool.status(other.hash).state is TransactionState.QUEUED


@pytest.mark.parametrize("by", ["deposit", "authorization"])
async def test_a_transaction_whose_nonce_a_block_used_up_ends_with_that_reason(
    mempool: Mempool, chain: FakeChain, by: str
) -> None:
    late = await submit(mempool, 0, nonce=0)
    mover = make_mover(by)
    number = chain.seal([mover] if isinstance(mover, Transaction) else [])
    chain.state.accounts[address(0)] = Account(1, 100 * ETHER)

    mempool.on_block_sealed(number, [mover])

    assert take(mempool) == []
    assert mempool.status(late.hash).reason == "another transaction has nonce 0"


async def test_a_nonce_that_moved_unheard_is_seen_with_the_next_transaction(mempool: Mempool, chain: FakeChain) -> None:
    """An account with delegated code may create contracts in somebody else's transaction."""
    waiting = await submit(mempool, 0, nonce=1)
    chain.state.accounts[address(0)] = Account(1, 100 * ETHER)

    following = await submit(mempool, 0, nonce=2)

    assert take(mempool) == [waiting, following]


async def test_next_nonce_counts_on_from_where_the_open_block_has_come(mempool: Mempool) -> None:
    """A deposit in the open block used nonce 0 up, nonce 1 is in the pool already: 2 comes next, not 1 again."""
    await submit(mempool, 0, nonce=1)

    assert mempool.pending_nonce(address(0), executed=1) == 2
    assert mempool.pending_nonce(address(0)) == 0
    assert mempool.pending_nonce(address(5), executed=1) == 1
