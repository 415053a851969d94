"""
A worker as a process of its own: messages on a socket, which is its standard input.

Started as `python -m`, never forked, so nothing of the parent is imported or shared. It ends when the socket closes,
however the parent ended; SIGINT is the parent's business.
"""

import gc
import os
import queue
import signal
import threading
from multiprocessing.connection import Connection

from .messages import MAX_MESSAGE_BYTES, unseal
from .worker import Worker

GARBAGE_THRESHOLD = 50_000
"""Allocations between collections: batches are short-lived and mostly free of cycles."""


def _listen(connection: Connection, inbox: "queue.SimpleQueue[bytes]") -> None:
    """Take messages off the socket, so that the parent never waits for a busy worker; end with the parent."""
    try:
        while True:
            inbox.put(connection.recv_bytes(MAX_MESSAGE_BYTES))
    except (EOFError, OSError):
        os._exit(0)


def main() -> None:
    """Serve the parent until it is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    connection = Connection(os.dup(0))
    inbox: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(connection, inbox), daemon=True).start()
    worker = Worker()
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_THRESHOLD)
    while True:
        for answer in worker.handle(*unseal(inbox.get())):
            connection.send_bytes(answer)


if __name__ == "__main__":
    main()
