"""The transaction manager: nonces, bumps, confirmations, reorgs, refusals."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from l1_bridge.errors import L1Unavailable
from l1_bridge.single_send import NotConfirmed, send_and_wait
from l1_bridge.tx_manager import Confirmed, Failed, QueueFull
from tests.unit.l1_bridge.fake_pool import FakePool
from tests.unit.l1_bridge.managing import make_manager, run_rounds

TO = b"\x11" * 20


async def test_transaction_is_confirmed_when_it_is_deep_enough_and_not_before() -> None:
    pool = FakePool()
    manager = make_manager(pool, confirmations=3)
    manager.submit(7, TO, b"data")
    await manager.step()

    early = []
    for _ in range(2):
        pool.mine()
        early += await run_rounds(manager, 1)
    pool.mine()
    await manager.step()

    assert early == []
    assert manager.results() == [Confirmed(7, pool.blocks[1].header.id, pool.sent[0].hash)]
    assert manager.results() == []
    assert manager.pending_count == 0


async def test_nonces_are_consecutive_from_the_accounts_count() -> None:
    pool = FakePool()
    pool.first_nonce = 40
    manager = make_manager(pool)
    for request in range(3):
        manager.submit(request, TO, bytes([request]))

    await manager.step()
    pool.mine()
    results = await run_rounds(manager, 1)

    assert [(item.nonce, item.data) for item in pool.sent] == [(40, b"\x00"), (41, b"\x01"), (42, b"\x02")]
    assert [result.request_id for result in results] == [0, 1, 2]


async def test_what_is_in_flight_and_what_may_wait_are_bounded() -> None:
    pool = FakePool()
    manager = make_manager(pool, max_in_flight=2, max_queued=3)
    for request in range(3):
        manager.submit(request, TO, b"")
    with pytest.raises(QueueFull):
        manager.submit(3, TO, b"")

    await run_rounds(manager, 3)
    assert len(pool.sent) == 2
    pool.mine()
    await manager.step()
    assert len(pool.sent) == 3


async def test_stuck_transaction_is_replaced_under_its_nonce_until_it_pays_enough() -> None:
    pool = FakePool()
    manager = make_manager(pool, resend_after_blocks=2)
    manager.submit(1, TO, b"data")
    await manager.step()
    pool.base_fee = 5000

    for _ in range(6):
        pool.mine()
        await manager.step()

    assert {item.nonce for item in pool.sent} == {0}
    assert len(pool.sent) == 2
    assert pool.sent[1].max_fee >= 5000
    assert [result.request_id for result in manager.results()] == [1]


async def test_transaction_in_the_pool_is_not_touched_before_its_time() -> None:
    pool = FakePool()
    manager = make_manager(pool, resend_after_blocks=3)
    manager.submit(1, TO, b"data")
    await manager.step()

    for _ in range(2):
        pool.mine(include=False)
        await run_rounds(manager, 2)
    assert len(pool.sent) == 1
    pool.mine(include=False)
    await run_rounds(manager, 2)
    assert len(pool.sent) == 2


async def test_older_version_that_gets_mined_counts_too() -> None:
    pool = FakePool()
    manager = make_manager(pool, resend_after_blocks=1)
    manager.submit(1, TO, b"data")
    await manager.step()
    pool.mine(include=False)
    await manager.step()
    first, second = pool.sent

    pool.pool[0] = first
    pool.mine()
    (result,) = await run_rounds(manager, 1)

    assert isinstance(result, Confirmed)
    assert result.transaction_hash == first.hash != second.hash


async def test_fees_stop_at_the_limit() -> None:
    pool = FakePool()
    manager = make_manager(pool, resend_after_blocks=1, max_fee_limit=250)
    manager.submit(1, TO, b"data")
    await manager.step()
    pool.base_fee = 10_000
    for _ in range(8):
        pool.mine()
        await manager.step()

    assert max(item.max_fee for item in pool.sent) <= 250
    assert manager.pending_count == 1


@pytest.mark.parametrize("forget", [True, False])
async def test_transaction_that_a_reorg_takes_out_is_mined_again(forget: bool) -> None:
    pool = FakePool()
    manager = make_manager(pool, confirmations=3)
    manager.submit(1, TO, b"data")
    await manager.step()
    pool.mine()
    await manager.step()
    old = pool.blocks[1].header.id

    pool.undo(1, forget=forget)
    pool.mine(include=False)
    await manager.step()
    for _ in range(3):
        pool.mine()
    (result,) = await run_rounds(manager, 1)

    assert isinstance(result, Confirmed)
    assert result.block != old
    assert result.block == pool.blocks[2].header.id


async def test_gap_that_a_reorg_leaves_below_what_is_in_flight_is_filled() -> None:
    pool = FakePool()
    manager = make_manager(pool)
    manager.submit(1, TO, b"first")
    await manager.step()
    pool.mine()
    assert [result.request_id for result in await run_rounds(manager, 1)] == [1]
    manager.submit(2, TO, b"second")
    await manager.step()

    pool.undo(1)
    results: list[Confirmed | Failed] = []
    for _ in range(8):
        pool.mine()
        results += await run_rounds(manager, 1)

    assert [result.request_id for result in results] == [2]
    assert [item.data for block in pool.blocks for item in block.transactions] == [b"", b"second"]


async def test_reorg_of_everything_with_nothing_in_flight_starts_again_at_the_accounts_count() -> None:
    pool = FakePool()
    manager = make_manager(pool)
    manager.submit(1, TO, b"first")
    await manager.step()
    pool.mine()
    await manager.step()

    pool.undo(1)
    manager.submit(2, TO, b"second")
    await manager.step()

    assert [item.nonce for item in pool.sent] == [0, 0]


async def test_nonce_that_somebody_else_used_is_replaced_by_a_fresh_one() -> None:
    pool = FakePool()
    manager = make_manager(pool)
    manager.submit(1, TO, b"data")
    await manager.step()

    pool.take_nonce()
    for _ in range(2):
        assert await run_rounds(manager, 4) == []
        pool.mine()
    await manager.step()
    pool.mine()
    (result,) = await run_rounds(manager, 1)

    assert isinstance(result, Confirmed)
    assert [item.nonce for item in pool.sent] == [0, 1]


async def test_left_over_of_an_older_process_is_replaced() -> None:
    pool = FakePool()
    old = make_manager(pool)
    old.submit(1, TO, b"old")
    await old.step()

    manager = make_manager(pool)
    manager.submit(2, TO, b"new")
    await run_rounds(manager, 3)
    pool.mine()
    (result,) = await run_rounds(manager, 1)

    assert result == Confirmed(2, pool.blocks[1].header.id, pool.sent[-1].hash)
    assert [item.data for item in pool.blocks[1].transactions] == [b"new"]


async def test_reverted_transaction_is_a_failure_with_its_hash() -> None:
    pool = FakePool()
    pool.reverting.add(b"data")
    manager = make_manager(pool)
    manager.submit(1, TO, b"data")
    await manager.step()
    pool.mine()

    assert await run_rounds(manager, 1) == [Failed(1, "the transaction reverted", pool.sent[0].hash)]


async def test_call_that_would_revert_is_not_sent_and_uses_no_nonce() -> None:
    pool = FakePool()
    manager = make_manager(pool)
    pool.estimate_refusal = "execution reverted: not the batcher"
    manager.submit(1, TO, b"bad")
    (failed,) = await run_rounds(manager, 1)
    pool.estimate_refusal = None
    manager.submit(2, TO, b"good")
    await manager.step()

    assert isinstance(failed, Failed)
    assert "not the batcher" in failed.reason
    assert [(item.nonce, item.data) for item in pool.sent] == [(0, b"good")]


async def test_given_gas_limit_is_used_and_an_estimate_gets_a_margin() -> None:
    pool = FakePool()
    manager = make_manager(pool)
    manager.submit(1, TO, b"a", gas_limit=55_555)
    manager.submit(2, TO, b"b")
    await manager.step()

    assert [item.gas_limit for item in pool.sent] == [55_555, 120_000]


async def test_transaction_that_no_pool_takes_fails_and_gives_its_nonce_back() -> None:
    pool = FakePool()
    manager = make_manager(pool)
    pool.refusal = "exceeds block gas limit"
    manager.submit(1, TO, b"huge")
    results = await run_rounds(manager, 1)
    pool.refusal = None
    manager.submit(2, TO, b"good")
    await manager.step()

    assert results == [Failed(1, "exceeds block gas limit")]
    assert [(item.nonce, item.data) for item in pool.sent] == [(0, b"good")]


async def test_refusal_for_want_of_money_is_shown_and_tried_again() -> None:
    pool = FakePool()
    manager = make_manager(pool)
    pool.refusal = "insufficient funds for gas * price + value"
    manager.submit(1, TO, b"data")
    assert await run_rounds(manager, 3) == []
    assert manager.last_refusal == pool.refusal

    pool.refusal = None
    await manager.step()
    pool.mine()
    (result,) = await run_rounds(manager, 1)

    assert isinstance(result, Confirmed)
    assert manager.last_refusal is None


async def test_l1_that_is_away_loses_nothing() -> None:
    pool = FakePool()
    manager = make_manager(pool)
    manager.submit(1, TO, b"data")
    pool.is_away = True
    with pytest.raises(L1Unavailable):
        await manager.step()

    pool.is_away = False
    await manager.step()
    pool.mine()

    assert [result.request_id for result in await run_rounds(manager, 1)] == [1]


async def test_reset_forgets_what_is_not_confirmed_and_its_nonce() -> None:
    pool = FakePool()
    manager = make_manager(pool)
    manager.submit(1, TO, b"old")
    await manager.step()
    await manager.reset()
    manager.submit(2, TO, b"new")

    await run_rounds(manager, 3)
    pool.mine()
    results = await run_rounds(manager, 1)

    assert [result.request_id for result in results] == [2]


async def _no_pause(seconds: float) -> None:
    """Time does not pass here."""


async def test_command_waits_until_its_transaction_is_confirmed() -> None:
    pool = FakePool()

    async def mine(seconds: float) -> None:
        pool.mine()

    confirmed = await send_and_wait(make_manager(pool, confirmations=2), TO, b"data", pause=mine)

    assert confirmed.block == pool.blocks[1].header.id


async def test_command_says_why_its_transaction_did_not_get_through() -> None:
    pool = FakePool()
    with pytest.raises(NotConfirmed, match="3 rounds"):
        await send_and_wait(make_manager(pool), TO, b"data", pause=_no_pause, max_rounds=3)

    pool.estimate_refusal = "execution reverted"
    with pytest.raises(NotConfirmed, match="execution reverted"):
        await send_and_wait(make_manager(pool), TO, b"data", pause=_no_pause)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(["submit", "step", "mine", "idle", "undo", "undo kept", "away"]), max_size=40))
async def test_every_request_ends_confirmed_once_whatever_l1_does(events: list[str]) -> None:
    pool = FakePool()
    manager = make_manager(pool, confirmations=3, resend_after_blocks=2)
    submitted = 0
    results: list[Confirmed | Failed] = []
    for event in events:
        if event == "submit":
            manager.submit(submitted, TO, bytes([submitted]))
            submitted += 1
        elif event == "step":
            results += await run_rounds(manager, 1)
        elif event == "away":
            pool.is_away = True
            with pytest.raises(L1Unavailable):
                await manager.step()
            pool.is_away = False
        elif event in ("mine", "idle"):
            pool.mine(include=event == "mine")
        elif len(pool.blocks) > 2:
            pool.undo(2, forget=event == "undo")
            pool.mine()
    for _ in range(60):
        results += await run_rounds(manager, 2)
        pool.mine()

    assert sorted(int(result.request_id) for result in results) == list(range(submitted))
    assert all(isinstance(result, Confirmed) for result in results)
    assert manager.pending_count == 0
