"""Which engine executes, by name."""

from functools import partial
from pathlib import Path

from sequencer.config import NodeSettings
from sequencer.execution.cross_check import CrossCheckEngine, NamedEngine
from sequencer.execution.interface import Engine
from sequencer.execution.parallel.engine import ParallelEngine
from sequencer.execution.parallel.source import StoreSource
from sequencer.execution.serial import SerialEngine

from .divergence_file import keep_divergence


def choose_engine(settings: NodeSettings, store_path: Path, chain_id: int, redis_url: str | None) -> Engine:
    """
    The engine that the settings ask for; workers of the parallel one read the store, and Redis where it is.

    With a second one beside it where `cross_check` says so; what they disagree on is kept in the data directory.
    """
    first = _make_engine(settings.engine, settings, store_path, chain_id, redis_url)
    name = second_engine(settings)
    if name is None:
        return first
    try:
        second = _make_engine(name, settings, store_path, chain_id, redis_url)
    except BaseException:
        first.close()
        raise
    keep = partial(keep_divergence, settings.data_dir)
    return CrossCheckEngine(NamedEngine(settings.engine, first), NamedEngine(name, second), keep)


def second_engine(settings: NodeSettings) -> str | None:
    """The engine that checks the first; by default the reference, unless it is the first itself. None for no check."""
    if settings.cross_check == "off":
        return None
    if settings.cross_check == "auto":
        return "parallel" if settings.engine == "serial" else "serial"
    return settings.cross_check


def _make_engine(name: str, settings: NodeSettings, store_path: Path, chain_id: int, redis_url: str | None) -> Engine:
    if name == "serial":
        return SerialEngine()
    return ParallelEngine(StoreSource(store_path, chain_id, redis_url), settings.workers)
