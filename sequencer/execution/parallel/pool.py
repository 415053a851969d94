"""
The workers: started, spoken to, given up and replaced. What goes wrong with one is counted, never raised.

A worker that died, hangs or answers nonsense is ended; its successor starts in the background, a little later each
time when the last one did not even get ready. Until a worker is ready nothing is given to it.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from .messages import (
    ASK,
    READY,
    RESULTS,
    SOURCE,
    VALUES,
    MalformedMessage,
    SpeculativeResult,
    seal,
    unpack_question,
    unpack_results,
    unseal,
)
from .metrics import ExecutionCounts

MAX_OUTSTANDING = 2
"""Batches that a worker has at a time: one that runs, one that waits, so it is never idle."""

FIRST_PAUSE_SECONDS = 0.1
MAX_PAUSE_SECONDS = 30.0
"""Pause before a successor is started: doubles with each one that did not get ready."""


class WorkerLink(Protocol):
    """One worker, as messages reach it; they arrive in their order."""

    def send(self, message: bytes) -> bool:
        """Whether the message was taken; when not, the worker is to be given up."""
        ...

    def end(self) -> None:
        """End it for good, now."""
        ...


class Received(NamedTuple):
    """A message of a worker, or how the worker failed (`metrics.FAILURE_KINDS`)."""

    link: WorkerLink
    message: bytes
    failure: str = ""


class Executor(Protocol):
    """Where workers run, and how messages travel."""

    def start(self) -> WorkerLink:
        """Start a worker; does not wait for it."""
        ...

    def receive(self, seconds: float) -> list[Received]:
        """What has come, after waiting up to `seconds` for the first of it."""
        ...

    def close(self) -> None:
        """End all workers."""
        ...


class PooledWorker:
    """One worker and what it was told."""

    def __init__(self, link: WorkerLink) -> None:
        self.link = link
        self.is_ready = False
        self.outstanding: dict[int, float] = {}
        """Batches sent and not answered, with the time since when the worker could be busy with them."""
        self.asked: dict[int, set[bytes]] = {}
        """Keys that it has asked for, by batch."""
        self.block = -1
        self.deltas = 0
        self.base = b""
        """Hash of the block whose state it knows something of; empty when that is not to be trusted."""

    def send(self, message: bytes) -> bool:
        """Whether the message was taken; when not, the worker is to be given up."""
        return self.link.send(message)


Answer = tuple[PooledWorker, int, list[SpeculativeResult | None]]
"""A worker's results of one batch."""

ReadValues = Callable[[int, tuple[bytes, ...]], Mapping[bytes, bytes] | None]
"""Batch id and flat keys that its worker asks for, to flat values; None when nobody waits for that batch."""


def refuse(batch_id: int, keys: tuple[bytes, ...]) -> None:
    """Nobody waits for the batch any more."""


class WorkerPool:
    """A fixed number of places for workers; used by one thread at a time."""

    def __init__(
        self,
        size: int,
        source_message: bytes,
        counts: ExecutionCounts,
        executor: Executor,
        *,
        answer_seconds: float,
        monotonic: Callable[[], float],
    ) -> None:
        self._source_message = seal(SOURCE, source_message)
        self._counts = counts
        self.executor = executor
        self._answer_seconds = answer_seconds
        self._monotonic = monotonic
        self._places: list[PooledWorker | None] = [None] * size
        self._pauses = [0.0] * size
        self._start_at = [float("-inf")] * size
        self._is_closed = False
        self.keep_full()

    def ready(self) -> list[PooledWorker]:
        """Workers that take work."""
        return [worker for worker in self._places if worker is not None and worker.is_ready]

    def keep_full(self) -> None:
        """Start what is missing and due; does not wait for it."""
        if self._is_closed:
            return
        for place, worker in enumerate(self._places):
            if worker is None and self._monotonic() >= self._start_at[place]:
                started = self._places[place] = PooledWorker(self.executor.start())
                if not started.send(self._source_message):
                    self.give_up(started, "died")

    def collect(self, seconds: float, read_values: ReadValues = refuse) -> list[Answer]:
        """Answers that are there, after waiting up to `seconds` for the first message; questions are answered."""
        answers: list[Answer] = []
        if self._is_closed:
            return answers
        for link, message, failure in self.executor.receive(seconds):
            worker = next((item for item in self._places if item is not None and item.link is link), None)
            if worker is None:
                continue  # it was given up meanwhile
            try:
                answer = None if failure else self._take(worker, *unseal(message), read_values)
            except MalformedMessage:
                failure = "garbled"
            if failure:
                self.give_up(worker, failure)
            elif answer is not None:
                answers.append(answer)
        return answers

    def give_up_hung(self) -> None:
        """Give up workers that have been busy with a batch for too long."""
        now = self._monotonic()
        for worker in self.ready():
            if worker.outstanding and now - min(worker.outstanding.values()) > self._answer_seconds:
                self.give_up(worker, "hung")

    def note_sent(self, worker: PooledWorker, batch_id: int) -> None:
        """A batch was sent to the worker."""
        worker.outstanding[batch_id] = self._monotonic() if not worker.outstanding else float("inf")

    def give_up(self, worker: PooledWorker, kind: str) -> None:
        """End a worker for good; a successor starts later."""
        place = self._places.index(worker)
        self._places[place] = None
        if worker.is_ready:
            self._pauses[place] = 0.0
        else:
            self._pauses[place] = min(max(2 * self._pauses[place], FIRST_PAUSE_SECONDS), MAX_PAUSE_SECONDS)
        self._start_at[place] = self._monotonic() + self._pauses[place]
        worker.is_ready = False
        worker.link.end()
        self._counts.note_failure(kind)

    def close(self) -> None:
        """End all workers and wait for it."""
        self._is_closed = True
        self._places = [None] * len(self._places)
        self.executor.close()

    def _take(self, worker: PooledWorker, kind: int, content: object, read_values: ReadValues) -> Answer | None:
        if kind == READY:
            worker.is_ready = True
            return None
        if kind == ASK:
            self._answer_question(worker, *unpack_question(content), read_values)
            return None
        if kind != RESULTS:
            raise MalformedMessage(f"a worker sent kind {kind}")
        batch_id, results, reads = unpack_results(content)
        if worker.outstanding.pop(batch_id, None) is None:
            raise MalformedMessage(f"nobody asked for batch {batch_id}")
        worker.asked.pop(batch_id, None)
        for waiting in worker.outstanding:
            worker.outstanding[waiting] = self._monotonic()
            break
        self._counts.note_reads(reads)
        return worker, batch_id, results

    def _answer_question(
        self, worker: PooledWorker, batch_id: int, keys: tuple[bytes, ...], read_values: ReadValues
    ) -> None:
        if batch_id not in worker.outstanding:
            raise MalformedMessage(f"nobody asked for batch {batch_id}")
        asked = worker.asked.setdefault(batch_id, set())
        if not asked.issuperset(keys):  # whoever asks for something new is alive
            asked.update(keys)
            worker.outstanding[batch_id] = self._monotonic()
        self._counts.note_question(len(keys))
        values = read_values(batch_id, keys)
        if not worker.send(seal(VALUES, (batch_id, None if values is None else dict(values)))):
            self.give_up(worker, "died")
