"""Metrics of the process itself."""

from prometheus_client import Counter, Info

SERVICE_RETRIES = Counter("braid_node_service_retries_total", "Temporary errors of a service", ["service"])
SERVICE_RESETS = Counter("braid_node_service_resets_total", "Resets of a service", ["service"])
BUILD = Info("braid_node_build", "Version, engine and chain of this process")
