"""The L1 client against a server that tells the truth, and one that lies, dawdles, babbles or is gone."""

import asyncio
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import pytest
from prometheus_client import REGISTRY

from l1_bridge.errors import L1Lied, L1Pruned, L1Refused, L1Unavailable, TemporaryError
from l1_bridge.l1_client import L1Client, SenderRecovery
from l1_bridge.l1_connection import L1Endpoint
from tests.unit.l1_bridge.fake_l1_server import FakeL1Server, Json, serve_fake_l1

Read = Callable[[L1Client], Awaitable[object]]


@pytest.fixture
async def server() -> AsyncIterator[FakeL1Server]:
    async with serve_fake_l1() as running:
        yield running


@pytest.fixture
async def client(server: FakeL1Server) -> AsyncIterator[L1Client]:
    endpoint = L1Endpoint(server.url, timeout_seconds=5.0, response_limit_bytes=2_000_000)
    async with L1Client.connect(endpoint) as connected:
        yield connected


def _busy_hash(server: FakeL1Server) -> bytes:
    """Hash of an L1 block with several transactions."""
    block = next(block for block in server.blocks if len(block["transactions"]) > 1)  # type: ignore[arg-type]
    return bytes.fromhex(str(block["hash"])[2:])


def _failures(kind: str) -> float:
    return REGISTRY.get_sample_value("braid_l1_bridge_failures_total", {"kind": kind}) or 0.0


async def test_true_answers_are_read(server: FakeL1Server, client: L1Client) -> None:
    hash = _busy_hash(server)

    header = await client.header_by_hash(hash)
    block = await client.block_by_hash(hash)
    receipts = await client.receipts_by_hash(hash)
    latest = await client.header_by_tag("latest")

    assert header is not None
    assert block is not None
    assert receipts is not None
    assert latest is not None
    assert header == block.header == await client.header_by_number(header.number)
    assert [receipt.transaction_hash for receipt in receipts] == [item.hash for item in block.transactions]
    assert hex(latest.number) == server.blocks[-1]["number"]
    assert await client.chain_id() == 900


async def test_blocks_that_are_not_there_are_none(client: L1Client) -> None:
    assert await client.header_by_number(10**6) is None
    assert await client.header_by_hash(b"\x01" * 32) is None
    assert await client.block_by_hash(b"\x01" * 32) is None
    assert await client.receipts_by_hash(b"\x01" * 32) is None


async def test_error_that_says_that_a_block_is_not_there_is_none_and_a_missing_method_is_not(
    server: FakeL1Server, client: L1Client
) -> None:
    server.error = {"code": -39001, "message": "finalized block not found"}
    assert await client.header_by_tag("finalized") is None

    server.error = {"code": -32601, "message": "the method eth_getBlockByNumber does not exist/is not available"}
    with pytest.raises(L1Refused):
        await client.header_by_tag("finalized")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (4444, "not available"),
        (-32000, "pruned history unavailable"),
        (-32000, "block not found: History has been pruned"),
        (-32603, "old data not available due to pruning"),
        (-32000, "missing trie node 56e81f (path ) state is not available"),
    ],
)
async def test_error_that_says_that_history_was_pruned_is_told_as_that(
    server: FakeL1Server, client: L1Client, code: int, message: str
) -> None:
    hash = _busy_hash(server)
    await client.header_by_hash(hash)
    server.error = {"code": code, "message": message}
    before = _failures("pruned")

    with pytest.raises(L1Pruned, match=f"eth_getBlockReceipts.*{re.escape(message)}.*pruned"):
        await client.receipts_by_hash(hash)
    assert _failures("pruned") == before + 1

    server.error = None
    assert await client.receipts_by_hash(hash) is not None


async def test_header_is_asked_for_once(server: FakeL1Server, client: L1Client) -> None:
    hash = _busy_hash(server)
    await client.header_by_hash(hash)
    await client.header_by_hash(hash)
    await client.receipts_by_hash(hash)

    assert server.requests == ["eth_getBlockByHash", "eth_getBlockReceipts"]


def _set(key: str, value: object) -> Callable[[object], object]:
    def change(result: object) -> object:
        assert isinstance(result, dict)
        return result | {key: value}

    return change


def _other_transactions(result: object) -> object:
    assert isinstance(result, dict)
    return result | {"transactions": result["transactions"][1:]}


def _other_sender(result: object) -> object:
    assert isinstance(result, dict)
    first, *rest = result["transactions"]
    return result | {"transactions": [first | {"from": "0x" + "11" * 20}, *rest]}


def _fewer(result: object) -> object:
    assert isinstance(result, list)
    return result[:-1]


def _failed(result: object) -> object:
    assert isinstance(result, list)
    return [receipt | {"status": "0x0" if receipt["status"] == "0x1" else "0x1"} for receipt in result]


@pytest.mark.parametrize(
    ("method", "lie", "named"),
    [
        pytest.param("eth_getBlockByHash", _set("timestamp", "0x1"), "block hash", id="header that does not hash"),
        pytest.param("eth_getBlockByHash", _set("hash", "0x" + "11" * 32), "block hash", id="another hash"),
        pytest.param("eth_getBlockByHash", _other_transactions, "transactions root", id="transaction left out"),
        pytest.param("eth_getBlockByHash", _set("transactions", []), "transactions root", id="no transactions"),
        pytest.param("eth_getBlockByHash", _other_sender, "sender", id="another sender"),
        pytest.param("eth_getBlockReceipts", _fewer, "receipts root", id="receipt left out"),
        pytest.param("eth_getBlockReceipts", _failed, "receipts root", id="another status"),
        pytest.param("eth_getBlockReceipts", lambda _: [], "receipts root", id="no receipts"),
    ],
)
async def test_lie_is_found_and_counted(
    server: FakeL1Server, client: L1Client, method: str, lie: Callable[[object], object], named: str
) -> None:
    hash = _busy_hash(server)
    server.overrides[method] = lie
    before = _failures("lied")

    with pytest.raises(L1Lied, match=named):
        await (client.receipts_by_hash(hash) if method == "eth_getBlockReceipts" else client.block_by_hash(hash))
    assert _failures("lied") == before + 1


@pytest.mark.parametrize("read", [L1Client.header_by_hash, L1Client.block_by_hash])
async def test_true_block_that_was_not_asked_for_is_a_lie(
    server: FakeL1Server, client: L1Client, read: Callable[[L1Client, bytes], Awaitable[object]]
) -> None:
    server.overrides["eth_getBlockByHash"] = lambda _: server.blocks[0]

    with pytest.raises(L1Lied, match="asked for"):
        await read(client, _busy_hash(server))


async def test_true_block_of_another_number_is_a_lie(server: FakeL1Server, client: L1Client) -> None:
    server.overrides["eth_getBlockByNumber"] = lambda _: server.blocks[0]

    with pytest.raises(L1Lied, match="number"):
        await client.header_by_number(int(str(server.blocks[1]["number"]), 16))


async def test_lie_is_not_remembered(server: FakeL1Server, client: L1Client) -> None:
    hash = _busy_hash(server)
    server.overrides["eth_getBlockByHash"] = _set("gasUsed", "0x1")
    with pytest.raises(L1Lied):
        await client.header_by_hash(hash)

    server.overrides.clear()
    header = await client.header_by_hash(hash)
    assert header is not None
    assert header.hash == hash


async def test_transactions_root_is_not_compared_where_it_is_trusted(server: FakeL1Server) -> None:
    hash = _busy_hash(server)
    server.overrides["eth_getBlockByHash"] = _other_transactions
    async with L1Client.connect(L1Endpoint(server.url), trust_transactions_root=True) as client:
        block = await client.block_by_hash(hash)

    assert block is not None


async def test_sender_is_recovered_only_for_the_recipients_asked_for(server: FakeL1Server) -> None:
    hash = _busy_hash(server)
    server.overrides["eth_getBlockByHash"] = _other_sender
    async with L1Client.connect(L1Endpoint(server.url), SenderRecovery(frozenset({b"\xee" * 20}))) as client:
        block = await client.block_by_hash(hash)

    assert block is not None
    assert block.transactions[0].sender == b"\x11" * 20


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"<html>no</html>", id="html"),
        pytest.param(b"\xff\xfe", id="not text"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"7", id="a number"),
        pytest.param(b"null", id="null"),
        pytest.param(b"{}", id="neither result nor error"),
        pytest.param(b'{"result": 7}', id="a number as result"),
        pytest.param(b'{"result": {}}', id="an empty object"),
        pytest.param(b'{"result": []}', id="a list as result"),
        pytest.param(b'{"result": {"hash": "0xzz"}}', id="no hex"),
        pytest.param(b"[" * 200_000, id="deep nesting"),
        pytest.param(b'{"result": "' + b"x" * 3_000_000 + b'"}', id="larger than the limit"),
    ],
)
async def test_garbage_is_an_l1_that_is_not_available(server: FakeL1Server, client: L1Client, body: bytes) -> None:
    server.body = body
    before = _failures("unavailable")

    for read in (client.header_by_tag("latest"), client.block_by_hash(b"\x01" * 32), client.chain_id()):
        with pytest.raises(L1Unavailable):
            await read
    assert _failures("unavailable") == before + 3


@pytest.mark.parametrize("status", [404, 429, 500, 503])
async def test_http_error_is_an_l1_that_is_not_available(server: FakeL1Server, client: L1Client, status: int) -> None:
    server.status = status

    with pytest.raises(L1Unavailable):
        await client.header_by_tag("latest")


async def test_slow_l1_is_given_up_after_the_timeout(server: FakeL1Server) -> None:
    server.silence = asyncio.Event()
    async with L1Client.connect(L1Endpoint(server.url, timeout_seconds=0.05)) as client:
        with pytest.raises(L1Unavailable):
            await client.header_by_tag("latest")


async def test_l1_that_is_away_is_noticed_and_used_again_when_it_is_back() -> None:
    async with serve_fake_l1() as gone:
        url = gone.url
    async with L1Client.connect(L1Endpoint(url, timeout_seconds=1.0)) as client:
        with pytest.raises(L1Unavailable):
            await client.header_by_tag("latest")


async def test_after_garbage_the_same_client_reads_the_truth(server: FakeL1Server, client: L1Client) -> None:
    server.body = b"[" * 1000
    with pytest.raises(TemporaryError):
        await client.chain_id()

    server.body = None
    assert await client.chain_id() == 900


@pytest.mark.parametrize(
    ("error", "code", "message", "data"),
    [
        ({"code": 3, "message": "execution reverted", "data": "0x08c379a0"}, 3, "execution reverted", "08c379a0"),
        ({"code": -32000, "message": "nonce too low"}, -32000, "nonce too low", ""),
        ({"code": "x", "message": 5, "data": "zz"}, 0, "5", ""),
        ("just words", 0, "just words", ""),
    ],
)
async def test_error_of_the_node_is_kept(
    server: FakeL1Server, client: L1Client, error: Json, code: int, message: str, data: str
) -> None:
    server.error = error

    with pytest.raises(L1Refused) as caught:
        await client.chain_id()
    assert (caught.value.code, caught.value.message, caught.value.data.hex()) == (code, message, data)


async def test_compressed_answer_that_inflates_beyond_the_limit_is_not_read_on(server: FakeL1Server) -> None:
    server.body = b'{"result": "' + b"0" * 500_000 + b'"}'
    endpoint = replace(L1Endpoint(server.url), response_limit_bytes=100_000)
    async with L1Client.connect(endpoint) as client:
        with pytest.raises(L1Unavailable, match="100000 bytes"):
            await client.chain_id()


def test_web3_is_not_imported_before_l1_is_asked() -> None:
    check = "import sys, l1_bridge.l1_client, l1_bridge.tx_manager, l1_bridge.deploy; sys.exit('web3' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", check], check=False, timeout=60).returncode == 0


async def test_a_cancelled_request_holds_up_none_after_it() -> None:
    """Reads are made side by side and given up together; each may be at any point of its request then."""
    async with serve_fake_l1() as server, L1Client.connect(L1Endpoint(server.url, timeout_seconds=2.0)) as client:
        for turns in range(12):
            reads = [asyncio.ensure_future(client.header_by_number(number)) for number in range(4)]
            for _ in range(turns):
                await asyncio.sleep(0)
            for read in reads:
                read.cancel()
            await asyncio.gather(*reads, return_exceptions=True)

        assert await client.header_by_tag("latest") is not None
