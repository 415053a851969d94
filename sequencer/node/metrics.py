"""Metrics of the process itself."""

from prometheus_client import Counter, Info

SERVICE_RETRIES = Counter("braid_node_service_retries_total", "Temporary errors of a service", ["service"])
SERVICE_RESETS = Counter("braid_node_service_resets_total", "Resets of a service", ["service"])
BUILD = Info("braid_node_build", "Version, engine and chain of this process")

ACCESS_HINTS = Counter("braid_node_access_hints_total", "Times that a block's access list was asked for", ["verdict"])
"""used; failed: no answer, none in time, or an error; malformed: an answer that is none."""

for _verdict in ("used", "failed", "malformed"):
    ACCESS_HINTS.labels(_verdict)
