"""The HTTP side: sizes, content types, methods, origins; the admin port; web3.py as a client."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import orjson
import pytest
from hexbytes import HexBytes
from prometheus_client import CollectorRegistry, Counter
from web3 import AsyncHTTPProvider, AsyncWeb3

from sequencer.primitives.transaction import Transaction
from sequencer.rpc.admin import AdminServer, HeadIsFresh, is_direct_host
from sequencer.rpc.dispatcher import Dispatcher
from sequencer.rpc.method import Runs, method
from sequencer.rpc.method_table import methods_for
from sequencer.rpc.server import RpcServer
from sequencer.rpc.settings import RpcSettings
from tests.factories import make_transaction
from tests.fakes.rpc_backend import World, make_world, plain_blocks

JSON = {"Content-Type": "application/json"}
CHAIN_ID = b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}'


def server_of(world: World) -> RpcServer:
    dispatcher = Dispatcher(world.backend, methods_for(world.chain.rules.is_optimism))
    return RpcServer(dispatcher, world.backend.settings)


@pytest.fixture
async def url() -> AsyncIterator[str]:
    """A server with small bounds."""
    world = make_world(count=12, settings=RpcSettings(max_body_bytes=2000, body_timeout_seconds=0.05))
    server = server_of(world)
    await server.start("127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.port}/"
    await server.close()
    world.backend.close()


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    """An HTTP client."""
    async with aiohttp.ClientSession() as session:
        yield session


async def test_post_is_answered_as_json(url: str, client: aiohttp.ClientSession) -> None:
    async with client.post(url, data=CHAIN_ID, headers=JSON) as response:
        assert response.status == 200
        assert response.content_type == "application/json"
        assert "result" in orjson.loads(await response.read())


async def test_charset_in_the_content_type_does_not_matter(url: str, client: aiohttp.ClientSession) -> None:
    headers = {"Content-Type": "application/json; charset=utf-8"}
    async with client.post(url, data=CHAIN_ID, headers=headers) as response:
        assert response.status == 200


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
async def test_other_content_types_are_refused(url: str, client: aiohttp.ClientSession, content_type: str) -> None:
    async with client.post(url, data=CHAIN_ID, headers={"Content-Type": content_type}) as response:
        assert response.status == 415


async def test_missing_content_type_is_refused(url: str, client: aiohttp.ClientSession) -> None:
    async with client.post(url, data=CHAIN_ID, skip_auto_headers=["Content-Type"]) as response:
        assert response.status == 415


async def test_body_at_the_limit_is_read_and_a_larger_one_is_not(url: str, client: aiohttp.ClientSession) -> None:
    async with client.post(url, data=CHAIN_ID.ljust(2000), headers=JSON) as response:
        assert "result" in orjson.loads(await response.read())
    async with client.post(url, data=CHAIN_ID.ljust(2001), headers=JSON) as response:
        assert response.status == 413
        assert orjson.loads(await response.read())["error"]["code"] == -32005


async def test_large_body_without_a_length_is_refused_too(url: str, client: aiohttp.ClientSession) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b" " * 1000

    async with client.post(url, data=chunks(), headers=JSON) as response:
        assert response.status == 413


async def test_compressed_body_is_bounded_by_its_real_size(url: str, client: aiohttp.ClientSession) -> None:
    async with client.post(url, data=b" " * 1_000_000, headers=JSON, compress="deflate") as response:
        assert response.status == 413


async def test_body_that_does_not_arrive_is_given_up(url: str, client: aiohttp.ClientSession) -> None:
    never = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"{"
        await never.wait()

    async with client.post(url, data=slow(), headers=JSON) as response:
        assert response.status == 408
        assert orjson.loads(await response.read())["error"]["code"] == -32002


async def test_undecodable_body_is_a_parse_error(url: str, client: aiohttp.ClientSession) -> None:
    async with client.post(url, data=b"\x00\x01", headers=JSON) as response:
        assert orjson.loads(await response.read())["error"]["code"] == -32700


async def test_notification_has_no_content(url: str, client: aiohttp.ClientSession) -> None:
    async with client.post(url, data=b'{"jsonrpc":"2.0","method":"eth_chainId"}', headers=JSON) as response:
        assert response.status == 204
        assert await response.read() == b""


async def test_get_says_what_this_is(url: str, client: aiohttp.ClientSession) -> None:
    async with client.get(url) as response:
        assert response.status == 200
        assert "JSON-RPC" in await response.text()


async def test_other_http_methods_are_refused(url: str, client: aiohttp.ClientSession) -> None:
    async with client.put(url, data=CHAIN_ID, headers=JSON) as response:
        assert response.status == 405


async def test_no_origin_is_allowed_unless_named(url: str, client: aiohttp.ClientSession) -> None:
    headers = JSON | {"Origin": "https://page.example"}
    async with client.post(url, data=CHAIN_ID, headers=headers) as response:
        assert "Access-Control-Allow-Origin" not in response.headers
    async with client.options(url, headers=headers) as response:
        assert "Access-Control-Allow-Origin" not in response.headers


async def test_named_origin_is_allowed_and_another_is_not(client: aiohttp.ClientSession) -> None:
    world = make_world(count=2, settings=RpcSettings(cors_origins=("https://page.example",)))
    server = server_of(world)
    await server.start("127.0.0.1", 0)
    target = f"http://127.0.0.1:{server.port}/"
    try:
        async with client.options(target, headers={"Origin": "https://page.example"}) as response:
            assert response.headers["Access-Control-Allow-Origin"] == "https://page.example"
            assert response.headers["Access-Control-Allow-Headers"] == "Content-Type"
        async with client.options(target, headers={"Origin": "https://other.example"}) as response:
            assert "Access-Control-Allow-Origin" not in response.headers
    finally:
        await server.close()
        world.backend.close()


async def test_port_in_use_fails_at_start(world: World) -> None:
    first, second = server_of(world), server_of(world)
    await first.start("127.0.0.1", 0)
    try:
        with pytest.raises(OSError, match="in use"):
            await second.start("127.0.0.1", first.port)
    finally:
        await second.close()
        await first.close()


class _Check:
    """A readiness check that the test sets."""

    name = "l1"

    def __init__(self) -> None:
        self.reason: str | None = None

    def problem(self) -> str | None:
        return self.reason


@pytest.fixture
async def admin(world: World) -> AsyncIterator[tuple[str, _Check]]:
    """An admin server with one check and one method."""
    registry = CollectorRegistry()
    Counter("braid_test_things", "Things.", registry=registry).inc(3)
    check = _Check()
    dispatcher = Dispatcher(world.backend, (method("admin_ping", lambda backend: "pong", runs=Runs.ON_LOOP),))
    server = AdminServer([check], dispatcher, registry)
    await server.start("127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.port}", check
    await server.close()


async def test_metrics_are_in_prometheus_text(admin: tuple[str, _Check], client: aiohttp.ClientSession) -> None:
    async with client.get(admin[0] + "/metrics") as response:
        assert response.content_type == "text/plain"
        assert "braid_test_things_total 3.0" in await response.text()


async def test_health_and_readiness(admin: tuple[str, _Check], client: aiohttp.ClientSession) -> None:
    base, check = admin
    async with client.get(base + "/healthz") as response:
        assert response.status == 200
    async with client.get(base + "/readyz") as response:
        assert response.status == 200
        assert orjson.loads(await response.read()) == {"ready": True, "checks": {"l1": "ok"}}
    check.reason = "no answer for 30 s"
    async with client.get(base + "/readyz") as response:
        assert response.status == 503
        assert orjson.loads(await response.read()) == {"ready": False, "checks": {"l1": "no answer for 30 s"}}


async def test_admin_methods_are_there_and_public_ones_are_not(
    admin: tuple[str, _Check], client: aiohttp.ClientSession
) -> None:
    async with client.post(
        admin[0] + "/", data=CHAIN_ID.replace(b"eth_chainId", b"admin_ping"), headers=JSON
    ) as response:
        assert orjson.loads(await response.read())["result"] == "pong"
    async with client.post(admin[0] + "/", data=CHAIN_ID, headers=JSON) as response:
        assert orjson.loads(await response.read())["error"]["code"] == -32601
    async with client.post(admin[0] + "/", data=CHAIN_ID) as response:
        assert response.status == 415


async def test_admin_refuses_other_paths_methods_and_host_names(
    admin: tuple[str, _Check], client: aiohttp.ClientSession
) -> None:
    async with client.get(admin[0] + "/other") as response:
        assert response.status == 404
    async with client.delete(admin[0] + "/metrics") as response:
        assert response.status == 405
    async with client.get(admin[0] + "/metrics", headers={"Host": "rebound.example"}) as response:
        assert response.status == 403


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8548", "localhost", "localhost:1", "[::1]", "[::1]:8548"])
def test_loopback_addresses_are_direct_hosts(host: str) -> None:
    assert is_direct_host(host)


@pytest.mark.parametrize("host", ["node.example", "node.example:80", "", "127.0.0.1.example", "localhost.example:1"])
def test_names_are_not(host: str) -> None:
    assert not is_direct_host(host)


async def test_old_head_is_a_problem_and_a_new_one_is_not(world: World) -> None:
    head = world.chain.heads.unsafe

    class _Clock:
        def __init__(self, now: float) -> None:
            self._now = now

        def now(self) -> float:
            return self._now

    assert HeadIsFresh(world.chain, _Clock(head.timestamp + 10), 10).problem() is None
    problem = HeadIsFresh(world.chain, _Clock(head.timestamp + 11), 10).problem()
    assert problem is not None
    assert "11 s old" in problem


async def test_web3_reads_blocks_and_receipts_of_a_rollup() -> None:
    world = make_world(count=20)
    server = server_of(world)
    await server.start("127.0.0.1", 0)
    provider = AsyncHTTPProvider(f"http://127.0.0.1:{server.port}/")
    web3 = AsyncWeb3(provider)
    try:
        assert await web3.eth.chain_id == world.chain.rules.chain_id
        for number in (0, 5, 19):
            block = await web3.eth.get_block(number, full_transactions=True)
            assert bytes(block["hash"]) == world.chain.blocks[number][0].hash
            receipts = await web3.eth.get_block_receipts(number)
            assert [bytes(receipt["transactionHash"]) for receipt in receipts] == [
                transaction.hash for transaction in world.chain.blocks[number][0].transactions
            ]
        pending = await web3.eth.get_block("pending")
        assert pending["number"] == 19
    finally:
        await provider.disconnect()
        await server.close()
        world.backend.close()


async def test_web3_sends_reads_and_calls_on_a_plain_chain() -> None:
    sealed: list[Transaction] = [make_transaction(type=kind, nonce=kind, chain_id=900) for kind in (0, 1, 2, 4)]
    world = make_world(plain=plain_blocks({1: sealed}, 3))
    server = server_of(world)
    await server.start("127.0.0.1", 0)
    provider = AsyncHTTPProvider(f"http://127.0.0.1:{server.port}/")
    web3 = AsyncWeb3(provider)
    fresh = make_transaction(nonce=9, chain_id=900)
    try:
        assert bytes(await web3.eth.send_raw_transaction(fresh.raw)) == fresh.hash
        assert (await web3.eth.get_transaction(HexBytes(fresh.hash)))["nonce"] == 9
        for transaction in sealed:
            receipt = await web3.eth.get_transaction_receipt(HexBytes(transaction.hash))
            assert receipt["status"] == 1
            assert receipt["gasUsed"] == 21_000
            assert bytes((await web3.eth.get_transaction(HexBytes(transaction.hash)))["hash"]) == transaction.hash
        assert len(await web3.eth.get_logs({"fromBlock": 0, "toBlock": "latest"})) == 4
        assert await web3.eth.get_balance(web3.to_checksum_address(sealed[0].sender)) == 0
        assert (await web3.eth.fee_history(3, "latest", [50]))["oldestBlock"] == 0
        assert await web3.eth.estimate_gas({"to": web3.to_checksum_address(b"\x01" * 20)}) == 21_000
    finally:
        await provider.disconnect()
        await server.close()
        world.backend.close()
