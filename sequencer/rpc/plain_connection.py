"""
The short way of a request through HTTP: a whole POST of JSON in one piece, as every library sends it over and over.

    whole simple POST -> its body -> answer -> written at once
    anything else     -> the connection goes to aiohttp, with what came, and stays there

Nothing is parsed twice or half: a head is simple when its lines are all of a known form and none says more than what
the body is (`read_simple_head`). Whoever sends in pieces, in chunks, compressed, with `Expect` or from a web page is
served as ever. Measured: a third of what aiohttp's request and response objects cost.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from typing import TypeAlias, cast

Answer: TypeAlias = Callable[[bytes], Awaitable[bytes | None]]
"""A JSON body in, the answer out; None when there is nothing to say."""

CONTENT_TYPES = frozenset({"application/json", "application/json-rpc", "application/jsonrpc"})
"""As geth accepts them."""

IDLE_SECONDS = 75.0
"""A connection that asks nothing for so long is closed, as aiohttp does."""

MAX_HEADS = 1024
"""Heads whose length of body is remembered: those of one client differ in that alone."""

MAX_HEAD_BYTES = 4096

_REQUEST_LINE = b"POST / HTTP/1.1"
_HARMLESS = frozenset({b"host", b"accept", b"accept-encoding", b"accept-language", b"user-agent", b"cache-control"})
_PLAIN_TYPES = frozenset(name.encode() for name in CONTENT_TYPES)


def read_simple_head(head: bytes) -> int | None:
    """
    The length of the body that a simple head announces; None when the request is not of the simple kind.

    Simple: HTTP/1.1 POST of `/`, headers that say nothing of how to read the body but its length and that it is JSON,
    each at most once, and a connection that stays open.
    """
    request_line, *lines = head.split(b"\r\n")
    if request_line != _REQUEST_LINE:
        return None
    found: dict[bytes, bytes] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        name = name.lower()
        if not colon or name in found or b"\n" in line or b"\r" in line or b"\0" in line:
            return None
        found[name] = value.strip(b" \t")
    length, kind = found.pop(b"content-length", b""), found.pop(b"content-type", b"").lower()
    if b"host" not in found or found.pop(b"connection", b"keep-alive").lower() != b"keep-alive":
        return None
    if kind not in _PLAIN_TYPES or not found.keys() <= _HARMLESS:
        return None
    return int(length) if length.isdigit() and len(length) < 12 else None


class PlainConnections:
    """All connections that go the short way, and what they share."""

    def __init__(
        self,
        answer: Answer,
        fallback: Callable[[], asyncio.BaseProtocol],
        max_body_bytes: int,
        seconds_since_1970: Callable[[], float] = time.time,
    ) -> None:
        """`fallback` makes the protocol that a connection goes to for everything else."""
        self.answer = answer
        self.fallback = fallback
        self.open: set[PlainConnection] = set()
        self._max_body_bytes = max_body_bytes
        self._seconds_since_1970 = seconds_since_1970
        self._heads: dict[bytes, int | None] = {}
        self._date = b""
        self._date_second = -1

    def body_of(self, data: bytes) -> bytes | None:
        """The body when `data` is one whole simple request, else None."""
        end = data.find(b"\r\n\r\n", 0, MAX_HEAD_BYTES)
        if end < 0:
            return None
        head = data[:end]
        if head in self._heads:
            length = self._heads[head]
        else:
            length = read_simple_head(head)
            if len(self._heads) >= MAX_HEADS:
                self._heads.clear()
            self._heads[head] = length
        begin = end + 4
        if length is None or len(data) - begin != length or length > self._max_body_bytes:
            return None
        return data[begin:]

    def response(self, answer: bytes | None) -> bytes:
        """The bytes of a response."""
        second = int(self._seconds_since_1970())
        if second != self._date_second:
            self._date_second = second
            self._date = b"\r\nDate: " + formatdate(second, usegmt=True).encode() + b"\r\n\r\n"
        if answer is None:
            return b"HTTP/1.1 204 No Content" + self._date
        return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d%b%b" % (
            len(answer),
            self._date,
            answer,
        )

    async def close(self, seconds: float) -> None:
        """End the connections, after at most so long for requests that run."""
        tasks = [connection.task for connection in self.open if connection.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)
        for connection in list(self.open):
            connection.end()


class PlainConnection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self, connections: PlainConnections) -> None:
        self.task: asyncio.Task[None] | None = None
        self._connections = connections
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._early = b""
        """What came while a request was being answered."""
        self._used_at = self._loop.time()
        self._idle_check: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by class, but in all that it can
        self._connections.open.add(self)
        self._idle_check = self._loop.call_later(IDLE_SECONDS, self._check_idle)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone; a request that runs goes on to its end."""
        self._let_go()

    def data_received(self, data: bytes) -> None:
        """Begin to answer, or give the connection away."""
        if self.task is not None:
            self._early += data
            if self._transport is not None:
                self._transport.pause_reading()
            return
        body = self._connections.body_of(data)
        if body is None:
            self._give_away(data)
        else:
            self.task = self._loop.create_task(self._answer(body))

    def pause_writing(self) -> None:
        """The client does not read its answers: it is not read either."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """It does again."""
        if self._transport is not None and self.task is None:
            self._transport.resume_reading()

    def end(self) -> None:
        """Close the connection, whatever it does."""
        if self.task is not None:
            self.task.cancel()
        if self._transport is not None:
            self._transport.close()

    async def _answer(self, body: bytes) -> None:
        try:
            answer = await self._connections.answer(body)
            if self._transport is not None:
                self._transport.write(self._connections.response(answer))
        finally:
            self.task = None
            self._used_at = self._loop.time()
        if self._early and self._transport is not None:
            early, self._early = self._early, b""
            self._transport.resume_reading()
            self.data_received(early)

    def _give_away(self, data: bytes) -> None:
        """To aiohttp, for good."""
        transport = self._transport
        if transport is None:
            return
        self._let_go()
        protocol = cast(asyncio.Protocol, self._connections.fallback())  # a server of streams makes no other
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        protocol.data_received(data)

    def _let_go(self) -> None:
        self._transport = None
        self._connections.open.discard(self)
        if self._idle_check is not None:
            self._idle_check.cancel()

    def _check_idle(self) -> None:
        left = self._used_at + IDLE_SECONDS - self._loop.time()
        if left > 0 or self.task is not None:
            self._idle_check = self._loop.call_later(max(left, 1.0), self._check_idle)
        else:
            self.end()
