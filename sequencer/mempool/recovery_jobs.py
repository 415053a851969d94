"""
Threads on which transactions are decoded and their senders recovered, as the event loop sees them.

The extension's own threads ring a descriptor when a job has ended: no thread of Python has a part in it, so nothing
waits for the GIL. Where the extension is absent, two threads of Python serve.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeAlias

from sequencer.native import extension
from sequencer.primitives.recovery import Decoding, decode_transactions, explain_refusals

OnDecoded: TypeAlias = Callable[[list[Decoding] | Exception], None]
"""Called on the event loop with one decoding for each transaction, or with what went wrong."""

OnRecovered: TypeAlias = Callable[[Sequence[Decoding | None] | Exception], None]
"""The same for a whole job; None: refused, and the reason is not known yet."""


class RecoveryJobs(Protocol):
    """Decodes off the event loop."""

    def start(self, raws: Sequence[bytes], on_recovered: OnRecovered) -> None:
        """Begin a job; several may be under way, and end in any order."""
        ...

    def close(self) -> None:
        """Give threads and descriptors back; jobs under way are not heard of any more."""
        ...


def open_recovery_jobs() -> RecoveryJobs:
    """What serves the running loop: the extension's threads, or Python's where it is absent."""
    return ThreadRecoveryJobs() if extension is None else NativeRecoveryJobs()


class NativeRecoveryJobs:
    """The extension's threads: no thread of Python has a part in it, so nothing waits for the GIL."""

    def __init__(self) -> None:
        assert extension is not None
        self._queue = extension.RecoveryQueue()
        self._jobs: dict[int, OnRecovered] = {}
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._queue.fileno(), self._take)

    def start(self, raws: Sequence[bytes], on_recovered: OnRecovered) -> None:
        """Begin a job."""
        self._jobs[self._queue.put(raws)] = on_recovered

    def close(self) -> None:
        """Listen no more."""
        self._jobs.clear()
        self._loop.remove_reader(self._queue.fileno())

    def _take(self) -> None:
        for number, found in self._queue.take():
            self._jobs.pop(number)(found)


class ThreadRecoveryJobs:
    """Two threads of Python: recovery itself leaves them the GIL."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(2, thread_name_prefix="decode")

    def start(self, raws: Sequence[bytes], on_recovered: OnRecovered) -> None:
        """Begin a job."""
        job = asyncio.get_running_loop().run_in_executor(self._executor, decode_transactions, raws)
        job.add_done_callback(lambda ended: _tell(ended, on_recovered))

    def close(self) -> None:
        """Give the threads back."""
        self._executor.shutdown(wait=False, cancel_futures=True)


class Explanations:
    """Python's reasons for what the extension refuses, on a thread: a stranger's nonsense may take it 0.2 s to read."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="explain")

    def start(self, raws: Sequence[bytes], found: Sequence[Decoding | None], on_decoded: OnDecoded) -> None:
        """Begin to read what is None in `found`."""
        job = asyncio.get_running_loop().run_in_executor(self._executor, explain_refusals, raws, found)
        job.add_done_callback(lambda ended: _tell(ended, on_decoded))

    def close(self) -> None:
        """Give the thread back; what is under way is not heard of any more."""
        self._executor.shutdown(wait=False, cancel_futures=True)


def _tell(job: "asyncio.Future[list[Decoding]]", on_decoded: OnDecoded) -> None:
    if job.cancelled():
        return
    failure = job.exception()
    on_decoded(job.result() if failure is None else RuntimeError(f"decoding failed: {failure!r}"))
