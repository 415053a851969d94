"""What the RPC server counts; the method label only ever has names from the method table."""

from prometheus_client import Counter, Gauge, Histogram

REQUESTS = Counter("braid_rpc_requests", "JSON-RPC requests answered, by method and outcome.", ["method", "outcome"])
"""outcome: ok; refused: the caller's fault or a limit; internal: a failure of the node."""

SECONDS = Histogram(
    "braid_rpc_request_seconds",
    "Time from a decoded request to its answer.",
    ["method"],
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)

REFUSED_BODIES = Counter("braid_rpc_refused_bodies", "HTTP requests refused before any method ran.", ["reason"])
"""reason: too_large, too_slow, content_type, http_method, not_json, not_a_request, batch_size."""

UNKNOWN_METHODS = Counter("braid_rpc_unknown_methods", "Requests for methods that are not in the table.")

INTERNAL_ERRORS = Counter("braid_rpc_internal_errors", "Failures of handlers that were not expected; each is logged.")

OPEN_SYNC_WAITS = Gauge("braid_rpc_sync_waiters", "Callers of eth_sendRawTransactionSync that wait now.")

REFUSAL_REASONS = ("too_large", "too_slow", "content_type", "http_method", "not_json", "not_a_request", "batch_size")

for _reason in REFUSAL_REASONS:
    REFUSED_BODIES.labels(_reason)
