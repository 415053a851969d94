"""
The public HTTP server: POST a JSON-RPC body to `/`, get its answer.

Where the extension is, simple requests come in by its front (`native_front`); all others go through aiohttp's low-level
server without a router: one path and one handler, since a request costs microseconds here. Bodies must say that they
are JSON, so that no web page can send one without asking first (CORS), and pages may ask only from the origins that the
operator names.
"""

import asyncio
import socket
import sys
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import RawRequestMessage
from aiohttp.streams import StreamReader
from aiohttp.web_protocol import RequestHandler

from sequencer import native

from . import metrics, native_front
from .dispatcher import Dispatcher, encode_error
from .errors import LimitExceeded, MalformedJson, RequestTimedOut
from .native_front import NativeFront
from .settings import RpcSettings

CONTENT_TYPES = frozenset({"application/json", "application/json-rpc", "application/jsonrpc"})
"""As geth accepts them."""

BACKLOG = 1024
"""Connections that may wait to be accepted."""

SHUTDOWN_SECONDS = 2.0
"""Time that requests in progress have when the server closes."""

GREETING = "This is a Braid node. It speaks JSON-RPC 2.0: POST requests to this address.\n"

HttpHandler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class HttpServer:
    """Listening sockets of aiohttp's low-level server, behind the native front where there is one."""

    def __init__(self, handle: HttpHandler, max_body_bytes: int, dispatcher: Dispatcher | None = None) -> None:
        """With `dispatcher`, simple requests may be answered by it without reaching `handle`."""
        self._handle = handle
        self._max_body_bytes = max_body_bytes
        self._dispatcher = dispatcher
        self._front: NativeFront | None = None
        self._server: web.Server | None = None
        self._listener: asyncio.Server | None = None
        self._port = 0

    @property
    def port(self) -> int:
        """The port that it listens on; known after `start`."""
        return self._port

    async def start(self, host: str, port: int) -> None:
        """Listen; port 0 takes a free one. Raises OSError when the port is in use."""
        server = web.Server(
            self._handle,
            request_factory=self._make_request,
            access_log=None,
            keepalive_timeout=native_front.IDLE_SECONDS,
        )
        if self._dispatcher is not None and native.is_available():
            sockets = await bind(host, port)
            self._port = int(sockets[0].getsockname()[1])
            dispatcher = self._dispatcher
            self._front = NativeFront(sockets, dispatcher.answer, dispatcher.submissions, server, self._max_body_bytes)
        else:
            loop = asyncio.get_running_loop()
            self._listener = await loop.create_server(server, host, port, backlog=BACKLOG)
            self._port = int(self._listener.sockets[0].getsockname()[1])
        self._server = server

    async def close(self) -> None:
        """Stop listening and end connections, after a short time for requests that run."""
        if self._server is None:
            return
        if self._listener is not None:
            self._listener.close()
        if self._front is not None:
            await self._front.close(SHUTDOWN_SECONDS)
        self._server.pre_shutdown()
        await self._server.shutdown(SHUTDOWN_SECONDS)
        if self._listener is not None:
            await self._listener.wait_closed()
        self._listener = self._server = self._front = None

    def _make_request(
        self,
        message: RawRequestMessage,
        payload: StreamReader,
        protocol: RequestHandler,
        writer: AbstractStreamWriter,
        task: "asyncio.Task[None]",
    ) -> web.BaseRequest:
        return web.BaseRequest(
            message, payload, protocol, writer, task, task.get_loop(), client_max_size=self._max_body_bytes
        )


class RpcServer:
    """JSON-RPC over HTTP for everybody."""

    def __init__(self, dispatcher: Dispatcher, settings: RpcSettings) -> None:
        self._dispatcher = dispatcher
        self._settings = settings
        self._http = HttpServer(self.handle, settings.max_body_bytes, dispatcher)

    @property
    def port(self) -> int:
        """The port that it listens on; known after `start`."""
        return self._http.port

    async def start(self, host: str, port: int) -> None:
        """Listen; port 0 takes a free one. Raises OSError when the port is in use."""
        await self._http.start(host, port)

    async def close(self) -> None:
        """Stop listening and end connections."""
        await self._http.close()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one HTTP request."""
        if request.method == "POST":
            response = await self._handle_post(request)
        elif request.method in ("GET", "HEAD"):
            response = web.Response(text=GREETING)
        elif request.method == "OPTIONS":
            response = web.Response(status=204, headers={"Allow": "POST, GET, HEAD, OPTIONS"})
        else:
            metrics.REFUSED_BODIES.labels("http_method").inc()
            response = web.Response(status=405, headers={"Allow": "POST, GET, HEAD, OPTIONS"})
        if self._settings.cors_origins:
            self._allow_origin(request, response)
        return response

    async def _handle_post(self, request: web.BaseRequest) -> web.Response:
        if request.content_type not in CONTENT_TYPES:
            metrics.REFUSED_BODIES.labels("content_type").inc()
            return web.Response(status=415, text="invalid content type, only application/json is supported\n")
        limit = self._settings.max_body_bytes
        if (request.content_length or 0) > limit:
            return _refuse_large(limit)
        try:
            if request.content.is_eof():  # a small body came with its headers: nothing to wait for
                body = await request.read()
            else:
                async with asyncio.timeout(self._settings.body_timeout_seconds):
                    body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return _refuse_large(limit)
        except TimeoutError:
            metrics.REFUSED_BODIES.labels("too_slow").inc()
            return _json(encode_error(None, RequestTimedOut(self._settings.body_timeout_seconds)), 408)
        except (web.RequestPayloadError, ValueError):
            metrics.REFUSED_BODIES.labels("not_json").inc()
            return _json(encode_error(None, MalformedJson()), 400)
        answer = await self._dispatcher.answer(body)
        return web.Response(status=204) if answer is None else _json(answer)

    def _allow_origin(self, request: web.BaseRequest, response: web.Response) -> None:
        origin = request.headers.get("Origin")
        origins = self._settings.cors_origins
        if origin is None or ("*" not in origins and origin not in origins):
            return
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Vary"] = "Origin"
        if request.method == "OPTIONS":
            response.headers["Access-Control-Allow-Methods"] = "POST, GET"
            response.headers["Access-Control-Allow-Headers"] = "Content-Type"
            response.headers["Access-Control-Max-Age"] = "600"


async def bind(host: str, port: int) -> list[socket.socket]:
    """A listening socket for each address of `host`; port 0 takes a free one, the same for all. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    sockets: list[socket.socket] = []
    try:
        for family, address in dict.fromkeys((family, address) for family, _, _, _, address in found):
            taken = sockets[0].getsockname()[1] if sockets else port
            sockets.append(socket.create_server((address[0], taken), family=family, backlog=BACKLOG))
            if sys.platform == "linux":  # what is accepted has it too: nobody holds an answer by reading none of it
                milliseconds = int(native_front.IDLE_SECONDS * 1000)
                sockets[-1].setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
    except OSError:
        for each in sockets:
            each.close()
        raise
    return sockets


def _refuse_large(limit: int) -> web.Response:
    metrics.REFUSED_BODIES.labels("too_large").inc()
    return _json(encode_error(None, LimitExceeded("bytes in a request body", limit)), 413)


def _json(body: bytes, status: int = 200) -> web.Response:
    return web.Response(status=status, body=body, content_type="application/json")
