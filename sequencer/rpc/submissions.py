"""
Calls of `eth_sendRawTransaction` that the native front has read and decoded: what came together is one submission.

The front knows each call's id and makes the envelope; from here it gets the one member that says what came out.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TypeAlias

import orjson
import structlog

from sequencer.primitives.transaction import Transaction

from . import metrics
from .backend import Backend
from .errors import InternalError, RpcError
from .method import HandleDecoded, Method

logger = structlog.get_logger(__name__)

OnEncoded: TypeAlias = Callable[[list[bytes]], None]
"""Hears a member of the answer's object for each call: `"result":...` or `"error":...`, in JSON."""


class Submissions:
    """Answers for one method of the table."""

    def __init__(self, backend: Backend, name: str, handle: HandleDecoded) -> None:
        self._backend = backend
        self._name = name
        self._handle = handle
        self._counters = {outcome: metrics.REQUESTS.labels(name, outcome) for outcome in ("ok", "refused", "internal")}
        self._seconds = metrics.SECONDS.labels(name)

    @classmethod
    def among(cls, backend: Backend, methods: Iterable[Method]) -> "Submissions | None":
        """Of the one method that takes what is decoded; None when the table has none."""
        for row in methods:
            if row.decoded is not None:
                return cls(backend, row.name, row.decoded)
        return None

    def submit(self, raws: Sequence[bytes], found: Sequence[Transaction], on_encoded: OnEncoded) -> None:
        """Take in what came together. Answers come once."""
        answered = partial(self._answered, self._backend.monotonic(), on_encoded)
        try:
            self._handle(self._backend, raws, found, answered)
        except RpcError as error:
            answered([error] * len(raws))
        except Exception:
            metrics.INTERNAL_ERRORS.inc()
            logger.exception("rpc_handler_failed", method=self._name)
            answered([InternalError()] * len(raws))

    def _answered(self, started: float, on_encoded: OnEncoded, results: Sequence[object | RpcError]) -> None:
        seconds = self._backend.monotonic() - started
        counts = {"ok": 0, "refused": 0, "internal": 0}
        members = []
        for result in results:
            if isinstance(result, RpcError):
                counts[result.outcome] += 1
                members.append(b'"error":' + orjson.dumps(result.fields()))
            else:
                counts["ok"] += 1
                members.append(b'"result":' + orjson.dumps(result))
            self._seconds.observe(seconds)
        for outcome, count in counts.items():
            if count:
                self._counters[outcome].inc(count)
        on_encoded(members)
