"""Whatever bytes come over HTTP: the native front gives the status and the body that aiohttp gives alone."""

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sequencer import native
from sequencer.rpc.dispatcher import Dispatcher
from sequencer.rpc.eth_transactions import METHODS
from sequencer.rpc.server import RpcServer
from sequencer.rpc.settings import RpcSettings
from tests.factories import make_transaction
from tests.fakes.rpc_backend import make_world
from tests.missing_tools import needs_extension

pytestmark = needs_extension
EXAMPLES = settings(max_examples=100, deadline=None)

RAW = "0x" + make_transaction().raw.hex()
USUAL = [b"Host: node", b"Content-Type: application/json"]
EMPTY_LINES = b"\r\n" * 40
"""They are a body, the end of a head, and nothing before a request: whatever length a changed head has, none is cut."""

LINES = st.sampled_from(
    [
        *(
            b"%b: %b" % (name, value)
            for name in (b"Accept", b"Host", b"X-Other")
            for value in (b"a", b"", b"\xfc", b"\t")
        ),
        *(
            b"Content-Type: " + kind
            for kind in (b"application/json-rpc", b"Application/JSON", b"text/plain", b"", b",")
        ),
        *(b"Content-Type: application/json" + more for more in (b";charset=x", b" ;", b"\t", b"/", b" x")),
        *(b"Connection: " + value for value in (b"close", b"Keep-Alive", b"keep-alive, close", b"", b"upgrade")),
        *(b"Transfer-Encoding: " + value for value in (b"chunked", b"identity", b"", b"gzip, chunked", b"\x0bchunked")),
        *(b"Content-Encoding: " + value for value in (b"identity", b"gzip", b"")),
        *(
            b"Content-Length: " + value
            for value in (b"0", b"2", b"02", b"+2", b"0x2", b"2,2", b"", b"99999", b"2\t", b"2 ")
        ),
        b"content-length : 5",
        b"Content_Length: 5",
        b"Accept: a\nContent-Length: 1",
        b"Accept: a\rContent-Length: 1",
        b" folded",
        b"\tfolded",
        b":",
        b"Accept\0: a",
        b"Expect: 100-continue",
        b"Upgrade: h2c",
        b"User-Agent: " + b"x" * 4100,
        b"User-Agent: " + b"x" * 9000,
    ]
)
FIRST_LINES = st.sampled_from([b"POST / HTTP/1.1"] * 20) | st.sampled_from(
    [
        b"post / HTTP/1.1",
        b"POST  / HTTP/1.1",
        b"POST /\tHTTP/1.1",
        b"POST / HTTP/1.1 ",
        b"POST / HTTP/1.0",
        b"POST / HTTP/1.2",
        b"POST / HTTP/2.0",
        b"POST / http/1.1",
        b"POST /",
        b"POST // HTTP/1.1",
        b"POST /? HTTP/1.1",
        b"POST * HTTP/1.1",
        b"POST http://node/ HTTP/1.1",
        b"GET / HTTP/1.1",
        b"PUT / HTTP/1.1",
        b"\r\nPOST / HTTP/1.1",
        b"\nPOST / HTTP/1.1",
        b" POST / HTTP/1.1",
        b"\x16\x03\x01POST / HTTP/1.1",
    ]
)

SPACE = st.sampled_from([""] * 8 + [" ", "\t\r\n ", "\ufeff", "\x0b", "\xa0", "\0"])
NUMBERS = "0 7 -0 -1 01 1.0 1e2 1E400 18446744073709551615 18446744073709551616 9007199254740993 null true [] [1] NaN"
STRINGS = '"" "\\u0041" "\\ud800" "\\"" "\x7f" "\x1f" "\u2028" "\U0001f600" "\ufffe" \'a\''
IDS = (
    st.sampled_from([*NUMBERS.split(), *STRINGS.split(" ")])
    | st.text(max_size=5).map(lambda text: f'"{text}"')
    | st.sampled_from([255, 256, 257]).map(lambda count: '"' + "\U0001f600" * count + '"')
)
RAWS = st.sampled_from([RAW] * 6) | st.sampled_from(
    [
        RAW.upper(),
        "0X" + RAW[2:],
        "0x" + RAW,
        RAW[2:],
        RAW + "0",
        RAW + "00",
        RAW + " ",
        "0x",
        "",
        "0x 1",
        "0x0\\u0031",
        "0x\uff11\uff11",
    ]
)
PARAMS = RAWS.map(lambda raw: f'["{raw}"]') | st.sampled_from(
    [
        "[]",
        "null",
        "{}",
        "1",
        '"0x00"',
        "[null]",
        "[1]",
        '[["0x00"]]',
        f'["{RAW}","{RAW}"]',
        f'["{RAW}",]',
        '{"0":"0x"}',
    ]
)
METHOD = st.sampled_from(["eth_sendRawTransaction"] * 6 + ["eth_sendRawTransactio\\u006e", "eth_absent", ""])


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """A call that may be taken for the usual form, and may be none."""
    members = [
        ("jsonrpc", draw(st.sampled_from(['"2.0"'] * 6 + ["2.0", '"2.\\u0030"', '"1.0"']))),
        ("id", draw(IDS)),
        ("method", f'"{draw(METHOD)}"'),
        ("params", draw(PARAMS)),
    ]
    if draw(st.integers(0, 9)) == 0:  # the members' values alone
        return ("[" + ",".join(value for _, value in members) + "]").encode("utf-8", "surrogatepass")
    members = draw(st.permutations(members))
    extra = draw(st.sampled_from([None] * 6 + ["id", "params", "more", "\\u0069d", "Id", "jsonrpc"]))
    if extra is not None:
        members.append((extra, draw(IDS)))
    if draw(st.integers(0, 5)) == 0:
        members.pop(0)
    space = draw(SPACE)
    text = space + "{" + ("," + space).join(f'"{name}":{space}{value}' for name, value in members) + "}" + draw(SPACE)
    if draw(st.integers(0, 9)) == 0:
        text = f"[{text}]"
    return changed(text.encode("utf-8", "surrogatepass"), draw)


@st.composite
def heads(draw: st.DrawFn) -> bytes:
    """The head of a request with a body of the usual length, or nearly one."""
    lines = draw(st.permutations([*USUAL, b"Content-Length: %d" % len(EMPTY_LINES)]))
    for line in draw(st.lists(LINES, max_size=2)):
        name = line.split(b":")[0].lower()
        if draw(st.booleans()):
            lines = [kept for kept in lines if kept.split(b":")[0].lower() != name]
        lines.insert(draw(st.integers(0, len(lines))), line)
    end = draw(st.sampled_from([b"\r\n"] * 12 + [b"\n", b"\r", b"\r\r\n"]))
    return changed(end.join([draw(FIRST_LINES), *lines, b"", b""]), draw)


def changed(data: bytes, draw: st.DrawFn) -> bytes:
    """The same, or with a byte changed, left out, or put in."""
    if not data or draw(st.integers(0, 3)):
        return data
    at, kept, byte = draw(st.integers(0, len(data) - 1)), draw(st.integers(0, 1)), draw(st.binary(max_size=1))
    return data[:at] + byte + data[at + kept :]


class Ways:
    """The same server twice, with the front and without, on a loop of its own."""

    def __init__(self, runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch) -> None:
        self._runner = runner
        self._worlds = [make_world(count=2, settings=RpcSettings(max_body_bytes=20_000)) for _ in range(2)]
        self._servers = [RpcServer(Dispatcher(one.backend, METHODS), one.backend.settings) for one in self._worlds]
        with monkeypatch.context() as patched:
            patched.setattr(native, "is_available", lambda: False)
            runner.run(self._servers[0].start("127.0.0.1", 0))
        runner.run(self._servers[1].start("127.0.0.1", 0))

    def close(self) -> None:
        for server, world in zip(self._servers, self._worlds, strict=True):
            self._runner.run(server.close())
            world.backend.close()

    def assert_same(self, request: bytes, cut: int, patience: float = 30.0) -> None:
        """Both give the same answer; where aiohttp has none for so many seconds, it waits for more, and so do we."""
        expected = self._runner.run(ask(self._servers[0].port, request, cut, patience))
        if expected is not None:
            assert self._runner.run(ask(self._servers[1].port, request, cut, 30.0)) == expected


@pytest.fixture(scope="module")
def ways() -> Iterator[Ways]:
    with pytest.MonkeyPatch.context() as monkeypatch, asyncio.Runner() as runner:
        made = Ways(runner, monkeypatch)
        yield made
        made.close()


async def ask(port: int, request: bytes, cut: int, seconds: float) -> tuple[bytes, bytes] | None:
    """Status and JSON body of the first answer; None when none comes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(seconds):
            writer.write(request[:cut])
            for _ in range(4):  # let the server have the first piece alone
                await asyncio.sleep(0)
            writer.write(request[cut:])
            return await read_answer(reader)
    except (TimeoutError, ConnectionError, asyncio.IncompleteReadError):
        return None
    finally:
        writer.transport.abort()


async def read_answer(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    status, lines = head.split(b" ")[1], head.lower().split(b"\r\n")
    lengths = [line.split(b":")[1] for line in lines if line.startswith(b"content-length")]
    body = await reader.readexactly(int(lengths[0])) if lengths else b""
    return status, body if b"content-type: application/json" in lines else b""


@EXAMPLES
@given(body=bodies(), cut=st.integers(0, 400))
@example(body=f'["2.0",1,"eth_sendRawTransaction",["{RAW}"]]'.encode(), cut=0)
def test_bodies_have_the_same_answer(ways: Ways, body: bytes, cut: int) -> None:
    head = b"\r\n".join([b"POST / HTTP/1.1", *USUAL, b"Content-Length: %d" % len(body), b"", b""])

    ways.assert_same(head + body, cut)


@EXAMPLES
@given(head=heads(), cut=st.integers(0, 400))
def test_heads_have_the_same_answer(ways: Ways, head: bytes, cut: int) -> None:
    ways.assert_same(head + EMPTY_LINES, cut, patience=0.1)
