"""
The one door to web3.py: JSON-RPC calls to L1 over HTTP, bounded in time and size.

Answers come back as plain JSON: what they mean, and whether they are true, is
for `l1_client` to say. No retries here; whoever calls decides whether to try
again. A batch is one request with several calls, whose answers are told apart
by their ids; `l1_batching` decides what goes into one. web3.py is imported on
first use, since importing it takes most of a second and not every process
needs L1.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp

from l1_bridge import metrics
from l1_bridge.errors import L1Refused, L1Unavailable, TemporaryError
from l1_bridge.json_fields import MalformedField, parse_bytes

if TYPE_CHECKING:
    from web3 import AsyncHTTPProvider, AsyncWeb3

DEFAULT_TIMEOUT_SECONDS = 10.0
"""A block with all receipts of a busy chain takes a second or two; more is an L1 that is away."""

DEFAULT_RESPONSE_LIMIT_BYTES = 64 * 1024 * 1024
"""Receipts of a full block are some 10 MB of JSON; beyond this the answer is not read on."""

MAX_ERROR_TEXT = 300
"""Characters of a node's error message that are kept."""

NOT_NOW_STATUSES = frozenset({401, 408, 425, 429})
"""HTTP statuses 4xx that say nothing about the request: no key, too slow, too often."""


@dataclass(frozen=True, slots=True)
class L1Call:
    """One JSON-RPC call."""

    method: str
    parameters: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class L1Endpoint:
    """Where L1 is, and how long and how much is waited for."""

    url: str
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
    response_limit_bytes: int = DEFAULT_RESPONSE_LIMIT_BYTES


class ResponseTooLarge(aiohttp.ClientError):
    """The body is larger than the limit; the rest was not read."""


class BatchRefused(TemporaryError):
    """The node does not take the calls as one batch, or does not answer them as one; alone it may."""

    def __init__(self, calls: int, reason: str) -> None:
        super().__init__(f"L1 did not take a batch of {calls} calls: {reason}")
        self.calls = calls
        self.reason = reason


class L1Connection:
    """JSON-RPC to one L1 node."""

    def __init__(self, web3: "AsyncWeb3[AsyncHTTPProvider]", timeout_seconds: float) -> None:
        self._web3 = web3
        self._timeout_seconds = timeout_seconds

    @classmethod
    @contextlib.asynccontextmanager
    async def connect(cls, endpoint: L1Endpoint) -> AsyncIterator["L1Connection"]:
        """Open a connection pool to `endpoint`; nothing is asked yet, so an L1 that is away does not matter here."""
        from web3 import AsyncWeb3

        timeout = aiohttp.ClientTimeout(total=endpoint.timeout_seconds)
        response_class = bounded_response(endpoint.response_limit_bytes)
        async with aiohttp.ClientSession(timeout=timeout, response_class=response_class) as session:
            provider = _provider_class()(session, endpoint.url)
            yield cls(AsyncWeb3(provider), endpoint.timeout_seconds)

    async def call(self, method: str, *parameters: object) -> object:
        """
        The result of one JSON-RPC call, as JSON.

        Raises
        ------
        L1Unavailable
            No answer in time, an HTTP error, or an answer that is no JSON-RPC response.
        L1Refused
            The node answered with an error.
        """
        from web3.types import RPCEndpoint

        metrics.L1_REQUESTS.labels(method).inc()
        response = await self._wait(method, self._web3.provider.make_request(RPCEndpoint(method), list(parameters)))
        return get_result(method, response)

    async def call_many(self, calls: Sequence[L1Call]) -> list[Mapping[str, object]]:
        """
        JSON-RPC responses to several calls made in one request, in the order of the calls; `get_result` reads them.

        Raises
        ------
        L1Unavailable
            No answer in time, or an HTTP error that says nothing about the request.
        BatchRefused
            An answer that is no batch, that is too large, or that has not exactly one response to each call.
        """
        from web3.types import RPCEndpoint

        for call in calls:
            metrics.L1_REQUESTS.labels(call.method).inc()
        request = self._web3.provider.make_batch_request(
            [(RPCEndpoint(call.method), list(call.parameters)) for call in calls]
        )
        try:
            return _match(await self._wait(f"a batch of {len(calls)} calls", request), len(calls))
        except L1Unavailable as error:
            if _is_about_the_request(error.__cause__):
                raise BatchRefused(len(calls), error.reason) from error
            raise

    async def _wait(self, what: str, request: Awaitable[object]) -> object:
        from web3.exceptions import Web3Exception

        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await request
        except TimeoutError:
            raise _unavailable(what, f"no answer within {self._timeout_seconds} s") from None
        except (aiohttp.ClientError, OSError, ValueError, Web3Exception) as error:
            raise _unavailable(what, _describe(error)) from error


def get_result(method: str, response: object) -> object:
    """What a JSON-RPC response says; raises L1Refused, or L1Unavailable for one that is none."""
    if not isinstance(response, Mapping):
        raise _unavailable(method, "the answer is not a JSON-RPC object")
    if response.get("error") is not None:
        raise _refused(method, response["error"])
    if "result" not in response:
        raise _unavailable(method, "the answer has neither result nor error")
    result: object = response["result"]
    return result


def _match(answer: object, calls: int) -> list[Mapping[str, object]]:
    """Responses in the order of the calls, whose ids are their positions; raises BatchRefused."""
    if not isinstance(answer, list):
        said = answer.get("error") if isinstance(answer, Mapping) else None
        raise BatchRefused(calls, str(said or "the answer is not a list")[:MAX_ERROR_TEXT])
    found: dict[int, Mapping[str, object]] = {}
    for response in answer:
        id = response.get("id") if isinstance(response, Mapping) else None
        if type(id) is not int or not 0 <= id < calls:
            raise BatchRefused(calls, "it answers to what was not asked")
        if id in found:
            raise BatchRefused(calls, "it answers twice to one call")
        found[id] = response
    if len(found) < calls:
        raise BatchRefused(calls, f"it answers to {len(found)} of them")
    return [found[position] for position in range(calls)]


def _is_about_the_request(error: BaseException | None) -> bool:
    """Whether a smaller request may be answered where this one was not."""
    if isinstance(error, aiohttp.ClientResponseError):
        return 400 <= error.status < 500 and error.status not in NOT_NOW_STATUSES
    return isinstance(error, ResponseTooLarge | ValueError)


def _describe(error: Exception) -> str:
    """What went wrong, without the URL: that of an L1 provider holds a key."""
    if isinstance(error, aiohttp.ClientResponseError):
        return f"HTTP status {error.status} {error.message}"
    if isinstance(error, aiohttp.InvalidURL):
        return "the URL is malformed"
    return f"{type(error).__name__}: {error}"


def _unavailable(method: str, reason: str) -> L1Unavailable:
    metrics.L1_FAILURES.labels("unavailable").inc()
    return L1Unavailable(method, reason[:MAX_ERROR_TEXT])


def _refused(method: str, error: object) -> L1Refused:
    metrics.L1_FAILURES.labels("refused").inc()
    if not isinstance(error, Mapping):
        return L1Refused(method, 0, str(error)[:MAX_ERROR_TEXT])
    code = error.get("code")
    data = b""
    with contextlib.suppress(MalformedField):
        data = parse_bytes("data", error.get("data"))
    return L1Refused(method, code if isinstance(code, int) else 0, str(error.get("message", ""))[:MAX_ERROR_TEXT], data)


def _provider_class() -> "Callable[[aiohttp.ClientSession, str], AsyncHTTPProvider]":
    """
    web3.py's provider with a session of ours and a parser of bounded depth.

    The provider's own session cache is behind a lock that a cancelled request never gives back, after which no request
    is sent any more; and its parser can overrun the C stack on deep nesting.
    """
    import orjson
    from web3 import AsyncHTTPProvider
    from web3.types import RPCEndpoint, RPCResponse

    class OneSessionProvider(AsyncHTTPProvider):
        def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
            super().__init__(url, exception_retry_configuration=None)
            self._session = session
            self._url = url

        async def _make_request(self, method: RPCEndpoint, request_data: bytes) -> bytes:
            headers = self.get_request_headers()
            async with self._session.post(self._url, data=request_data, headers=headers) as response:
                response.raise_for_status()
                return await response.read()

        async def make_batch_request(
            self, batch_requests: list[tuple[RPCEndpoint, object]]
        ) -> list[RPCResponse] | RPCResponse:
            requests = [
                {"jsonrpc": "2.0", "id": position, "method": method, "params": parameters}
                for position, (method, parameters) in enumerate(batch_requests)
            ]
            answer = await self._make_request(RPCEndpoint("batch"), orjson.dumps(requests))
            responses: list[RPCResponse] | RPCResponse = orjson.loads(answer)
            return responses

        @staticmethod
        def decode_rpc_response(raw_response: bytes) -> RPCResponse:
            response: RPCResponse = orjson.loads(raw_response)
            return response

    return OneSessionProvider


def bounded_response(limit_bytes: int) -> type[aiohttp.ClientResponse]:
    """A response class that stops reading a body at the limit, whatever its length header says."""

    class BoundedResponse(aiohttp.ClientResponse):
        async def read(self) -> bytes:
            if self._body is None:
                chunks: list[bytes] = []
                size = 0
                async for chunk in self.content.iter_any():
                    size += len(chunk)
                    if size > limit_bytes:
                        self.close()
                        raise ResponseTooLarge(f"more than {limit_bytes} bytes")
                    chunks.append(chunk)
                self._body = b"".join(chunks)
            return self._body

    return BoundedResponse
