"""What the native front does alone: reads calls, gives away what is not simple, ends connections."""

import asyncio
import errno
import socket
import sys
from collections.abc import AsyncIterator

import orjson
import pytest

from l1_bridge.errors import BraidError
from sequencer.mempool.admission import MAX_TRANSACTION_BYTES
from sequencer.mempool.errors import NonceTooLow
from sequencer.rpc import native_front
from sequencer.rpc.dispatcher import Dispatcher
from sequencer.rpc.eth_transactions import METHODS
from sequencer.rpc.native_front import NativeFront
from sequencer.rpc.server import RpcServer, bind
from tests.factories import make_transaction
from tests.fakes.rpc_backend import World, make_world
from tests.missing_tools import needs_extension

pytestmark = needs_extension


class Client:
    """One connection to a server, kept open."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, body: bytes, *lines: bytes) -> None:
        head = [b"POST / HTTP/1.1", b"Host: node", b"Content-Type: application/json", *lines]
        self.writer.write(b"\r\n".join([*head, b"Content-Length: %d" % len(body), b"", body]))

    async def read(self) -> bytes:
        head = await self.reader.readuntil(b"\r\n\r\n")
        lengths = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")]
        return await self.reader.readexactly(int(lengths[0])) if lengths else b""

    async def ask(self, body: bytes, *lines: bytes) -> bytes:
        self.send(body, *lines)
        return await self.read()


class Front:
    """A server behind a front, and the descriptors that it gave away."""

    def __init__(self, world: World, rpc: RpcServer) -> None:
        self.world = world
        self.rpc = rpc
        self.given: list[bytes] = []
        self.has_given = asyncio.Event()

    async def connect(self) -> Client:
        return Client(*await asyncio.open_connection("127.0.0.1", self.rpc.port))


async def serve(world: World, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Front]:
    made = Front(world, RpcServer(Dispatcher(world.backend, METHODS), world.backend.settings))
    give_away = NativeFront._give_away

    async def give_and_tell(self: NativeFront, connection: socket.socket, received: bytes) -> None:
        made.given.append(received)
        made.has_given.set()
        await give_away(self, connection, received)

    monkeypatch.setattr(NativeFront, "_give_away", give_and_tell)
    await made.rpc.start("127.0.0.1", 0)
    yield made
    await made.rpc.close()
    world.backend.close()


@pytest.fixture
async def front(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Front]:
    async for made in serve(make_world(count=2), monkeypatch):
        yield made


def call(raw: bytes, id: object = 1) -> bytes:
    return orjson.dumps({"jsonrpc": "2.0", "id": id, "method": "eth_sendRawTransaction", "params": ["0x" + raw.hex()]})


@pytest.mark.parametrize("id", [0, 7, 2**64 - 1, "a", "", "ü" * 256])
async def test_call_comes_decoded_and_its_answer_has_its_id(front: Front, id: object) -> None:
    transaction = make_transaction()

    answer = await (await front.connect()).ask(call(transaction.raw, id))

    assert orjson.loads(answer) == {"jsonrpc": "2.0", "id": id, "result": "0x" + transaction.hash.hex()}
    assert front.world.pool.submissions == [[transaction]]
    assert front.given == []


async def test_refused_call_gets_code_and_reason(front: Front) -> None:
    front.world.pool.refusal = NonceTooLow(3, 5)

    answer = orjson.loads(await (await front.connect()).ask(call(make_transaction().raw)))

    assert answer["error"] == {"code": -32003, "message": "nonce too low: next nonce 5, tx nonce 3"}


async def test_call_that_nobody_can_decode_gets_pythons_reason(front: Front) -> None:
    client = await front.connect()
    usual = orjson.loads(await client.ask(call(b"\x02\xc0")))
    other = orjson.loads(await client.ask(call(b"\x02\xc0", id=None)))

    assert front.world.pool.submissions == []  # it may take Python long: not on the loop, and nobody waits with it
    assert usual["error"] == other["error"]


class Unexpected(BraidError):
    """A reason that no sender may hear."""


@pytest.mark.parametrize("failure", [Unexpected("secret"), RuntimeError("secret")])
async def test_unexpected_failure_is_answered_too(front: Front, failure: Exception) -> None:
    front.world.pool.refusal = failure

    answer = await (await front.connect()).ask(call(make_transaction().raw))

    assert orjson.loads(answer)["error"]["code"] == -32603
    assert b"secret" not in answer


async def test_node_without_pool_answers_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    async for front in serve(make_world(count=2, has_pool=False), monkeypatch):
        answer = orjson.loads(await (await front.connect()).ask(call(make_transaction().raw)))

        assert answer["error"]["code"] == -32002


async def test_calls_of_many_connections_are_all_answered(front: Front) -> None:
    clients = [await front.connect() for _ in range(30)]
    sent = [make_transaction(nonce=nonce) for nonce in range(len(clients))]
    for client, transaction in zip(clients, sent, strict=True):
        client.send(call(transaction.raw, transaction.nonce))

    answers = [orjson.loads(await client.read()) for client in clients]

    assert [answer["id"] for answer in answers] == list(range(30))
    assert [answer["result"] for answer in answers] == ["0x" + one.hash.hex() for one in sent]
    assert sum(map(len, front.world.pool.submissions)) == 30


async def test_largest_transaction_is_read_here_and_larger_ones_by_python(front: Front) -> None:
    client = await front.connect()
    others = len(make_transaction(data=bytes(100_000)).raw) - 100_000
    largest, larger = (make_transaction(data=bytes(MAX_TRANSACTION_BYTES - others + more)) for more in (0, 1))
    for sent in (largest, larger):
        assert b"result" in await client.ask(call(sent.raw))

    assert len(largest.raw) == MAX_TRANSACTION_BYTES
    assert front.world.pool.submissions == [[largest]]
    assert front.given == []


async def test_other_requests_are_given_away_whole(front: Front) -> None:
    client = await front.connect()
    transaction = make_transaction()

    answer = orjson.loads(await client.ask(call(transaction.raw), b"Origin: https://page.example"))

    assert answer["result"] == "0x" + transaction.hash.hex()
    assert len(front.given) == 1
    assert front.given[0].endswith(call(transaction.raw))
    assert front.world.pool.submissions == []


async def test_slow_request_is_given_away(front: Front) -> None:
    client = await front.connect()
    client.writer.write(b"POST / HTTP/1.1\r\nHost:")
    async with asyncio.timeout(30):
        await front.has_given.wait()

    assert front.given == [b"POST / HTTP/1.1\r\nHost:"]
    client.writer.close()


async def test_idle_connection_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native_front, "IDLE_SECONDS", 0.01)
    async for front in serve(make_world(count=2), monkeypatch):
        client = await front.connect()
        async with asyncio.timeout(30):
            assert await client.reader.read() == b""


async def test_connection_that_asks_nothing_after_it_was_given_away_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native_front, "IDLE_SECONDS", 0.01)
    async for front in serve(make_world(count=2), monkeypatch):
        client = await front.connect()
        client.writer.write(b"GET / HTTP/1.1\r\nHost: node\r\n\r\n")
        async with asyncio.timeout(30):
            assert b"JSON-RPC" in await client.read()
            assert await client.reader.read() == b""
        assert len(front.given) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="an option of Linux")
async def test_answer_that_nobody_takes_is_not_kept_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native_front, "IDLE_SECONDS", 0.05)
    (listener,) = await bind("127.0.0.1", 0)
    client = socket.create_connection(listener.getsockname())
    accepted, _ = listener.accept()
    with listener, client, accepted:
        accepted.settimeout(30)
        with pytest.raises(OSError, match="timed out") as ended:
            accepted.sendall(bytes(100_000_000))

    assert ended.value.errno == errno.ETIMEDOUT


async def test_connection_is_closed_when_the_end_comes_before_aiohttp_has_it(front: Front) -> None:
    native = front.rpc._http._front
    assert native is not None
    given, client = socket.socketpair()
    with client:
        task = asyncio.ensure_future(native._give_away(given, b"GET"))
        del given
        task.cancel()
        await asyncio.wait([task])
        del task

        assert client.recv(1) == b""


async def test_request_that_never_ends_does_not_hold_up_the_end(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sequencer.rpc.server.SHUTDOWN_SECONDS", 0.01)
    entered = asyncio.Event()
    monkeypatch.setattr(front.world.pool, "submit_decoded", lambda *_: entered.set())
    client = await front.connect()
    client.send(call(make_transaction().raw))
    async with asyncio.timeout(30):
        await entered.wait()
        await front.rpc.close()
        assert await client.reader.read() == b""


async def test_client_that_reads_nothing_disturbs_nobody(front: Front) -> None:
    silent = await front.connect()
    silent.writer.transport.pause_reading()  # type: ignore[attr-defined]
    large = orjson.dumps([{"jsonrpc": "2.0", "id": "x" * 200, "method": "test_absent"}] * 80)
    for _ in range(200):
        silent.send(large)
    other = await front.connect()

    assert b"result" in await other.ask(call(make_transaction().raw))
    silent.writer.transport.abort()


async def test_aiohttp_takes_over_when_the_thread_fails(front: Front) -> None:
    http = front.rpc._http
    assert http._front is not None
    before = await front.connect()
    await before.ask(call(make_transaction(nonce=0).raw))
    http._front._front.close()  # as a failure ends it: nobody has asked for the end
    async with asyncio.timeout(30):
        assert await before.reader.read() == b""
        answer = await (await front.connect()).ask(call(make_transaction(nonce=1).raw))

    assert b"result" in answer
    assert len(front.world.pool.submissions) == 1
