"""Requests that go the short way through HTTP, and those that do not; whoever sends what, the answer is the same."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from sequencer.rpc import plain_connection
from sequencer.rpc.dispatcher import Dispatcher
from sequencer.rpc.method import Runs, method
from sequencer.rpc.plain_connection import PlainConnection, read_simple_head
from sequencer.rpc.server import RpcServer
from sequencer.rpc.settings import RpcSettings
from tests.fakes.rpc_backend import World, make_world

BODY = b'{"jsonrpc":"2.0","id":1,"method":"test_echo","params":[]}'
HEAD = b"POST / HTTP/1.1\r\nHost: node\r\nContent-Type: application/json\r\nContent-Length: %d" % len(BODY)
REQUEST = HEAD + b"\r\n\r\n" + BODY


class Server:
    """A server with one method, and how many connections went the short way."""

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


@pytest.fixture
async def server() -> AsyncIterator[Server]:
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


@pytest.fixture
def given_away(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What connections were given to aiohttp with."""
    given: list[bytes] = []
    give_away = PlainConnection._give_away

    def give_and_tell(self: PlainConnection, data: bytes) -> None:
        given.append(data)
        give_away(self, data)

    monkeypatch.setattr(PlainConnection, "_give_away", give_and_tell)
    return given


def head(*lines: bytes, length: bytes = b"5") -> bytes:
    names = {line.split(b":")[0].lower() for line in lines}
    usual = {b"host": b"node", b"content-type": b"application/json", b"content-length": length}
    return b"\r\n".join(
        [b"POST / HTTP/1.1", *(b"%b: %b" % item for item in usual.items() if item[0] not in names), *lines]
    )


SIMPLE = {
    "usual": head(),
    "other letters": head(b"CONTENT-LENGTH:5", b"hOsT:  node \t"),
    "rpc type": head(b"Content-Type: application/json-rpc"),
    "what libraries add": head(b"Accept: */*", b"Accept-Encoding: gzip", b"User-Agent: x", b"Connection: Keep-Alive"),
}

NOT_SIMPLE = {
    "http 1.0": head().replace(b"1.1", b"1.0"),
    "get": head().replace(b"POST", b"GET"),
    "other path": head().replace(b" / ", b" /x "),
    "no host": head().replace(b"host: node\r\n", b""),
    "no length": head().replace(b"content-length: 5", b"accept: */*"),
    "length that is none": head(length=b"5x"),
    "negative length": head(length=b"-5"),
    "signed length": head(length=b"+5"),
    "endless length": head(length=b"9" * 12),
    "length twice": head(b"Content-Length: 5") + b"\r\nContent-Length: 6",
    "chunks": head(b"Transfer-Encoding: chunked"),
    "compressed": head(b"Content-Encoding: gzip"),
    "expects": head(b"Expect: 100-continue"),
    "closes": head(b"Connection: close"),
    "upgrades": head(b"Connection: Upgrade", b"Upgrade: websocket"),
    "web page": head(b"Origin: https://page.example"),
    "text": head(b"Content-Type: text/plain"),
    "charset": head(b"Content-Type: application/json; charset=utf-8"),
    "no colon": head(b"Accept"),
    "folded": head(b"Accept: a", b" b"),
    "bare line feed": head(b"Accept: a\nContent-Length: 7"),
    "blank before the colon": head(b"Content-Length : 7"),
    "zero byte": head(b"Accept: \0"),
}


@pytest.mark.parametrize("case", SIMPLE)
def test_simple_heads_say_how_long_the_body_is(case: str) -> None:
    assert read_simple_head(SIMPLE[case]) == 5


@pytest.mark.parametrize("case", NOT_SIMPLE)
def test_heads_that_say_anything_else_are_not_simple(case: str) -> None:
    assert read_simple_head(NOT_SIMPLE[case]) is None


async def test_whole_simple_requests_go_the_short_way(server: Server, given_away: list[bytes]) -> None:
    (answer,) = await server.ask(REQUEST)

    assert answer[0].startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Content-Type: application/json\r\n" in answer[0]
    assert b"\r\nDate: " in answer[0]
    assert answer[1] == b'{"jsonrpc":"2.0","id":1,"result":"call 1"}'
    assert given_away == []


@pytest.mark.parametrize("cut", [1, 20, len(HEAD), len(HEAD) + 4, len(REQUEST) - 1])
async def test_request_in_two_pieces_is_answered(server: Server, cut: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.rpc.port)
    writer.write(REQUEST[:cut])
    for _ in range(5):  # let the server have the first piece alone
        await asyncio.sleep(0)
    writer.write(REQUEST[cut:])

    assert (await read_answer(reader))[1].endswith(b'"call 1"}')
    writer.close()


@pytest.mark.parametrize("line", [b"Connection: close", b"Origin: https://page.example", b"X-Anything: 1"])
async def test_other_requests_are_answered_by_the_long_way(
    server: Server, given_away: list[bytes], line: bytes
) -> None:
    request = HEAD + b"\r\n" + line + b"\r\n\r\n" + BODY

    (answer,) = await server.ask(request)

    assert answer[1].endswith(b'"call 1"}')
    assert given_away == [request]


async def test_connection_that_was_given_away_is_served_on(server: Server, given_away: list[bytes]) -> None:
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
    assert given_away == [other]


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


async def test_idle_connection_is_closed(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_connection, "IDLE_SECONDS", 0.01)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.rpc.port)

    assert await reader.read() == b""
    writer.close()


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


async def test_heads_that_are_remembered_are_bounded(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_connection, "MAX_HEADS", 4)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.rpc.port)
    for number in range(20):
        writer.write(HEAD + b"\r\nUser-Agent: %d\r\n\r\n" % number + BODY)
        await read_answer(reader)
    plain = server.rpc._http._plain

    assert plain is not None
    assert 0 < len(plain._heads) <= 4
    writer.close()
