"""
A JSON-RPC server over loopback that knows the L1 blocks of op-node's chain, and can lie about them in every way.

`overrides` changes the answer to a method, `batch_override` that to a whole batch.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable

from aiohttp import web

from tests.unit.l1_bridge.vector_chain import load_chain

Json = dict[str, object]
Override = Callable[[object], object]
"""From the true result to the one that is answered."""

BatchOverride = Callable[[list[Json]], web.Response]
"""From the true answers to what is sent."""


class FakeL1Server:
    """The server's state; tests change it between requests."""

    def __init__(self) -> None:
        entries: list[dict[str, Json]] = load_chain("calldata")["l1"]  # type: ignore[assignment]
        self.blocks: list[Json] = [entry["block"] for entry in entries]
        self.receipts: dict[object, object] = {entry["block"]["hash"]: entry["receipts"] for entry in entries}
        self.overrides: dict[str, Override] = {}
        self.results: dict[str, object] = {}
        """Answers to methods that it does not know."""
        self.body: bytes | None = None
        """Sent instead of any answer."""
        self.error: Json | None = None
        self.status = 200
        self.silence: asyncio.Event | None = None
        """No answer before this is set."""
        self.was_asked = asyncio.Event()
        self.requests: list[str] = []
        """Methods, of calls alone and of those in batches."""
        self.batches: list[int] = []
        """Calls of each batch."""
        self.batch_override: BatchOverride | None = None
        self.params: list[object] = []
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one request."""
        asked = json.loads(await request.read())
        calls: list[Json] = asked if isinstance(asked, list) else [asked]
        for call in calls:
            self.requests.append(str(call["method"]))
            self.params.append(call["params"])
        if isinstance(asked, list):
            self.batches.append(len(asked))
        self.was_asked.set()
        if self.silence is not None:
            await self.silence.wait()
        if self.body is not None:
            return web.Response(body=self.body, content_type="application/json", status=self.status)
        if not isinstance(asked, list):
            return web.json_response(self._answer(asked), status=self.status)
        answers = [self._answer(call) for call in asked]
        if self.batch_override is None:
            return web.json_response(answers, status=self.status)
        return self.batch_override(answers)

    def _answer(self, call: Json) -> Json:
        answer: Json = {"jsonrpc": "2.0", "id": call["id"]}
        if self.error is not None:
            return answer | {"error": self.error}
        method, params = str(call["method"]), call["params"]
        assert isinstance(params, list)
        result = self._result(method, params)
        if method in self.overrides:
            result = self.overrides[method](json.loads(json.dumps(result)))
        return answer | {"result": result}

    def _result(self, method: str, params: list[object]) -> object:
        if method in self.results:
            return self.results[method]
        if method == "eth_chainId":
            return "0x384"
        if method == "eth_getBlockReceipts":
            return self.receipts.get(params[0])
        key = {"eth_getBlockByHash": "hash", "eth_getBlockByNumber": "number"}[method]
        wanted = self.blocks[-1][key] if params[0] == "latest" else params[0]
        block = next((block for block in self.blocks if block[key] == wanted), None)
        if block is None or params[1]:
            return block
        transactions: list[Json] = block["transactions"]  # type: ignore[assignment]
        return block | {"transactions": [transaction["hash"] for transaction in transactions]}


@contextlib.asynccontextmanager
async def serve_fake_l1() -> AsyncIterator[FakeL1Server]:
    """A running server on a free port of loopback."""
    server = FakeL1Server()
    application = web.Application()
    application.router.add_post("/", server.handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        server.url = f"http://{host}:{port}/"
        yield server
    finally:
        if server.silence is not None:
            server.silence.set()
        await runner.cleanup()
