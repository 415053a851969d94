"""
What a JSON-RPC caller is told when there is no result.

Codes are those of JSON-RPC 2.0 and of `ethereum/execution-apis` (error groups; EIP-1474 for -320xx): a client decides
by the code, a person reads the message. Every message is written here, or by the leaf that states a fact about
the caller's own input; text of unexpected exceptions never leaves the node.
"""

from l1_bridge.errors import BraidError

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMETERS = -32602
INTERNAL_ERROR = -32603
SERVER_ERROR = -32000
RESOURCE_NOT_FOUND = -32001
RESOURCE_UNAVAILABLE = -32002
TRANSACTION_REJECTED = -32003
LIMIT_EXCEEDED = -32005

EXECUTION_REVERTED = 3
"""A call ended by REVERT; `data` holds the reason as it was returned."""

SYNC_TIMEOUT = 4
"""EIP-7966: the transaction was taken in, but has no receipt yet; `data` is its hash."""

SYNC_DROPPED = 5
"""EIP-7966: the transaction was taken in and will not be included as things stand; `data` is its hash."""


class RpcError(BraidError):
    """An answer that is an error: code, message, and data that is ready for JSON (None: no data)."""

    def __init__(self, code: int, message: str, data: object = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data

    @property
    def outcome(self) -> str:
        """How it counts: as the caller's fault, or a limit."""
        return "refused"

    def fields(self) -> dict[str, object]:
        """The error object of JSON-RPC."""
        fields: dict[str, object] = {"code": self.code, "message": self.message}
        if self.data is not None:
            fields["data"] = self.data
        return fields


class MalformedJson(RpcError):
    """The body is not JSON."""

    def __init__(self) -> None:
        super().__init__(PARSE_ERROR, "parse error: body is not valid JSON")


class InvalidRequest(RpcError):
    """JSON, but not a JSON-RPC 2.0 request."""

    def __init__(self, reason: str) -> None:
        super().__init__(INVALID_REQUEST, f"invalid request: {reason}")


class MethodNotFound(RpcError):
    """No such method in the table of this node."""

    def __init__(self, method: str) -> None:
        super().__init__(METHOD_NOT_FOUND, f"the method {method[:64]} does not exist or is not available")
        self.method = method


class InvalidParameters(RpcError):
    """A parameter is missing, superfluous or not of its type; the message names it."""

    def __init__(self, reason: str) -> None:
        super().__init__(INVALID_PARAMETERS, f"invalid params: {reason}")
        self.reason = reason


class InternalError(RpcError):
    """Something failed that never should; the log has it, the caller does not."""

    def __init__(self) -> None:
        super().__init__(INTERNAL_ERROR, "internal error")

    @property
    def outcome(self) -> str:
        """How it counts: as a failure of the node."""
        return "internal"


class ResourceNotFound(RpcError):
    """The block, state or output that was asked for is not there."""

    def __init__(self, what: str) -> None:
        super().__init__(RESOURCE_NOT_FOUND, f"{what} not found")


class ResourceUnavailable(RpcError):
    """It may exist, but this node can not give it now."""

    def __init__(self, reason: str) -> None:
        super().__init__(RESOURCE_UNAVAILABLE, reason)


class RequestTimedOut(RpcError):
    """The node gave up on the request."""

    def __init__(self, seconds: float) -> None:
        super().__init__(RESOURCE_UNAVAILABLE, f"request timed out after {seconds:g} s")
        self.seconds = seconds


class LimitExceeded(RpcError):
    """The request asks for more than this node gives at once."""

    def __init__(self, what: str, limit: int) -> None:
        super().__init__(LIMIT_EXCEEDED, f"limit exceeded: {what}, at most {limit}")
        self.limit = limit


class TransactionRejected(RpcError):
    """The pool did not take the transaction; the message is the pool's reason."""

    def __init__(self, reason: str, data: object = None) -> None:
        super().__init__(TRANSACTION_REJECTED, reason, data)


class ExecutionReverted(RpcError):
    """A call ended by REVERT; `data` is the returned reason in hex."""

    def __init__(self, reason: str | None, data: object) -> None:
        super().__init__(
            EXECUTION_REVERTED, "execution reverted" if reason is None else f"execution reverted: {reason}", data
        )


class ExecutionFailed(RpcError):
    """A call ended in another way than by returning or reverting."""

    def __init__(self, reason: str) -> None:
        super().__init__(SERVER_ERROR, reason)
