"""
An L1 that stands still: what a node once answered about its blocks, served over HTTP, at a distance if one likes.

It costs next to nothing beside whoever reads it. Every request waits for `latency_seconds` on its own, as far nodes do
it; with `takes_batches` off a batch gets an error object, as from providers that have none.
"""

import asyncio
import gzip
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson
from aiohttp import web

FINAL_BLOCKS = 64
"""The safe and the finalized block are so many below the head."""

NO_BATCHES = b'{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"batches are not supported"}}'
START_SECONDS = 30.0

Call = Mapping[str, object]


@dataclass(slots=True)
class RecordedL1Server:
    """What it knows, how it behaves, and what it was asked."""

    answers: Mapping[tuple[str, str, bool], bytes]
    """JSON by method, block and whether transactions are whole."""
    chain_id: int
    takes_batches: bool = True
    latency_seconds: float = 0.0
    url: str = ""
    requests: int = 0
    """Over HTTP."""
    block_requests: int = 0
    """Those of them that asked for a whole block, or for receipts, that are there."""
    block_calls: int = 0
    """Such calls, alone or in a batch."""

    @classmethod
    def load(cls, path: Path, chain_id: int) -> "RecordedL1Server":
        """Read what `long_chain` wrote."""
        answers: dict[tuple[str, str, bool], bytes] = {}
        entries = orjson.loads(gzip.decompress(path.read_bytes()))
        for number, entry in enumerate(entries):
            block = entry["block"]
            whole, receipts = orjson.dumps(block), orjson.dumps(entry["receipts"])
            hashes = [transaction["hash"] for transaction in block["transactions"]]
            bare = orjson.dumps(block | {"transactions": hashes})
            names = [hex(number), *(["latest"] if number == len(entries) - 1 else [])]
            names += ["safe", "finalized"] if number == max(len(entries) - 1 - FINAL_BLOCKS, 0) else []
            for method, keys in (("eth_getBlockByNumber", names), ("eth_getBlockByHash", [block["hash"]])):
                for key in keys:
                    answers[method, key, True], answers[method, key, False] = whole, bare
            answers["eth_getBlockReceipts", block["hash"], True] = receipts
        return cls(answers, chain_id)

    def forget_counts(self) -> None:
        """Count from nothing."""
        self.requests = self.block_requests = self.block_calls = 0

    async def handle(self, request: web.Request) -> web.Response:
        """One HTTP request."""
        asked: object = orjson.loads(await request.read())
        if self.latency_seconds:
            await asyncio.sleep(self.latency_seconds)
        self.requests += 1
        if not isinstance(asked, list):
            return _json(self._answer([asked]))
        if not self.takes_batches:
            return _json(NO_BATCHES)
        return _json(b"[" + self._answer(asked) + b"]")

    def _answer(self, calls: Sequence[Call]) -> bytes:
        answers, found = [], 0
        for call in calls:
            result, is_block = self._result(call)
            found += is_block
            answers.append(b'{"jsonrpc":"2.0","id":%d,"result":%s}' % (call["id"], result))
        self.block_calls += found
        self.block_requests += found > 0
        return b",".join(answers)

    def _result(self, call: Call) -> tuple[bytes, bool]:
        """The result, and whether it is a whole block or receipts."""
        method, parameters = str(call["method"]), call["params"]
        if method == "eth_chainId":
            return orjson.dumps(hex(self.chain_id)), False
        assert isinstance(parameters, list)
        is_whole = len(parameters) < 2 or bool(parameters[1])
        result = self.answers.get((method, str(parameters[0]), is_whole))
        return (b"null", False) if result is None else (result, is_whole)


def _json(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="application/json")


@contextmanager
def serve_recorded_l1(server: RecordedL1Server) -> Iterator[RecordedL1Server]:
    """Serve on a free port of loopback, on a thread of its own."""
    loop, is_up = asyncio.new_event_loop(), threading.Event()
    thread = threading.Thread(target=_run, args=(loop, server, is_up))
    thread.start()
    try:
        assert is_up.wait(START_SECONDS), "the L1 does not come up"
        yield server
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def _run(loop: asyncio.AbstractEventLoop, server: RecordedL1Server, is_up: threading.Event) -> None:
    async def start() -> web.AppRunner:
        application = web.Application()
        application.router.add_post("/", server.handle)
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
        return runner

    runner = loop.run_until_complete(start())
    is_up.set()
    loop.run_forever()
    loop.run_until_complete(runner.cleanup())
    loop.close()
