"""What an operator asks of a running batcher: each operation, each refusal, and the port that they come through."""

import asyncio
from collections.abc import Mapping

import aiohttp
import pytest
from prometheus_client import CollectorRegistry

from batcher.channel_manager import ChannelManager
from batcher.channel_policy import DataType
from batcher.config import BatcherSettings
from batcher.metrics import BatcherMetrics
from batcher.submitter import BatchSubmitter
from l1_bridge.fees import GWEI
from l1_bridge.sending import TxManagerSettings
from l1_bridge.signer import LocalSigner
from l1_bridge.tx_manager import TransactionManager
from sequencer.node.batcher_control import BatcherControl, serve_batcher_admin
from sequencer.node.json_rpc import RpcFailed, call_once
from sequencer.rpc.admin_batcher import batcher_operations
from sequencer.rpc.operations import Operations
from tests.fakes.l2_source import SPAN, FakeL2Source
from tests.fakes.transaction_sender import FakeMarket
from tests.unit.l1_bridge.fake_pool import FakePool
from tests.unit.rpc.conftest import call_through, result_of


def _control(max_blobs: int = 9) -> tuple[BatcherControl, BatchSubmitter, TransactionManager]:
    settings = BatcherSettings()
    chooser = settings.make_chooser(max_blobs)
    sender = TransactionManager(FakePool(), LocalSigner(b"\x42" * 32), TxManagerSettings(chain_id=900))
    submitter = BatchSubmitter(
        FakeL2Source(),
        sender,
        ChannelManager(settings.make_limits(100, 50), lambda: bytes(16), choose_policy=chooser.choose, span=SPAN),
        chooser=chooser,
        market=FakeMarket(),
        inbox_address=bytes(20),
        settings=settings,
        metrics=BatcherMetrics(CollectorRegistry()),
    )
    return BatcherControl(submitter, sender, chooser), submitter, sender


async def _call(control: BatcherControl, method: str, *parameters: object) -> Mapping[str, object]:
    answer = result_of(await call_through(Operations(batcher_operations(control)))(method, *parameters))
    assert isinstance(answer, dict)
    return answer


async def test_a_batcher_is_paused_and_goes_on() -> None:
    control, submitter, _ = _control()

    assert (await _call(control, "admin_stopBatcher"))["paused"] is True
    assert submitter.is_paused
    assert control.problem() == "paused by an operator"
    assert (await _call(control, "admin_startBatcher"))["paused"] is False
    assert control.problem() is None


async def test_a_flush_is_asked_for() -> None:
    control, submitter, _ = _control()
    call = call_through(Operations(batcher_operations(control)))

    assert result_of(await call("admin_flushBatcher")) is None
    assert submitter.is_flush_wanted


async def test_the_next_channel_takes_another_data_type() -> None:
    control, submitter, _ = _control()

    status = await _call(control, "admin_setDataType", "blobs")

    assert (status["dataType"], status["nextChannel"]) == ("blobs", "blobs")
    assert submitter.chooser.choose().data_type is DataType.BLOBS


async def test_fee_limits_change_while_it_runs() -> None:
    control, _, sender = _control()

    status = await _call(control, "admin_setFeeLimits", hex(7 * GWEI), hex(9 * GWEI))

    assert (status["maxFee"], status["maxBlobFee"]) == (hex(7 * GWEI), hex(9 * GWEI))
    assert sender.status().max_fee_limit == 7 * GWEI


@pytest.mark.parametrize(
    ("method", "parameters"),
    [
        ("admin_setDataType", []),
        ("admin_setDataType", ["tape"]),
        ("admin_setDataType", [4]),
        ("admin_setDataType", ["blobs", "auto"]),
        ("admin_setFeeLimits", ["0x1"]),
        ("admin_setFeeLimits", ["0x1", "0x0"]),
        ("admin_setFeeLimits", ["0x1", "one"]),
        ("admin_setFeeLimits", ["0x1", -1]),
        ("admin_stopBatcher", ["now"]),
    ],
)
async def test_what_makes_no_sense_changes_nothing(method: str, parameters: list[object]) -> None:
    control, _, _ = _control()
    before = control.status()
    answer = await call_through(Operations(batcher_operations(control)))(method, *parameters)

    assert answer["error"]["code"] == -32602  # type: ignore[index]
    assert control.status() == before


async def test_blobs_are_refused_where_l1_has_none() -> None:
    control, _, _ = _control(max_blobs=0)
    answer = await call_through(Operations(batcher_operations(control)))("admin_setDataType", "auto")

    assert "schedules no blobs" in str(answer["error"])


@pytest.mark.parametrize(("body", "code"), [(b"{", -32700), (b"[]", -32600), (b"7", -32600)])
async def test_a_body_that_is_no_request_is_refused(body: bytes, code: int) -> None:
    answer = await Operations({}).answer(body)

    assert answer is not None
    assert str(code).encode() in answer


async def test_an_unknown_operation_is_named() -> None:
    answer = await call_through(Operations({}))("admin_explode")

    assert "admin_explode" in str(answer["error"])


async def test_the_admin_port_serves_operations_and_health() -> None:
    control, submitter, _ = _control()
    async with asyncio.timeout(30), serve_batcher_admin(control, 0) as server, aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{server.port}"
        await call_once(url, "admin_stopBatcher")
        async with session.get(f"{url}/readyz") as ready, session.get(f"{url}/metrics") as metrics:
            assert (ready.status, metrics.status) == (503, 200)
        with pytest.raises(RpcFailed, match="tape"):
            await call_once(url, "admin_setDataType", "tape")

    assert submitter.is_paused
