"""
JSON-RPC for processes that have no chain to answer from: a table of operations, one request a body.

The node's own methods go through `dispatcher`; this shares its envelopes and errors, and needs no backend.
"""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import orjson
import structlog

from .dispatcher import encode_error, encode_result, read_request
from .errors import InternalError, MalformedJson, MethodNotFound, RpcError

logger = structlog.get_logger(__name__)

Operation: TypeAlias = Callable[[list[object]], object]
"""Takes the parameters as they came, returns what JSON can hold; raises RpcError."""


class Operations:
    """Answers bodies with the operations of one table, on the event loop."""

    def __init__(self, table: Mapping[str, Operation]) -> None:
        self._table = table

    async def answer(self, body: bytes) -> bytes | None:
        """The answer to a body, whatever it is; None to a notification."""
        try:
            item: object = orjson.loads(body)
        except orjson.JSONDecodeError:
            return encode_error(None, MalformedJson())
        try:
            request = read_request(item)
        except RpcError as error:
            return encode_error(None, error)
        try:
            operation = self._table.get(request.method)
            if operation is None:
                raise MethodNotFound(request.method)
            answer = encode_result(request.id, operation(request.parameters))
        except RpcError as error:
            answer = encode_error(request.id, error)
        except Exception:
            logger.exception("operation_failed", method=request.method)
            answer = encode_error(request.id, InternalError())
        return None if request.is_notification else answer
