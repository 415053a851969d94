"""
Which engine executes, by name: `auto` is the native one where the extension is, else the parallel one.

The engines on py-evm are loaded where they are chosen: loading them is a third of a node's start.
"""

from functools import partial
from typing import TYPE_CHECKING

from l1_bridge.errors import CriticalError
from sequencer import native
from sequencer.config import NodeSettings
from sequencer.execution.cross_check import CrossCheckEngine, NamedEngine
from sequencer.execution.interface import Engine
from sequencer.execution.native.engine import NativeEngine
from sequencer.execution.native.prefetch import RedisPrefetch
from sequencer.state.cache import StateCache
from sequencer.state.store import Store

from .divergence_file import keep_divergence

if TYPE_CHECKING:
    from sequencer.execution.parallel.pool import Executor


class RayMissing(CriticalError):
    """Workers were to run on Ray, which is not installed."""

    def __init__(self) -> None:
        super().__init__("--executor ray needs Ray: pip install 'braid-rollup[ray]'")


class NativeMissing(CriticalError):
    """The native engine was asked for by name, and the extension is not there."""

    def __init__(self) -> None:
        super().__init__(
            f"--engine native needs the extension, but {native.absence}; --engine auto runs on py-evm then"
        )


class SameEngine(CriticalError):
    """An engine was to check itself."""

    def __init__(self, name: str) -> None:
        super().__init__(f"--cross-check-engine {name}: that is the first engine already, a check needs another one")


def first_engine(settings: NodeSettings) -> str:
    """The engine that executes; raises NativeMissing when it was asked for by name and is not there."""
    if settings.engine == "auto":
        return "native" if native.is_available() else "parallel"
    if settings.engine == "native" and not native.is_available():
        raise NativeMissing
    return settings.engine


def second_engine(settings: NodeSettings) -> str | None:
    """The engine that checks the first; by default the reference, unless it is the first itself. None for no check."""
    if settings.cross_check == "off":
        return None
    first = first_engine(settings)
    if settings.cross_check == "auto":
        return "parallel" if first == "serial" else "serial"
    if settings.cross_check == first:
        raise SameEngine(first)
    if settings.cross_check == "native" and not native.is_available():
        raise NativeMissing
    return settings.cross_check


def choose_engine(
    settings: NodeSettings,
    store: Store,
    chain_id: int,
    redis_url: str | None,
    cache: StateCache | None,
) -> Engine:
    """
    The engine that the settings ask for, with a second one beside it where `cross_check` says so.

    The native one runs on what `cache` says where the settings ask for that. Workers of the parallel one read the
    store, and Redis where it is; on Ray, Redis alone, and ask for the rest. What two engines disagree on is kept in the
    data directory.
    Raises NativeMissing, RayMissing.
    """

    def make(name: str) -> Engine:
        if name == "native":
            prefetch = RedisPrefetch(cache) if cache is not None and settings.native_prefetch else None
            return NativeEngine(settings.workers, prefetch=prefetch)
        if name == "serial":
            from sequencer.execution.serial import SerialEngine

            return SerialEngine()
        return _make_parallel(settings, store, chain_id, redis_url)

    first_name, second_name = first_engine(settings), second_engine(settings)
    first = make(first_name)
    if second_name is None:
        return first
    try:
        second = make(second_name)
    except BaseException:
        first.close()
        raise
    keep = partial(keep_divergence, settings.data_dir)
    return CrossCheckEngine(NamedEngine(first_name, first), NamedEngine(second_name, second), keep)


def _make_parallel(settings: NodeSettings, store: Store, chain_id: int, redis_url: str | None) -> Engine:
    from sequencer.execution.parallel.engine import ParallelEngine
    from sequencer.execution.parallel.remote_source import RemoteSource
    from sequencer.execution.parallel.source import StoreSource

    if settings.executor == "processes":
        return ParallelEngine(StoreSource(store.path, chain_id, redis_url), settings.workers)
    source = RemoteSource(chain_id, store.store_id, store.cache_secret, redis_url)
    return ParallelEngine(source, settings.workers, executor=_connect_ray(settings))


def _connect_ray(settings: NodeSettings) -> "Executor":
    try:
        from sequencer.execution.parallel.ray_executor import RayExecutor
    except ImportError:
        raise RayMissing from None
    return RayExecutor(settings.workers, settings.executor.partition(":")[2] or None)
