"""Which engine executes, by name."""

from pathlib import Path

from l1_bridge.errors import CriticalError
from sequencer.config import NodeSettings
from sequencer.execution.interface import Engine
from sequencer.execution.parallel.engine import ParallelEngine
from sequencer.execution.parallel.pool import Executor
from sequencer.execution.parallel.remote_source import RemoteSource
from sequencer.execution.parallel.source import StoreSource
from sequencer.execution.serial import SerialEngine
from sequencer.state.store import Store


class RayMissing(CriticalError):
    """Workers were to run on Ray, which is not installed."""

    def __init__(self) -> None:
        super().__init__("--executor ray needs Ray: pip install 'braid-rollup[ray]'")


def choose_engine(settings: NodeSettings, store: Store, store_path: Path, chain_id: int, redis_url: str | None) -> Engine:
    """
    The engine that the settings ask for.

    Workers of the parallel one read the store, and Redis where it is; on Ray, Redis alone, and ask for the rest.
    """
    if settings.engine == "serial":
        return SerialEngine()
    if settings.executor == "processes":
        return ParallelEngine(StoreSource(store_path, chain_id, redis_url), settings.workers)
    source = RemoteSource(chain_id, store.store_id, store.cache_secret, redis_url)
    return ParallelEngine(source, settings.workers, executor=_connect_ray(settings))


def _connect_ray(settings: NodeSettings) -> Executor:
    try:
        from sequencer.execution.parallel.ray_executor import RayExecutor
    except ImportError:
        raise RayMissing from None
    return RayExecutor(settings.workers, settings.executor.partition(":")[2] or None)
