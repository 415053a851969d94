"""A small JSON-RPC client for our own processes: asks a node whether it is there and what it holds."""

import asyncio
from collections.abc import Sequence

import aiohttp
import orjson

from l1_bridge.errors import TemporaryError


class RpcFailed(TemporaryError):
    """No answer, or an error instead of one."""


class JsonRpcClient:
    """Calls one URL over one session; every call ends within `timeout_seconds`."""

    def __init__(self, session: aiohttp.ClientSession, url: str, timeout_seconds: float = 5.0) -> None:
        self._session = session
        self._url = url
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)

    async def call(self, method: str, *params: object) -> object:
        """The result of `method`; raise RpcFailed with the reason where there is none."""
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        try:
            async with self._session.post(self._url, json=request, timeout=self._timeout) as response:
                answer = orjson.loads(await response.read())
        except (aiohttp.ClientError, TimeoutError, ValueError) as reason:
            raise RpcFailed(f"{self._url} {method}: {type(reason).__name__}: {reason}") from None
        if not isinstance(answer, dict) or "result" not in answer:
            raise RpcFailed(f"{self._url} {method}: {answer.get('error') if isinstance(answer, dict) else answer}")
        return answer["result"]

    async def call_many(self, method: str, calls: Sequence[Sequence[object]]) -> list[object]:
        """The results of several calls of one method, in one request; raise RpcFailed where one has none."""
        requests = [
            {"jsonrpc": "2.0", "id": index, "method": method, "params": list(params)}
            for index, params in enumerate(calls)
        ]
        try:
            async with self._session.post(self._url, json=requests, timeout=self._timeout) as response:
                answers = orjson.loads(await response.read())
        except (aiohttp.ClientError, TimeoutError, ValueError) as reason:
            raise RpcFailed(f"{self._url} {method}: {type(reason).__name__}: {reason}") from None
        found = {item["id"]: item["result"] for item in answers if isinstance(item, dict) and "result" in item}
        if not isinstance(answers, list) or len(found) != len(calls):
            raise RpcFailed(f"{self._url} {method}: {len(found)} results for {len(calls)} calls")
        return [found[index] for index in range(len(calls))]

    async def block_number(self) -> int:
        """Number of the newest block."""
        return int(str(await self.call("eth_blockNumber")), 16)

    async def wait_until_ready(self, at_least: int, seconds: float) -> None:
        """Wait until block `at_least` is there; raise RpcFailed when it is not within `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                while not await self._has_block(at_least):  # noqa: ASYNC110  another process: nothing signals us
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise RpcFailed(f"{self._url} did not reach block {at_least} within {seconds:g} s") from None

    async def _has_block(self, number: int) -> bool:
        try:
            return await self.block_number() >= number
        except RpcFailed:
            return False


async def call_once(url: str, method: str, *params: object) -> object:
    """The result of one call over a session of its own; raise RpcFailed where there is none."""
    async with aiohttp.ClientSession() as session:
        return await JsonRpcClient(session, url).call(method, *params)
