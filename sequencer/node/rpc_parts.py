"""The node's two HTTP servers, and what their methods read."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from importlib.metadata import version

import structlog

from l1_bridge.errors import CriticalError
from l1_bridge.rollup_config import RollupConfig
from sequencer.chain.chain import Chain
from sequencer.config import NodeSettings
from sequencer.derivation.driver import DerivationService
from sequencer.execution.interface import Engine
from sequencer.mempool.mempool import Mempool
from sequencer.primitives.clock import Clock
from sequencer.rpc.admin import AdminServer, HeadIsFresh
from sequencer.rpc.admin_sequencer import sequencer_methods
from sequencer.rpc.backend import Backend, make_backend
from sequencer.rpc.dispatcher import Dispatcher
from sequencer.rpc.method_table import methods_for
from sequencer.rpc.open_block_index import OpenBlockReader
from sequencer.rpc.server import RpcServer
from sequencer.rpc.settings import RpcSettings
from sequencer.sequencing.service import SequencingService

log = structlog.get_logger(__name__)

STALE_HEAD_SECONDS = 60.0
"""A node whose newest block is older than this is not ready."""


class PortInUse(CriticalError):
    """Something else listens there already."""

    def __init__(self, host: str, port: int, reason: OSError) -> None:
        super().__init__(f"{host}:{port} can not be listened on: {reason.strerror or reason}")
        self.port = port


class PendingView:
    """The open block as sequencing publishes it; a node that makes no blocks has none."""

    source: SequencingService | None = None

    @property
    def current(self) -> OpenBlockReader | None:
        """The open block, if one is."""
        return None if self.source is None else self.source.current


@dataclass(frozen=True, slots=True)
class RpcParts:
    """What is shared between RPC and sequencing."""

    backend: Backend
    pending: PendingView

    @classmethod
    def make(
        cls,
        chain: Chain,
        engine: Engine,
        rollup: RollupConfig | None,
        mempool: Mempool | None,
        derivation: DerivationService | None,
    ) -> "RpcParts":
        """Wire the methods' backend; nothing listens yet."""
        pending = PendingView()
        backend = make_backend(
            chain=chain,
            engine=engine,
            pending=pending,
            pool=mempool,
            rollup=rollup,
            l1_progress=derivation,
            settings=RpcSettings(client_version=f"braid/{version('braid-rollup')}/python"),
        )
        return cls(backend, pending)


async def serve_rpc(parts: RpcParts, settings: NodeSettings, clock: Clock, stack: AsyncExitStack) -> None:
    """Listen on both ports until the stack closes; raises PortInUse."""
    stack.callback(parts.backend.close)
    is_optimism = parts.backend.chain.rules.is_optimism
    server = RpcServer(Dispatcher(parts.backend, methods_for(is_optimism)), parts.backend.settings)
    switch = parts.pending.source
    operations = None if switch is None else Dispatcher(parts.backend, sequencer_methods(switch))
    admin = AdminServer([HeadIsFresh(parts.backend.chain, clock, STALE_HEAD_SECONDS)], operations)
    try:
        await server.start(settings.rpc_host, settings.rpc_port)
    except OSError as reason:
        raise PortInUse(settings.rpc_host, settings.rpc_port, reason) from None
    stack.push_async_callback(server.close)
    try:
        await admin.start("127.0.0.1", settings.admin_port)
    except OSError as reason:
        raise PortInUse("127.0.0.1", settings.admin_port, reason) from None
    stack.push_async_callback(admin.close)
    log.info("rpc_listens", host=settings.rpc_host, port=server.port, admin_port=admin.port)
