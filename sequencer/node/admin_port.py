"""The loopback port of a process that posts or watches: metrics, health, and where there are any, operations."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import structlog

from sequencer.rpc.admin import AdminServer, ReadinessCheck
from sequencer.rpc.operations import Operations

from .rpc_parts import PortInUse

log = structlog.get_logger(__name__)

LOOPBACK = "127.0.0.1"
"""The only address that it listens on: what it serves is for the operator."""


@asynccontextmanager
async def serve_admin(
    port: int, checks: Sequence[ReadinessCheck] = (), operations: Operations | None = None
) -> AsyncIterator[AdminServer]:
    """Listen on loopback, 0 on any free port, which the log names; raises PortInUse."""
    server = AdminServer(checks, operations)
    try:
        await server.start(LOOPBACK, port)
    except OSError as reason:
        raise PortInUse(LOOPBACK, port, reason) from None
    log.info("admin_listens", admin_port=server.port)
    try:
        yield server
    finally:
        await server.close()
