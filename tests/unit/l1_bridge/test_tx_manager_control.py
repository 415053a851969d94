"""The transaction manager as an operator and a caller steer it: urgency, pause, limits, cancellations, money."""

import pytest
from prometheus_client import REGISTRY

from l1_bridge.errors import L1Refused
from l1_bridge.sending import Confirmed, Failed
from tests.unit.l1_bridge.fake_pool import FakePool
from tests.unit.l1_bridge.managing import make_manager, run_rounds

TO = b"\x11" * 20
GWEI = 10**9


@pytest.mark.parametrize(("urgency", "tip"), [(-1.0, 10), (0.0, 10), (0.5, 25), (1.0, 40), (7.0, 40)])
async def test_urgency_raises_the_tip(urgency: float, tip: int) -> None:
    pool = FakePool()
    manager = make_manager(pool)
    manager.urgency = urgency
    manager.submit(1, TO, b"")
    await manager.step()

    assert pool.sent[0].priority_fee == tip
    assert manager.status().urgency == min(max(urgency, 0.0), 1.0)


async def test_urgency_shortens_the_wait_before_a_bump_and_respects_the_limit() -> None:
    pool = FakePool()
    manager = make_manager(pool, resend_after_blocks=4, max_fee_limit=220)
    manager.urgency = 1.0
    manager.submit(1, TO, b"")
    await run_rounds(manager, 6, lambda: pool.mine(include=False))

    assert max(item.max_fee for item in pool.sent) <= 220
    calm = FakePool()
    other = make_manager(calm, resend_after_blocks=4)
    other.submit(1, TO, b"")
    await run_rounds(other, 4, lambda: calm.mine(include=False))
    assert len(calm.sent) == 1


async def test_node_that_suggests_a_mad_tip_is_not_believed() -> None:
    pool = FakePool()

    async def mad() -> int:
        return 10**15

    pool.priority_fee = mad  # type: ignore[method-assign]
    manager = make_manager(pool)
    manager.submit(1, TO, b"")
    await manager.step()

    assert pool.sent[0].priority_fee == 20 * GWEI


async def test_pause_starts_nothing_and_follows_what_is_under_way() -> None:
    pool = FakePool()
    manager = make_manager(pool, resend_after_blocks=1)
    manager.submit(1, TO, b"under way")
    await manager.step()
    manager.submit(2, TO, b"waits")
    manager.pause()
    pool.mine(include=False)
    results = await run_rounds(manager, 3, pool.mine)

    assert [result.request_id for result in results] == [1]
    assert {item.data for item in pool.sent} == {b"under way"}
    assert len(pool.sent) == 2
    assert (manager.status().is_paused, manager.status().queued) == (True, 1)
    manager.resume()
    assert [result.request_id for result in await run_rounds(manager, 2, pool.mine)] == [2]


async def test_limit_that_is_raised_while_running_frees_what_it_held_back() -> None:
    pool = FakePool()
    pool.base_fee = 1000
    pool.mine()
    manager = make_manager(pool, max_fee_limit=500, resend_after_blocks=1)
    manager.submit(1, TO, b"")
    assert await run_rounds(manager, 4, pool.mine) == []
    assert REGISTRY.get_sample_value("braid_l1_bridge_capped_transactions") == 1

    manager.set_fee_limits(5000, 1)

    assert [type(result) for result in await run_rounds(manager, 3, pool.mine)] == [Confirmed]
    await manager.step()
    assert REGISTRY.get_sample_value("braid_l1_bridge_capped_transactions") == 0


async def test_cancelled_request_gives_its_nonce_to_nothing() -> None:
    pool = FakePool()
    pool.unwanted.add(b"sent")
    manager = make_manager(pool, max_in_flight=1)
    manager.submit(1, TO, b"sent")
    manager.submit(2, TO, b"queued")
    manager.submit(3, TO, b"kept")
    await manager.step()

    assert manager.cancel(2)
    assert manager.cancel(1)
    assert not manager.cancel(4)
    results = await run_rounds(manager, 5, pool.mine)

    assert [(result.request_id, type(result)) for result in results] == [(2, Failed), (1, Failed), (3, Confirmed)]
    assert pool.mined_data() == [b"", b"kept"]
    assert pool.blocks[1].transactions[0].to == manager.address


async def test_request_that_is_mined_before_its_cancellation_is_confirmed() -> None:
    pool = FakePool()
    manager = make_manager(pool)
    manager.submit(1, TO, b"sent")
    await manager.step()
    manager.cancel(1)
    pool.mine()

    (result,) = await run_rounds(manager, 2)

    assert isinstance(result, Confirmed)
    assert not manager.cancel(1)


async def test_stuck_transaction_is_cancelled_though_the_limit_is_reached() -> None:
    pool = FakePool()
    pool.unwanted.add(b"stuck")
    manager = make_manager(pool, max_fee_limit=210, cancel_after_blocks=6, resend_after_blocks=2)
    manager.submit(1, TO, b"stuck")
    results = await run_rounds(manager, 12, pool.mine)

    (failed,) = results
    assert isinstance(failed, Failed)
    assert "6 L1 blocks" in failed.reason
    assert pool.mined_data() == [b""]
    assert pool.sent[-1].max_fee <= 420


async def test_what_the_market_holds_back_is_not_cancelled() -> None:
    pool = FakePool()
    manager = make_manager(pool, max_fee_limit=210, cancel_after_blocks=3, resend_after_blocks=1)
    manager.submit(1, TO, b"waits")
    await manager.step()
    pool.base_fee = 10_000
    assert await run_rounds(manager, 10, pool.mine) == []
    pool.base_fee = 100
    pool.mine()

    results = await run_rounds(manager, 3, pool.mine)

    assert [type(result) for result in results] == [Confirmed]
    assert pool.mined_data() == [b"waits"]


async def test_estimate_that_is_refused_for_a_while_fails_nothing() -> None:
    pool = FakePool()
    manager = make_manager(pool)
    pool.estimate_refusal = "too many requests"

    async def refuse(sender: bytes, to: bytes | None, data: bytes, value: int) -> int:
        raise L1Refused("eth_estimateGas", -32005, "too many requests")

    real, pool.estimate_gas = pool.estimate_gas, refuse  # type: ignore[method-assign]
    manager.submit(1, TO, b"")
    with pytest.raises(L1Refused):
        await manager.step()
    assert manager.status().last_refusal == "too many requests"

    pool.estimate_gas, pool.estimate_refusal = real, None  # type: ignore[method-assign]
    assert [type(result) for result in await run_rounds(manager, 2, pool.mine)] == [Confirmed]


async def test_hours_of_gas_money_follow_from_what_was_spent() -> None:
    pool = FakePool()
    manager = make_manager(pool, warn_runway_hours=2)
    manager.submit(0, TO, b"", gas_limit=1000)
    await run_rounds(manager, 8, pool.mine)
    spent = 1000 * pool.base_fee
    pool.balance_wei = 30 * spent
    for _ in range(40):
        pool.mine()
    await manager.step()

    status = manager.status()
    assert status.balance_wei == 30 * spent
    span_hours = (pool.blocks[-1].header.timestamp - 0) / 3600
    assert status.runway_hours == pytest.approx(30 * span_hours, rel=0.1)
    assert REGISTRY.get_sample_value("braid_l1_bridge_runway_hours") == status.runway_hours
    assert REGISTRY.get_sample_value("braid_l1_bridge_balance_wei") == 30 * spent


async def test_low_balance_is_said_once_and_its_end_too(capsys: pytest.CaptureFixture[str]) -> None:
    pool = FakePool()
    pool.balance_wei = 0
    manager = make_manager(pool)
    for _ in range(20):
        await manager.step()
        pool.mine()
    pool.balance_wei = 10**18
    for _ in range(20):
        await manager.step()
        pool.mine()

    said = capsys.readouterr().out
    assert said.count("l1_funds_low") == 1
    assert said.count("l1_funds_sufficient") == 1


async def test_want_of_money_is_an_error_in_the_log_once(capsys: pytest.CaptureFixture[str]) -> None:
    pool = FakePool()
    pool.refusal = "insufficient funds for gas * price + value: balance 0, tx cost 5"
    manager = make_manager(pool)
    manager.submit(1, TO, b"")
    await run_rounds(manager, 5)

    assert capsys.readouterr().out.count("l1_transaction_refused") == 1
    assert manager.status().last_refusal == pool.refusal


@pytest.mark.parametrize("depth", range(1, 9))
async def test_l1_that_comes_back_some_blocks_behind_gets_the_same_transactions(depth: int) -> None:
    pool = FakePool()
    manager = make_manager(pool, watch_blocks=20)
    for request in range(8):
        manager.submit(request, TO, bytes([request]))
        await manager.step()
        pool.mine()
    await manager.step()
    manager.results()

    pool.undo(depth)
    pool.pool.clear()
    manager.submit(8, TO, b"new")
    await run_rounds(manager, 6, pool.mine)

    assert pool.mined_data() == [*(bytes([request]) for request in range(8)), b"new"]
    assert {item.nonce: item.hash for item in pool.sent} == {
        item.nonce: item.hash for block in pool.blocks for item in block.transactions
    }
    assert len({item.hash for item in pool.sent}) == 9
