"""
The one thread on which the chain changes: open block, seal, commit and unwind never meet each other.

A job that has begun is finished even when the coroutine that asked for it is cancelled: half a commit does not exist.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class ChainThread:
    """Runs functions one after the other, in the order in which they were given."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="chain")

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `function` on the chain thread; a cancelled caller leaves, the job goes on to its end."""
        loop = asyncio.get_running_loop()
        job = loop.run_in_executor(self._executor, lambda: function(*args, **kwargs))
        try:
            return await asyncio.shield(job)
        except asyncio.CancelledError:
            job.add_done_callback(_forget)
            raise

    def close(self) -> None:
        """Wait for the jobs that were given, and end the thread."""
        self._executor.shutdown(wait=True)


def _forget(job: "asyncio.Future[T]") -> None:
    """Nobody waits any more: look at the result so that its exception is not reported as never retrieved."""
    if not job.cancelled():
        job.exception()
