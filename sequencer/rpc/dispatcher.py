"""
From a JSON-RPC body to its answer: envelopes, batches, the method table, errors (JSON-RPC 2.0).

Calls of one batch run side by side and are answered in order; those of a method that has a handler for many, as
`eth_sendRawTransaction` has, are one call of it. The text of an unexpected exception stays in the log.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import orjson
import structlog
from prometheus_client import Counter

from sequencer.chain.errors import UnknownBlock
from sequencer.state.world_state import StateUnavailable

from . import metrics
from .backend import Backend
from .errors import (
    InternalError,
    InvalidParameters,
    InvalidRequest,
    LimitExceeded,
    MalformedJson,
    MethodNotFound,
    RequestTimedOut,
    ResourceUnavailable,
    RpcError,
)
from .job_pool import Deadline
from .method import Method, Runs
from .submissions import Submissions

logger = structlog.get_logger(__name__)

MAX_ID_CHARACTERS = 256
"""Ids are echoed; longer ones are refused."""

RequestId: TypeAlias = str | int | float | None


@dataclass(frozen=True, slots=True)
class Request:
    """One call; a notification wants no answer."""

    id: RequestId
    is_notification: bool
    method: str
    parameters: list[object]


class Dispatcher:
    """Answers bodies with the methods of one table."""

    def __init__(self, backend: Backend, methods: Iterable[Method]) -> None:
        self._backend = backend
        self._methods: dict[str, Method] = {}
        self._counters: dict[tuple[str, str], Counter] = {}
        for row in methods:
            if row.name in self._methods:
                raise ValueError(f"{row.name} is in the method table twice")
            self._methods[row.name] = row
            for outcome in ("ok", "refused", "internal"):
                self._counters[row.name, outcome] = metrics.REQUESTS.labels(row.name, outcome)
        self._together = frozenset(name for name, row in self._methods.items() if row.together is not None)
        self._seconds = {name: metrics.SECONDS.labels(name) for name in self._methods}
        self.submissions = Submissions.among(backend, self._methods.values())

    async def answer(self, body: bytes) -> bytes | None:
        """The answer to a body, whatever it is and whatever happens; None when it holds notifications alone."""
        try:
            decoded: object = orjson.loads(body)
        except orjson.JSONDecodeError:
            metrics.REFUSED_BODIES.labels("not_json").inc()
            return encode_error(None, MalformedJson())
        try:
            if isinstance(decoded, list):
                return await self._answer_batch(decoded)
            return await self._answer_one(decoded)
        except Exception:  # none is known; a connection of the front would wait for ever
            metrics.INTERNAL_ERRORS.inc()
            logger.exception("rpc_answer_failed")
            return encode_error(None, InternalError())

    async def _answer_batch(self, items: list[object]) -> bytes | None:
        settings = self._backend.settings
        if not items:
            metrics.REFUSED_BODIES.labels("not_a_request").inc()
            return encode_error(None, InvalidRequest("the batch is empty"))
        if len(items) > settings.max_batch_size:
            metrics.REFUSED_BODIES.labels("batch_size").inc()
            return encode_error(None, LimitExceeded(f"{len(items)} requests in one batch", settings.max_batch_size))
        batch = _Batch(self._backend, len(items))
        together: dict[str, list[int]] = {}
        async with asyncio.TaskGroup() as group:
            for index, item in enumerate(items):
                name = item.get("method") if isinstance(item, dict) else None
                if isinstance(name, str) and name in self._together:
                    together.setdefault(name, []).append(index)
                else:
                    group.create_task(self._answer_in_batch(batch, index, item))
            for name, indexes in together.items():
                group.create_task(self._answer_together(self._methods[name], batch, indexes, items))
        answers = [answer for answer in batch.answers if answer is not None]
        return b"[" + b",".join(answers) + b"]" if answers else None

    async def _answer_together(self, row: Method, batch: "_Batch", indexes: list[int], items: list[object]) -> None:
        """All calls of one method as one call of its handler for many; they count as one request in its seconds."""
        started = self._backend.monotonic()
        requests: list[tuple[int, Request]] = []
        calls: list[list[object]] = []
        counts = {"ok": 0, "refused": 0, "internal": 0}
        for index in indexes:
            try:
                request = read_request(items[index])
            except RpcError as error:
                metrics.REFUSED_BODIES.labels("not_a_request").inc()
                batch.put(index, encode_error(_id_of(items[index]), error))
                continue
            try:
                calls.append(row.decode(request.parameters))
            except RpcError as error:
                counts["refused"] += 1
                batch.put(index, _encode(request, error))
            else:
                requests.append((index, request))
        for (index, request), result in zip(requests, await self._run_together(row, calls), strict=True):
            counts[_outcome(result)] += 1
            batch.put(index, _encode(request, result))
        for outcome, count in counts.items():
            self._counters[row.name, outcome].inc(count)
        self._seconds[row.name].observe(self._backend.monotonic() - started)

    async def _run_together(self, row: Method, calls: list[list[object]]) -> Sequence[object | RpcError]:
        assert row.together is not None
        try:
            return await row.together(self._backend, calls)
        except RpcError as error:
            return [error] * len(calls)
        except Exception:
            metrics.INTERNAL_ERRORS.inc()
            logger.exception("rpc_handler_failed", method=row.name)
            return [InternalError()] * len(calls)

    async def _answer_in_batch(self, batch: "_Batch", index: int, item: object) -> None:
        if self._waits_alone(item):
            batch.put(index, await self._answer_one(item))
            return
        async with batch.gate:
            refusal = batch.refusal()
            if refusal is None:
                batch.put(index, await self._answer_one(item))
            else:
                batch.put(index, encode_error(_id_of(item), refusal))

    def _waits_alone(self, item: object) -> bool:
        """Whether the call costs no thread: sending transactions is awaited together, not one after another."""
        name = item.get("method") if isinstance(item, dict) else None
        row = self._methods.get(name) if isinstance(name, str) else None
        return row is not None and row.runs is Runs.ON_LOOP

    async def _answer_one(self, item: object) -> bytes | None:
        try:
            request = read_request(item)
        except RpcError as error:
            metrics.REFUSED_BODIES.labels("not_a_request").inc()
            return encode_error(_id_of(item), error)
        row = self._methods.get(request.method)
        if row is None:
            metrics.UNKNOWN_METHODS.inc()
            answer = encode_error(request.id, MethodNotFound(request.method))
        else:
            answer = await self._call(row, request)
        return None if request.is_notification else answer

    async def _call(self, row: Method, request: Request) -> bytes:
        started = self._backend.monotonic()
        outcome = "ok"
        try:
            result = await self._run(row, row.decode(request.parameters))
            answer = encode_result(request.id, result)
        except RpcError as error:
            outcome = "refused"
            answer = encode_error(request.id, error)
        except (StateUnavailable, UnknownBlock) as error:
            outcome = "refused"
            answer = encode_error(
                request.id, ResourceUnavailable(f"state of block {error.block.number} is not available")
            )
        except Exception:
            outcome = "internal"
            metrics.INTERNAL_ERRORS.inc()
            logger.exception("rpc_handler_failed", method=row.name)
            answer = encode_error(request.id, InternalError())
        self._counters[row.name, outcome].inc()
        self._seconds[row.name].observe(self._backend.monotonic() - started)
        return answer

    async def _run(self, row: Method, arguments: list[object]) -> object:
        backend, settings = self._backend, self._backend.settings
        if row.runs is Runs.READING:
            return await backend.readers.run(row.handle, (backend, *arguments), settings.read_timeout_seconds)
        if row.runs is Runs.CALLING:
            return await backend.callers.run(row.handle, (backend, *arguments), settings.call_timeout_seconds)
        result = row.handle(backend, *arguments)
        return await result if asyncio.iscoroutine(result) else result


class _Batch:
    """Answers of one batch by position, and the bounds that its calls share."""

    def __init__(self, backend: Backend, size: int) -> None:
        settings = backend.settings
        self.answers: list[bytes | None] = [None] * size
        self.gate = asyncio.Semaphore(settings.batch_concurrency)
        self._room = self._limit = settings.max_response_bytes
        self._deadline = Deadline(backend.monotonic, settings.batch_timeout_seconds)

    def put(self, index: int, answer: bytes | None) -> None:
        self.answers[index] = answer
        self._room -= len(answer or b"")

    def refusal(self) -> RpcError | None:
        """Why no further call of this batch is run; None while there is room and time."""
        if self._room <= 0:
            return LimitExceeded("bytes in the answer of one batch", self._limit)
        try:
            self._deadline.check()
        except RequestTimedOut as error:
            return error
        return None


def read_request(item: object) -> Request:
    """Check a JSON-RPC envelope; raises InvalidRequest or InvalidParameters with the fact that is wrong."""
    if not isinstance(item, dict):
        raise InvalidRequest("not an object")
    if item.get("jsonrpc") != "2.0":
        raise InvalidRequest('jsonrpc is not "2.0"')
    id = item.get("id")
    if isinstance(id, bool) or not isinstance(id, str | int | float | None):
        raise InvalidRequest("id is neither a string nor a number")
    if isinstance(id, str) and len(id) > MAX_ID_CHARACTERS:
        raise InvalidRequest(f"id is longer than {MAX_ID_CHARACTERS} characters")
    name = item.get("method")
    if not isinstance(name, str):
        raise InvalidRequest("method is not a string")
    parameters = item.get("params")
    if parameters is None:
        parameters = []
    if not isinstance(parameters, list):
        raise InvalidParameters("params is not an array (parameters are given by position)")
    return Request(id, "id" not in item, name, parameters)


def _outcome(result: object) -> str:
    """How a result counts."""
    return result.outcome if isinstance(result, RpcError) else "ok"


def _encode(request: Request, result: object) -> bytes | None:
    """The answer to a call, whatever came out; none to a notification."""
    if request.is_notification:
        return None
    return encode_error(request.id, result) if isinstance(result, RpcError) else encode_result(request.id, result)


def _id_of(item: object) -> RequestId:
    """The id of what may not be a request, as far as there is one that can be echoed."""
    id = item.get("id") if isinstance(item, dict) else None
    if isinstance(id, bool) or not isinstance(id, str | int | float):
        return None
    return None if isinstance(id, str) and len(id) > MAX_ID_CHARACTERS else id


def encode_result(id: RequestId, result: object) -> bytes:
    """An answer that is a result."""
    return orjson.dumps({"jsonrpc": "2.0", "id": id, "result": result})


def encode_error(id: RequestId, error: RpcError) -> bytes:
    """An answer that is an error."""
    return orjson.dumps({"jsonrpc": "2.0", "id": id, "error": error.fields()})
