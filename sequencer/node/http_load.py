"""
Sends many prepared HTTP requests over a few connections, as cheaply as Python can: the generator shares the cores.

Requests are bytes before the clock starts, sockets do not block, one selector drives all of them, and answers are kept
as they came: they are read when the clock has stopped. HTTP/1.1 with kept connections, answers with a length or in
chunks; anything else is an error. It is *not* an HTTP client for anything but load.
"""

import contextlib
import selectors
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from .json_rpc import RpcFailed

RECEIVE_BYTES = 1 << 18
_HEAD_END = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class LoadTimes:
    """Seconds of the whole, seconds of each request, and the bodies of the answers, all in order of completion."""

    seconds: float
    requests: tuple[float, ...]
    answers: tuple[bytes, ...]


def make_request(url: str, body: bytes) -> bytes:
    """A POST of JSON, ready to be written to a socket."""
    parts = urlsplit(url)
    head = (
        f"POST {parts.path or '/'} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def send_load(url: str, requests: Sequence[bytes], connections: int, timeout_seconds: float) -> LoadTimes:
    """
    Send all requests, each connection one after another; blocks until the last answer.

    Raises
    ------
    RpcFailed
        no connection, a connection that ended, a status that is not 200, or not done in time.
    """
    parts = urlsplit(url)
    address = (parts.hostname or "127.0.0.1", parts.port or 80)
    pending = iter(requests)
    lanes: list[_Lane] = []
    try:
        try:
            lanes += [_Lane(url, address) for _ in range(min(connections, len(requests)))]
            return _drive(url, lanes, pending, timeout_seconds)
        except OSError as reason:
            raise RpcFailed(f"{url}: {reason}") from None
    finally:
        for lane in lanes:
            lane.socket.close()


def _drive(url: str, lanes: Sequence["_Lane"], pending: Iterator[bytes], timeout_seconds: float) -> LoadTimes:
    seconds: list[float] = []
    answers: list[bytes] = []
    with selectors.DefaultSelector() as selector:
        started = time.perf_counter()
        deadline = started + timeout_seconds
        for lane in lanes:
            selector.register(lane.socket, selectors.EVENT_READ, lane)
            lane.begin(next(pending), selector)
        busy = len(lanes)
        while busy:
            ready = selector.select(max(deadline - time.perf_counter(), 0.0))
            if not ready:
                raise RpcFailed(f"{url}: {len(answers)} answers after {timeout_seconds:g} s")
            for key, events in ready:
                lane = key.data
                if events & selectors.EVENT_WRITE:
                    lane.write(selector)
                if events & selectors.EVENT_READ and (answer := lane.read()) is not None:
                    answers.append(answer)
                    seconds.append(time.perf_counter() - lane.started)
                    request = next(pending, None)
                    if request is None:
                        busy -= 1
                        selector.unregister(lane.socket)
                    else:
                        lane.begin(request, selector)
        return LoadTimes(time.perf_counter() - started, tuple(seconds), tuple(answers))


class _Lane:
    """One connection, and the request that is on it."""

    __slots__ = ("_received", "_rest", "_url", "socket", "started")

    def __init__(self, url: str, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address, timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.started = 0.0
        self._url = url
        self._rest = memoryview(b"")
        self._received = b""

    def begin(self, request: bytes, selector: selectors.BaseSelector) -> None:
        """Write the next request, as much as the socket takes."""
        self.started = time.perf_counter()
        self._rest = memoryview(request)
        self.write(selector)

    def write(self, selector: selectors.BaseSelector) -> None:
        """Write on; look for room only while something is left."""
        was_left = bool(selector.get_key(self.socket).events & selectors.EVENT_WRITE)
        with contextlib.suppress(BlockingIOError):
            self._rest = self._rest[self.socket.send(self._rest) :]
        is_left = bool(self._rest)
        if is_left != was_left:
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if is_left else 0)
            selector.modify(self.socket, events, self)

    def read(self) -> bytes | None:
        """What came; the answer's body when it is complete."""
        received = self.socket.recv(RECEIVE_BYTES)
        if not received:
            raise RpcFailed(f"{self._url}: the connection was closed")
        self._received = self._received + received if self._received else received
        body = read_response(self._url, self._received)
        if body is not None:
            self._received = b""
        return body


def read_response(url: str, data: bytes) -> bytes | None:
    """The body of a complete response, None while more is to come; raises RpcFailed for a status that is not 200."""
    head_end = data.find(_HEAD_END)
    if head_end < 0:
        return None
    head = data[:head_end].lower()
    if not head.startswith((b"http/1.1 200", b"http/1.0 200")):
        raise RpcFailed(f"{url}: {data[:head_end].splitlines()[0].decode(errors='replace')}")
    body_start = head_end + len(_HEAD_END)
    place = head.find(b"\r\ncontent-length:")
    if place >= 0:
        length = int(head[place + 17 :].split(b"\r\n", 1)[0])
        return data[body_start : body_start + length] if len(data) >= body_start + length else None
    if b"\r\ntransfer-encoding: chunked" not in head:
        raise RpcFailed(f"{url}: an answer without a length")
    return _read_chunks(data, body_start)


def _read_chunks(data: bytes, place: int) -> bytes | None:
    parts: list[bytes] = []
    while True:
        line_end = data.find(b"\r\n", place)
        if line_end < 0:
            return None
        size = int(data[place:line_end].split(b";")[0], 16)
        start = line_end + 2
        if len(data) < start + size + 2:
            return None
        if size == 0:
            return b"".join(parts)
        parts.append(data[start : start + size])
        place = start + size + 2
