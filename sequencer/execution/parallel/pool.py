"""
The worker processes: started, spoken to, given up and replaced. What goes wrong with one is counted, never raised.

A worker that died, hangs or answers nonsense is killed; its successor starts in the background, a little later each
time when the last one did not even get ready. Until a worker is ready nothing is given to it.
"""

import os
import select
import socket
import struct
import subprocess
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection

from .messages import (
    MAX_MESSAGE_BYTES,
    READY,
    RESULTS,
    SOURCE,
    MalformedMessage,
    SpeculativeResult,
    seal,
    unpack_results,
    unseal,
)
from .metrics import ExecutionCounts

MAX_OUTSTANDING = 2
"""Batches that a worker has at a time: one that runs, one that waits, so it is never idle."""

SOCKET_SECONDS = 5
"""Limit for a message that has begun to be taken or to arrive whole."""

FIRST_PAUSE_SECONDS = 0.1
MAX_PAUSE_SECONDS = 30.0
"""Pause before a successor is started: doubles with each one that did not get ready."""

END_SECONDS = 2.0
"""How long a worker may take to end after its socket has closed."""


class WorkerProcess:
    """One process and what it was told."""

    def __init__(self, process: "subprocess.Popen[bytes]", connection: Connection) -> None:
        self.process = process
        self.connection = connection
        self.is_ready = False
        self.outstanding: dict[int, float] = {}
        """Batches sent and not answered, with the time since when the worker could be busy with them."""
        self.block = -1
        self.deltas = 0

    def send(self, message: bytes) -> bool:
        """Whether the message was taken; when not, the worker is to be given up."""
        try:
            self.connection.send_bytes(message)
        except (OSError, ValueError):
            return False
        return True


Answer = tuple[WorkerProcess, int, list[SpeculativeResult | None]]
"""A worker's results of one batch."""


class WorkerPool:
    """A fixed number of places for workers; used by one thread at a time."""

    def __init__(
        self,
        size: int,
        source_message: bytes,
        counts: ExecutionCounts,
        *,
        answer_seconds: float,
        monotonic: Callable[[], float],
    ) -> None:
        self._source_message = seal(SOURCE, source_message)
        self._counts = counts
        self._answer_seconds = answer_seconds
        self._monotonic = monotonic
        self._places: list[WorkerProcess | None] = [None] * size
        self._pauses = [0.0] * size
        self._start_at = [float("-inf")] * size
        self._poll = select.poll()
        self._by_descriptor: dict[int, WorkerProcess] = {}
        self._is_closed = False
        self.keep_full()

    @property
    def process_ids(self) -> list[int]:
        """Of the processes there are."""
        return [worker.process.pid for worker in self._places if worker is not None]

    def ready(self) -> list[WorkerProcess]:
        """Workers that take work."""
        return [worker for worker in self._places if worker is not None and worker.is_ready]

    def keep_full(self) -> None:
        """Start what is missing and due; does not wait for it."""
        if self._is_closed:
            return
        for place, worker in enumerate(self._places):
            if worker is None and self._monotonic() >= self._start_at[place]:
                started = self._start()
                self._places[place] = started
                self._by_descriptor[started.connection.fileno()] = started
                self._poll.register(started.connection.fileno(), select.POLLIN)
                if not started.send(self._source_message):
                    self.give_up(started, "died")

    def collect(self, seconds: float) -> list[Answer]:
        """Answers that are there, after waiting up to `seconds` for the first message of any worker."""
        answers: list[Answer] = []
        for descriptor, _ in self._poll.poll(int(seconds * 1000)):
            worker = self._by_descriptor[descriptor]
            try:
                kind, content = unseal(worker.connection.recv_bytes(MAX_MESSAGE_BYTES))
                answer = self._take(worker, kind, content)
            except (EOFError, BrokenPipeError, ConnectionResetError):
                self.give_up(worker, "died")
            except (OSError, MalformedMessage, MemoryError):
                self.give_up(worker, "garbled")
            else:
                if answer is not None:
                    answers.append(answer)
        return answers

    def give_up_hung(self) -> None:
        """Give up workers that have been busy with a batch for too long."""
        now = self._monotonic()
        for worker in self.ready():
            if worker.outstanding and now - min(worker.outstanding.values()) > self._answer_seconds:
                self.give_up(worker, "hung")

    def note_sent(self, worker: WorkerProcess, batch_id: int) -> None:
        """A batch was sent to the worker."""
        worker.outstanding[batch_id] = self._monotonic() if not worker.outstanding else float("inf")

    def give_up(self, worker: WorkerProcess, kind: str) -> None:
        """End a worker for good; a successor starts later."""
        place = self._places.index(worker)
        self._places[place] = None
        if worker.is_ready:
            self._pauses[place] = 0.0
        else:
            self._pauses[place] = min(max(2 * self._pauses[place], FIRST_PAUSE_SECONDS), MAX_PAUSE_SECONDS)
        self._start_at[place] = self._monotonic() + self._pauses[place]
        worker.is_ready = False
        self._remove(worker)
        worker.process.kill()
        worker.process.wait()
        self._counts.note_failure(kind)

    def close(self) -> None:
        """End all workers and wait for it."""
        self._is_closed = True
        workers = [worker for worker in self._places if worker is not None]
        self._places = [None] * len(self._places)
        for worker in workers:
            self._remove(worker)
        for worker in workers:
            try:
                worker.process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                worker.process.kill()
                worker.process.wait()

    def _take(self, worker: WorkerProcess, kind: int, content: object) -> Answer | None:
        if kind == READY:
            worker.is_ready = True
            return None
        if kind != RESULTS:
            raise MalformedMessage(f"a worker sent kind {kind}")
        batch_id, results, reads = unpack_results(content)
        if worker.outstanding.pop(batch_id, None) is None:
            raise MalformedMessage(f"nobody asked for batch {batch_id}")
        for waiting in worker.outstanding:
            worker.outstanding[waiting] = self._monotonic()
            break
        self._counts.note_reads(reads)
        return worker, batch_id, results

    def _remove(self, worker: WorkerProcess) -> None:
        descriptor = worker.connection.fileno()
        self._poll.unregister(descriptor)
        del self._by_descriptor[descriptor]
        worker.connection.close()

    def _start(self) -> WorkerProcess:
        ours, theirs = socket.socketpair()
        limit = struct.pack("ll", SOCKET_SECONDS, 0)
        for option in (socket.SO_SNDTIMEO, socket.SO_RCVTIMEO):
            ours.setsockopt(socket.SOL_SOCKET, option, limit)
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-m", f"{__package__}.worker"],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)},
            )
        return WorkerProcess(process, Connection(ours.detach()))
