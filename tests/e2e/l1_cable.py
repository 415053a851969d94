"""
The cable between L1 and whoever reads it: a TCP port of loopback that leads to L1's, until it is cut.

A cut ends every connection that is open and turns away each new one, while L1 itself goes on: an outage as Braid's
processes see it. It knows nothing of HTTP.
"""

import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import BaseRequestHandler, ThreadingTCPServer

PIECE_BYTES = 65_536
CONNECT_SECONDS = 5.0


class L1Cable:
    """See the module; whole at first."""

    def __init__(self, l1_port: int) -> None:
        self._l1_port = l1_port
        self._lock = threading.Lock()
        self._is_cut = False
        self._ends: set[socket.socket] = set()
        self.turned_away = 0
        """Connections that found it cut."""

    def cut(self) -> None:
        """End all that is open, and let nothing through."""
        with self._lock:
            self._is_cut = True
            for end in self._ends:
                _shut(end)

    def heal(self) -> None:
        """Let new connections through."""
        with self._lock:
            self._is_cut = False

    def carry(self, near: socket.socket) -> None:
        """Hand bytes to and fro until either side ends, or the cable is cut."""
        with self._lock:
            if self._is_cut:
                self.turned_away += 1
                return
        try:
            far = socket.create_connection(("127.0.0.1", self._l1_port), CONNECT_SECONDS)
        except OSError:
            return  # L1 is away: so is this end
        far.settimeout(None)
        with far:
            ends = {near, far}
            with self._lock:
                if self._is_cut:
                    return
                self._ends |= ends
            try:
                _pump(near, far)
            finally:
                with self._lock:
                    self._ends -= ends


@contextmanager
def l1_cable(l1_port: int) -> Iterator[tuple[L1Cable, int]]:
    """A cable to that port, and the port at its near end."""
    cable = L1Cable(l1_port)

    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            cable.carry(self.request)

    class Server(ThreadingTCPServer):
        daemon_threads = True
        request_queue_size = 64

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield cable, server.server_address[1]
        finally:
            cable.cut()
            server.shutdown()
            thread.join()


def _pump(near: socket.socket, far: socket.socket) -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(near, selectors.EVENT_READ, far)
        selector.register(far, selectors.EVENT_READ, near)
        while True:
            for key, _ in selector.select():
                source, target = key.fileobj, key.data
                assert isinstance(source, socket.socket)
                try:
                    piece = source.recv(PIECE_BYTES)
                    if not piece:
                        return
                    target.sendall(piece)
                except OSError:
                    return


def _shut(end: socket.socket) -> None:
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # the other side was faster
