"""Transactions that come decoded are held to every rule of those that come raw (law 4: durable, then acknowledged)."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from l1_bridge.errors import BraidError
from sequencer.mempool.admission import AdmissionRules
from sequencer.mempool.errors import AlreadyKnown, InsufficientFunds, PoolBusy, TransactionTooLarge
from sequencer.mempool.journal import Journal
from sequencer.mempool.mempool import Mempool
from sequencer.primitives.transaction import Transaction
from tests.factories import CHAIN_ID, make_transaction
from tests.unit.mempool.chain_view import FakeChain, ManualClock

RULES = AdmissionRules(CHAIN_ID)


async def open_mempool(directory: Path, rules: AdmissionRules = RULES) -> Mempool:
    mempool = await Mempool.open(directory, FakeChain(), ManualClock(), rules)
    await mempool.recover()
    return mempool


async def submit(mempool: Mempool, raws: Sequence[bytes], found: Sequence[Transaction]) -> Sequence[bytes | BraidError]:
    heard: asyncio.Future[Sequence[bytes | BraidError]] = asyncio.get_running_loop().create_future()
    mempool.submit_decoded(raws, found, heard.set_result)
    async with asyncio.timeout(30):
        return await heard


async def test_what_is_acknowledged_is_in_the_journal_and_in_the_pool(tmp_path: Path) -> None:
    mempool = await open_mempool(tmp_path)
    sent = [make_transaction(nonce=nonce) for nonce in range(3)]

    answers = await submit(mempool, [one.raw for one in sent], sent)
    written = Journal.read(tmp_path, chain_id=CHAIN_ID).transactions

    assert answers == [one.hash for one in sent]
    assert written.keys() == {one.hash for one in sent}
    assert [mempool.transaction(one.hash) for one in sent] == sent
    await mempool.close()


async def test_each_has_an_answer_of_its_own(tmp_path: Path) -> None:
    good, poor = make_transaction(nonce=0), make_transaction(nonce=1, value=10**30)
    large = make_transaction(nonce=2, data=bytes(RULES.max_transaction_bytes))
    sent = [large, good, poor, good]
    mempool = await open_mempool(tmp_path)

    answers = await submit(mempool, [one.raw for one in sent], sent)

    kinds = [TransactionTooLarge, bytes, InsufficientFunds, AlreadyKnown]
    assert [type(answer) for answer in answers] == kinds
    await mempool.close()


async def test_nothing_to_take_is_answered_too(tmp_path: Path) -> None:
    mempool = await open_mempool(tmp_path)

    assert await submit(mempool, [], []) == []
    await mempool.close()


async def test_rules_of_the_chain_hold(tmp_path: Path) -> None:
    mempool = await open_mempool(tmp_path, replace(RULES, chain_id=CHAIN_ID + 1))
    transaction = make_transaction()

    (answer,) = await submit(mempool, [transaction.raw], [transaction])

    assert "chain id" in str(answer)
    await mempool.close()


async def test_full_journal_refuses_and_forgets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mempool = await open_mempool(tmp_path)
    transaction = make_transaction()
    with monkeypatch.context() as patched:
        patched.setattr("sequencer.mempool.journal.MAX_WAITING_BYTES", -1)
        (refused,) = await submit(mempool, [transaction.raw], [transaction])

    assert isinstance(refused, PoolBusy)
    assert await submit(mempool, [transaction.raw], [transaction]) == [transaction.hash]
    await mempool.close()
