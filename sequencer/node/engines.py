"""Which engine executes, by name."""

from pathlib import Path

from sequencer.config import NodeSettings
from sequencer.execution.interface import Engine
from sequencer.execution.parallel.engine import ParallelEngine
from sequencer.execution.parallel.source import StoreSource
from sequencer.execution.serial import SerialEngine


def choose_engine(settings: NodeSettings, store_path: Path, chain_id: int, redis_url: str | None) -> Engine:
    """The engine that the settings ask for; workers of the parallel one read the store, and Redis where it is."""
    if settings.engine == "serial":
        return SerialEngine()
    return ParallelEngine(StoreSource(store_path, chain_id, redis_url), settings.workers)
