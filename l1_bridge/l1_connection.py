"""
The one door to web3.py: JSON-RPC calls to L1 over HTTP, bounded in time and size.

Answers come back as plain JSON: what they mean, and whether they are true, is
for `l1_client` to say. No retries here; whoever calls decides whether to try
again. web3.py is imported on first use, since importing it takes most of a
second and not every process needs L1.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp

from l1_bridge import metrics
from l1_bridge.errors import L1Refused, L1Unavailable
from l1_bridge.json_fields import MalformedField, parse_bytes

if TYPE_CHECKING:
    from web3 import AsyncHTTPProvider, AsyncWeb3

DEFAULT_TIMEOUT_SECONDS = 10.0
"""A block with all receipts of a busy chain takes a second or two; more is an L1 that is away."""

DEFAULT_RESPONSE_LIMIT_BYTES = 64 * 1024 * 1024
"""Receipts of a full block are some 10 MB of JSON; beyond this the answer is not read on."""

MAX_ERROR_TEXT = 300
"""Characters of a node's error message that are kept."""


@dataclass(frozen=True, slots=True)
class L1Endpoint:
    """Where L1 is, and how long and how much is waited for."""

    url: str
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
    response_limit_bytes: int = DEFAULT_RESPONSE_LIMIT_BYTES


class ResponseTooLarge(aiohttp.ClientError):
    """The body is larger than the limit; the rest was not read."""


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
        from web3.exceptions import Web3Exception
        from web3.types import RPCEndpoint

        metrics.L1_REQUESTS.labels(method).inc()
        try:
            async with asyncio.timeout(self._timeout_seconds):
                response: object = await self._web3.provider.make_request(RPCEndpoint(method), list(parameters))
        except TimeoutError:
            raise _unavailable(method, f"no answer within {self._timeout_seconds} s") from None
        except (aiohttp.ClientError, OSError, ValueError, Web3Exception) as error:
            raise _unavailable(method, _describe(error)) from error
        if not isinstance(response, Mapping):
            raise _unavailable(method, "the answer is not a JSON-RPC object")
        if response.get("error") is not None:
            raise _refused(method, response["error"])
        if "result" not in response:
            raise _unavailable(method, "the answer has neither result nor error")
        result: object = response["result"]
        return result


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
