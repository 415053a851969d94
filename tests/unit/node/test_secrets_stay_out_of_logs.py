"""Passwords and provider keys that stand in URLs do not reach logs or messages; keys reach no repr."""

from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import structlog
from aiohttp import web

from l1_bridge.errors import L1Unavailable
from l1_bridge.l1_connection import L1Connection, L1Endpoint
from l1_bridge.signer import UnusableKey, signer_from_environment, signer_from_hex
from sequencer.config import NodeSettings, load_settings
from sequencer.node.builder import build_node
from sequencer.node.dev_accounts import DEV_MNEMONIC
from sequencer.node.json_files import write_json_object
from sequencer.node.redis import without_password
from tests.factories import private_key
from tests.fakes.chain_story import make_genesis

KEY = private_key(0).hex()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://user:s3cret@redis:6379/0", "redis://redis:6379/0"),
        ("rediss://:s3cret@10.0.0.1:6380/1", "rediss://10.0.0.1:6380/1"),
        ("redis://redis:6379/0?password=s3cret", "redis://redis:6379/0"),
        ("unix://:s3cret@/run/redis.sock", "unix:///run/redis.sock"),
        ("redis://redis:6379/0", "redis://redis:6379/0"),
    ],
)
def test_a_redis_url_is_shown_without_its_password(url: str, shown: str) -> None:
    assert without_password(url) == shown


async def test_a_node_logs_its_redis_without_the_password(tmp_path: Path) -> None:
    write_json_object(tmp_path / "genesis.json", make_genesis(is_optimism=False).to_json())
    wishes = {
        "data_dir": tmp_path / "data",
        "genesis": tmp_path / "genesis.json",
        "redis": "redis://:s3cret@127.0.0.1:1/0",
        "engine": "serial",
        "rpc_port": 0,
        "clock": "resume",
    }
    settings = load_settings(NodeSettings, wishes)
    async with AsyncExitStack() as stack:
        with structlog.testing.capture_logs() as lines:
            await stack.enter_async_context(build_node(settings, is_sequencer=False))

    assert [line["redis"] for line in lines if line["event"] == "chain_opened"] == ["redis://127.0.0.1:1/0"]
    assert "s3cret" not in str(lines)


async def test_the_key_in_an_l1_providers_url_is_in_no_error() -> None:
    async def refuse(request: web.Request) -> web.Response:
        return web.Response(status=429, reason="slow down")

    application = web.Application()
    application.router.add_post("/v3/{key}", refuse)
    async with AsyncExitStack() as stack:
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        connection = await stack.enter_async_context(
            L1Connection.connect(L1Endpoint(f"http://127.0.0.1:{port}/v3/s3cret"))
        )

        with pytest.raises(L1Unavailable) as raised:
            await connection.call("eth_chainId")

    assert "429" in str(raised.value)
    assert "s3cret" not in str(raised.value)


def test_a_key_is_in_no_repr_and_no_error() -> None:
    signer = signer_from_hex(KEY)
    broken = KEY[:-1] + "x"

    with pytest.raises(UnusableKey) as raised:
        signer_from_environment({"BRAID_KEY": broken}, "BRAID_KEY")

    assert KEY not in repr(signer) + str(signer)
    assert signer.address.hex() in repr(signer)
    assert broken not in str(raised.value)
    assert broken[:20] not in str(raised.value)


def test_the_development_phrase_is_no_real_one() -> None:
    assert " ".join(["test"] * 11 + ["junk"]) == DEV_MNEMONIC
