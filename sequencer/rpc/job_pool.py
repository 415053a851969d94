"""
Blocking work off the event loop: a few threads, a bound on jobs that run or wait, a time limit for the caller.

A thread can not be stopped: a job whose caller gave up keeps its place until it ends, so the bound holds for the work
that is really there. Long jobs look at their own `Deadline` and end by themselves.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock

from .errors import LimitExceeded, RequestTimedOut


class JobPool:
    """Threads under one name, for one kind of work."""

    def __init__(self, name: str, threads: int, max_jobs: int) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=f"rpc-{name}")
        self._max_jobs = max_jobs
        self._jobs = 0
        self._lock = Lock()

    @property
    def jobs(self) -> int:
        """Jobs that run or wait now."""
        return self._jobs

    async def run(self, function: Callable[..., object], arguments: Sequence[object], timeout_seconds: float) -> object:
        """
        The function's result, from one of the threads.

        Raises
        ------
        LimitExceeded
            Too many jobs are there already.
        RequestTimedOut
            The result was not there in time.
        """
        with self._lock:
            if self._jobs >= self._max_jobs:
                raise LimitExceeded("requests that wait for this node", self._max_jobs)
            self._jobs += 1
        job = self._executor.submit(function, *arguments)
        job.add_done_callback(self._finished)
        try:
            async with asyncio.timeout(timeout_seconds):
                return await asyncio.wrap_future(job)
        except TimeoutError:
            raise RequestTimedOut(timeout_seconds) from None

    def close(self) -> None:
        """Wait for running jobs, drop waiting ones."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _finished(self, job: "Future[object]") -> None:
        with self._lock:
            self._jobs -= 1


class Deadline:
    """A moment that a long job must not pass."""

    def __init__(self, monotonic: Callable[[], float], seconds: float) -> None:
        self._monotonic = monotonic
        self._seconds = seconds
        self._end = monotonic() + seconds

    def check(self) -> None:
        """Raise RequestTimedOut when the moment is over."""
        if self._monotonic() > self._end:
            raise RequestTimedOut(self._seconds)
