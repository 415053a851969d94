"""
The operator's HTTP server, on a loopback port of its own: metrics, liveness, readiness, and the `admin_` methods.

`/healthz` says that the event loop turns. `/readyz` says whether the node does its work now, with a reason for every
check that fails. Requests must name a loopback host: a web page that has a name resolve to this machine gets nothing.
"""

import asyncio
import ipaddress
from collections.abc import Mapping, Sequence
from typing import Protocol

import orjson
from aiohttp import web
from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from sequencer.primitives.clock import Clock

from .backend import ChainReader
from .server import CONTENT_TYPES, HttpServer

MAX_ADMIN_BODY_BYTES = 64 * 1024


class Answering(Protocol):
    """Whatever answers JSON-RPC bodies."""

    async def answer(self, body: bytes) -> bytes | None:
        """The answer; None when the body holds notifications alone."""
        ...


class ReadinessCheck(Protocol):
    """One thing that must be so for the node to do its work."""

    @property
    def name(self) -> str:
        """Key in the answer of `/readyz`."""
        ...

    def problem(self) -> str | None:
        """Why it is not so; None when all is well. Quick, from memory."""
        ...


class HeadIsFresh:
    """The latest block is not older than it may be."""

    name = "head"

    def __init__(self, chain: ChainReader, clock: Clock, max_age_seconds: float) -> None:
        self._chain = chain
        self._clock = clock
        self._max_age_seconds = max_age_seconds

    def problem(self) -> str | None:
        """How old the head is, when it is too old."""
        head = self._chain.heads.unsafe
        age = self._clock.now() - head.timestamp
        if age <= self._max_age_seconds:
            return None
        return f"latest block {head.number} is {age:.0f} s old, more than {self._max_age_seconds:.0f} s"


class AdminServer:
    """Metrics, health and administration; started on loopback."""

    def __init__(
        self,
        checks: Sequence[ReadinessCheck],
        dispatcher: Answering | None = None,
        registry: CollectorRegistry = REGISTRY,
    ) -> None:
        self._checks = checks
        self._dispatcher = dispatcher
        self._registry = registry
        self._http = HttpServer(self.handle, MAX_ADMIN_BODY_BYTES)

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
        if not is_direct_host(request.host):
            return web.Response(status=403, text="this port is reached by a loopback address only\n")
        if request.method == "POST" and request.path == "/":
            return await self._handle_post(request)
        if request.method != "GET":
            return web.Response(status=405, headers={"Allow": "GET, POST"})
        match request.path:
            case "/metrics":
                text = await asyncio.get_running_loop().run_in_executor(None, generate_latest, self._registry)
                return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE_LATEST})
            case "/healthz":
                return web.Response(text="ok\n")
            case "/readyz":
                return self._readiness()
            case _:
                return web.Response(status=404, text="/metrics /healthz /readyz\n")

    def _readiness(self) -> web.Response:
        problems = {check.name: check.problem() for check in self._checks}
        is_ready = all(problem is None for problem in problems.values())
        checks: Mapping[str, str] = {name: problem or "ok" for name, problem in problems.items()}
        body = orjson.dumps({"ready": is_ready, "checks": checks})
        return web.Response(status=200 if is_ready else 503, body=body, content_type="application/json")

    async def _handle_post(self, request: web.BaseRequest) -> web.Response:
        if self._dispatcher is None:
            return web.Response(status=404, text="this node has no admin methods\n")
        if request.content_type not in CONTENT_TYPES:
            return web.Response(status=415, text="invalid content type, only application/json is supported\n")
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return web.Response(status=413, text=f"at most {MAX_ADMIN_BODY_BYTES} bytes\n")
        answer = await self._dispatcher.answer(body)
        if answer is None:
            return web.Response(status=204)
        return web.Response(body=answer, content_type="application/json")


def is_direct_host(host: str) -> bool:
    """Whether a Host header names this machine by address or as localhost, not by some name that points to it."""
    name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    name = name.removeprefix("[").removesuffix("]")
    if name == "localhost":
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
