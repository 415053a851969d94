"""Whatever comes over HTTP, and in whatever pieces: the answer is the same with and without the native front."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from sequencer import native
from sequencer.rpc.dispatcher import Dispatcher
from sequencer.rpc.method import Runs, method
from sequencer.rpc.server import RpcServer
from sequencer.rpc.settings import RpcSettings
from tests.fakes.rpc_backend import World, make_world

BODY = b'{"jsonrpc":"2.0","id":1,"method":"test_echo","params":[]}'
HEAD = b"POST / HTTP/1.1\r\nHost: node\r\nContent-Type: application/json\r\nContent-Length: %d" % len(BODY)
REQUEST = HEAD + b"\r\n\r\n" + BODY

BODY_OF_CALL = b'{"jsonrpc":"2.0","id":1,"result":"call %d"}'

CONNECTIONS = 50
"""So many that some of them ask again at the very moment at which they are answered."""


class Server:
    """A server with one method, which waits until it may answer."""

    def __init__(self, world: World, rpc: RpcServer) -> None:
        self.world = world
        self.rpc = rpc
        self.entered = 0
        self.has_entered = asyncio.Event()
        self.release = asyncio.Event()
        self.release.set()

    async def ask(self, *pieces: bytes, answers: int = 1) -> list[tuple[bytes, bytes]]:
        """Send the pieces one after another, each once the server has read the one before; heads and bodies back."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.rpc.port)
        try:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
            return [await read_answer(reader) for _ in range(answers)]
        finally:
            writer.close()


async def read_answer(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")]
    return head, await reader.readexactly(int(lengths[0])) if lengths else b""


@pytest.fixture(params=["native front", "aiohttp"])
async def server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Server]:
    if request.param == "aiohttp":
        monkeypatch.setattr(native, "is_available", lambda: False)
    elif not native.is_available():
        pytest.skip("the extension is absent")
    world = make_world(count=2, settings=RpcSettings(max_body_bytes=2000))

    async def echo(backend: object) -> str:
        made.entered += 1
        number = made.entered
        made.has_entered.set()
        await made.release.wait()
        return f"call {number}"

    dispatcher = Dispatcher(world.backend, (method("test_echo", echo, runs=Runs.ON_LOOP),))
    made = Server(world, RpcServer(dispatcher, world.backend.settings))
    await made.rpc.start("127.0.0.1", 0)
    yield made
    made.release.set()
    await made.rpc.close()
    world.backend.close()


async def test_request_is_answered_with_what_http_asks_for(server: Server) -> None:
    (answer,) = await server.ask(REQUEST)

    assert answer[0].startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Content-Type: application/json" in answer[0]
    assert b"\r\nDate: " in answer[0]
    assert answer[1] == b'{"jsonrpc":"2.0","id":1,"result":"call 1"}'


@pytest.mark.parametrize("cut", [1, 20, len(HEAD), len(HEAD) + 4, len(REQUEST) - 1])
async def test_request_in_two_pieces_is_answered(server: Server, cut: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.rpc.port)
    writer.write(REQUEST[:cut])
    for _ in range(5):  # let the server have the first piece alone
        await asyncio.sleep(0)
    writer.write(REQUEST[cut:])

    assert (await read_answer(reader))[1].endswith(b'"call 1"}')
    writer.close()


@pytest.mark.parametrize(
    "line", [b"Connection: close", b"Origin: https://page.example", b"X-Anything: 1", b"Accept: a\r\nAccept: b"]
)
async def test_requests_with_other_heads_are_answered(server: Server, line: bytes) -> None:
    (answer,) = await server.ask(HEAD + b"\r\n" + line + b"\r\n\r\n" + BODY)

    assert answer[1].endswith(b'"call 1"}')


async def test_connection_is_served_on_after_another_kind_of_request(server: Server) -> None:
    other = b"GET / HTTP/1.1\r\nHost: node\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", server.rpc.port)
    bodies = []
    for request in (REQUEST, other, REQUEST):
        writer.write(request)
        bodies.append((await read_answer(reader))[1])
    writer.close()

    assert bodies[0].endswith(b'"call 1"}')
    assert b"JSON-RPC" in bodies[1]
    assert bodies[2].endswith(b'"call 2"}')


async def test_requests_sent_before_the_answer_are_answered_in_order(server: Server) -> None:
    server.release.clear()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.rpc.port)
    writer.write(REQUEST)
    await server.has_entered.wait()
    writer.write(REQUEST + REQUEST)
    server.release.set()

    answers = [await read_answer(reader) for _ in range(3)]

    assert [body[-9:] for _, body in answers] == [b'"call 1"}', b'"call 2"}', b'"call 3"}']
    writer.close()


async def test_body_above_the_limit_is_refused(server: Server) -> None:
    body = BODY.ljust(2001)
    request = HEAD.replace(b"%d" % len(BODY), b"2001") + b"\r\n\r\n" + body

    (answer,) = await server.ask(request)

    assert answer[0].startswith(b"HTTP/1.1 413")
    assert server.entered == 0


async def test_notification_has_no_body(server: Server) -> None:
    body = BODY.replace(b'"id":1,', b"")
    (answer,) = await server.ask(HEAD.replace(b"%d" % len(BODY), b"%d" % len(body)) + b"\r\n\r\n" + body)

    assert answer[0].startswith(b"HTTP/1.1 204 No Content\r\n")
    assert answer[1] == b""


async def test_client_that_goes_away_disturbs_nobody(server: Server) -> None:
    server.release.clear()
    _, writer = await asyncio.open_connection("127.0.0.1", server.rpc.port)
    writer.write(REQUEST)
    await server.has_entered.wait()
    writer.close()
    await writer.wait_closed()
    server.release.set()

    assert (await server.ask(REQUEST))[0][1].endswith(b'"call 2"}')


async def test_failure_of_whatever_answers_is_answered(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(self: Dispatcher, item: object) -> bytes | None:
        raise RuntimeError("secret")

    monkeypatch.setattr(Dispatcher, "_answer_one", fail)
    ((head, body),) = await server.ask(REQUEST)

    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"-32603" in body
    assert b"secret" not in body


async def test_nothing_is_begun_while_the_server_closes(server: Server) -> None:
    server.release.clear()
    streams = [await asyncio.open_connection("127.0.0.1", server.rpc.port) for _ in range(CONNECTIONS)]
    for _, writer in streams:
        writer.write(REQUEST)
    while server.entered < CONNECTIONS:
        server.has_entered.clear()
        await server.has_entered.wait()
    closing = asyncio.ensure_future(server.rpc.close())
    await asyncio.sleep(0)
    server.release.set()
    for _, writer in streams:
        writer.write(REQUEST)

    answers = {(await read_answer(reader))[1] for reader, _ in streams}
    assert answers == {BODY_OF_CALL % number for number in range(1, CONNECTIONS + 1)}
    await closing
    assert server.entered == CONNECTIONS
    for _, writer in streams:
        writer.transport.abort()


async def test_request_that_runs_when_the_server_closes_is_answered(server: Server) -> None:
    server.release.clear()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.rpc.port)
    writer.write(REQUEST)
    await server.has_entered.wait()
    closing = asyncio.ensure_future(server.rpc.close())
    await asyncio.sleep(0)
    server.release.set()

    assert (await read_answer(reader))[1].endswith(b'"call 1"}')
    await closing
    assert await reader.read() == b""
    writer.close()
