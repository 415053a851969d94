"""
The event loop of our processes: uvloop where it is installed, else the standard one.

A node holds some 100,000 values that live for seconds and are in no cycle. The collector of cycles would walk over them
again and again; what is there at start is taken out of its sight, and it looks less often at the rest.
"""

import asyncio
import gc
from collections.abc import Coroutine
from typing import TypeVar

T = TypeVar("T")

GC_THRESHOLDS = (50_000, 20, 20)
"""Values made before the youngest are looked at, looks before older ones are; Python begins with 700, 10, 10."""


def calm_collector() -> None:
    """Take what is there now out of the collector's sight, and let it look less often."""
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


def run(main: Coroutine[object, object, T]) -> T:
    """Run `main` to its end on a fresh loop."""
    calm_collector()
    try:
        import uvloop
    except ImportError:
        return asyncio.run(main)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)
