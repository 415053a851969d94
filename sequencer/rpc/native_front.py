"""
The native front as the event loop sees it: simple requests come read, and go back to be written.

    calls of `eth_sendRawTransaction`, decoded  -> `submissions`, all that came in one turn together
    other bodies                                -> a task each
    connections that are not simple             -> aiohttp, with what came on them

HTTP itself is the work of a thread of the extension: none of Python's has a part in it, and what is not simple it gives
away unread. Measured in `docs/performance.md`.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from typing import TypeAlias, cast

import structlog

from sequencer.mempool.admission import MAX_TRANSACTION_BYTES
from sequencer.native import extension

from .submissions import Submissions

logger = structlog.get_logger(__name__)

Answer: TypeAlias = Callable[[bytes], Awaitable[bytes | None]]
"""A JSON body in, the answer out; None when there is nothing to say."""

Fallback: TypeAlias = Callable[[], asyncio.BaseProtocol]
"""Makes the protocol that a connection goes to for everything that is not simple."""

IDLE_SECONDS = 75.0
"""A connection that asks nothing, or takes nothing of its answer, for so long is closed."""


class NativeFront:
    """Serves listening sockets, which belong to it; should the extension's thread fail, aiohttp serves them."""

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        answer: Answer,
        submissions: Submissions | None,
        fallback: Fallback,
        max_body_bytes: int,
    ) -> None:
        """Without `submissions` calls are bodies like others."""
        assert extension is not None
        self._answer = answer
        self._submissions = submissions
        self._fallback = fallback
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended = asyncio.Event()
        self._is_closing = False
        self._sockets = sockets
        self._replacements: list[asyncio.Server] = []
        max_transaction_bytes = 0 if submissions is None else MAX_TRANSACTION_BYTES
        descriptors = [each.fileno() for each in sockets]
        self._front = extension.HttpFront(descriptors, max_body_bytes, max_transaction_bytes, IDLE_SECONDS)
        self._loop.add_reader(self._front.fileno(), self._take)

    async def close(self, seconds: float) -> None:
        """End the connections, after at most so long for requests that are under way."""
        self._is_closing = True
        for server in self._replacements:
            server.close()
        for each in self._sockets:
            each.close()
        self._front.drain()
        try:
            async with asyncio.timeout(seconds):
                await self._ended.wait()
        except TimeoutError:
            self._front.close()
            await self._ended.wait()
        for task in self._tasks:
            task.cancel()

    def _take(self) -> None:
        (connections, raws, found), bodies, given, is_over = self._front.take()
        if connections:
            assert self._submissions is not None
            self._submissions.submit(raws, found, partial(self._front.answer_calls, connections))
        for connection, body in bodies:
            self._begin(self._serve(connection, body))
        for descriptor, received in given:
            self._begin(self._give_away(socket.socket(fileno=descriptor), received))
        if is_over:
            self._end()

    def _end(self) -> None:
        self._ended.set()
        self._loop.remove_reader(self._front.fileno())
        if not self._is_closing:
            logger.error("http_front_failed", reason="its thread has ended; aiohttp serves from now on")
            self._begin(self._replace())

    async def _replace(self) -> None:
        for each in self._sockets:
            self._replacements.append(await self._loop.create_server(self._fallback, sock=each))

    def _begin(self, work: Coroutine[object, object, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, connection: int, body: bytes) -> None:
        self._front.answer(connection, await self._answer(body))

    async def _give_away(self, connection: socket.socket, received: bytes) -> None:
        try:
            await self._loop.connect_accepted_socket(lambda: _Newcomer(self._fallback, received), connection)
        except OSError as reason:  # the client is gone already
            logger.debug("rpc_connection_lost", reason=str(reason))


class _Newcomer(asyncio.Protocol):
    """Gives a connection to another protocol, with what came on it before."""

    def __init__(self, fallback: Fallback, received: bytes) -> None:
        self._fallback = fallback
        self._received = received

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Hand everything over."""
        protocol = cast(asyncio.Protocol, self._fallback())  # a server of streams makes no other
        cast(asyncio.Transport, transport).set_protocol(protocol)  # uvloop's is none by class, but in all that it can
        protocol.connection_made(transport)
        protocol.data_received(self._received)
