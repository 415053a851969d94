"""
Workers as processes on this machine: spawned, never forked, each at the other end of a socket pair.
"""

import os
import select
import socket
import struct
import subprocess
import sys
from multiprocessing.connection import Connection

from .messages import MAX_MESSAGE_BYTES
from .pool import Received

SOCKET_SECONDS = 5
"""Limit for a message that has begun to be taken or to arrive whole."""

END_SECONDS = 2.0
"""How long a worker may take to end after its socket has closed."""


class WorkerProcess:
    """A WorkerLink to one process."""

    def __init__(self, executor: "ProcessExecutor", process: "subprocess.Popen[bytes]", connection: Connection) -> None:
        self._executor = executor
        self.process = process
        self.connection = connection

    def send(self, message: bytes) -> bool:
        """Whether the message was taken."""
        try:
            self.connection.send_bytes(message)
        except (OSError, ValueError):
            return False
        return True

    def end(self) -> None:
        """Kill the process and wait for it."""
        self._executor.forget(self)
        self.process.kill()
        self.process.wait()


class ProcessExecutor:
    """An Executor on this machine."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self._links: dict[int, WorkerProcess] = {}

    @property
    def process_ids(self) -> list[int]:
        """Of the processes there are."""
        return [link.process.pid for link in self._links.values()]

    def start(self) -> WorkerProcess:
        """Start a process; does not wait for it."""
        ours, theirs = socket.socketpair()
        limit = struct.pack("ll", SOCKET_SECONDS, 0)
        for option in (socket.SO_SNDTIMEO, socket.SO_RCVTIMEO):
            ours.setsockopt(socket.SOL_SOCKET, option, limit)
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-m", f"{__package__}.worker_process"],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)},
            )
        link = WorkerProcess(self, process, Connection(ours.detach()))
        self._links[link.connection.fileno()] = link
        self._poll.register(link.connection.fileno(), select.POLLIN)
        return link

    def receive(self, seconds: float) -> list[Received]:
        """One message of each worker that has sent one, after waiting up to `seconds` for the first."""
        received = []
        for descriptor, _ in self._poll.poll(int(seconds * 1000)):
            link = self._links[descriptor]
            try:
                received.append(Received(link, link.connection.recv_bytes(MAX_MESSAGE_BYTES)))
            except (EOFError, BrokenPipeError, ConnectionResetError):
                received.append(Received(link, b"", "died"))
            except (OSError, MemoryError):
                received.append(Received(link, b"", "garbled"))
        return received

    def forget(self, link: WorkerProcess) -> None:
        """Close the socket, which ends a process that is well."""
        descriptor = link.connection.fileno()
        self._poll.unregister(descriptor)
        del self._links[descriptor]
        link.connection.close()

    def close(self) -> None:
        """End all processes and wait for it."""
        links = list(self._links.values())
        for link in links:
            self.forget(link)
        for link in links:
            try:
                link.process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                link.process.kill()
                link.process.wait()
