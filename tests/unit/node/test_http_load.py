"""The load generator's HTTP: answers in any cut, lengths and chunks, and errors that say what happened."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sequencer.node.http_load import make_request, read_response, send_load
from sequencer.node.json_rpc import RpcFailed

URL = "http://node"


def _with_length(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def _in_chunks(body: bytes, size: int) -> bytes:
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    chunks = b"".join(b"%x\r\n" % len(part) + part + b"\r\n" for part in parts)
    return b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"


@given(st.binary(max_size=300), st.integers(1, 100))
def test_a_response_is_complete_at_its_last_byte(body: bytes, size: int) -> None:
    for whole in (_with_length(body), _in_chunks(body, size)):
        assert read_response(URL, whole) == body
        assert all(read_response(URL, whole[:end]) is None for end in range(len(whole)))


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n", "429 Too Many Requests"),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", "without a length"),
    ],
)
def test_an_answer_that_is_none_is_an_error(response: bytes, reason: str) -> None:
    with pytest.raises(RpcFailed, match=reason):
        read_response(URL, response)


@contextmanager
def _server(answer: Callable[[socket.socket, bytes], None]) -> Iterator[str]:
    """Reads requests of any number of connections, each in a thread, and answers by `answer`."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(connection: socket.socket) -> None:
        with connection:
            received = b""
            while data := connection.recv(65536):
                received += data
                while (end := received.find(b"\r\n\r\n")) >= 0:
                    length = int(received[:end].split(b"Content-Length: ")[1].split(b"\r\n")[0])
                    if len(received) < end + 4 + length:
                        break
                    body, received = received[end + 4 : end + 4 + length], received[end + 4 + length :]
                    answer(connection, body)

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def test_every_request_is_sent_and_answered_once() -> None:
    bodies = [b"%d" % index * (1 + 20_000 * (index % 7 == 0)) for index in range(100)]

    with _server(lambda connection, body: connection.sendall(_with_length(body))) as url:
        times = send_load(url, [make_request(url, body) for body in bodies], 4, 20)

    assert sorted(times.answers) == sorted(bodies)
    assert len(times.requests) == 100
    assert all(0 < seconds <= times.seconds for seconds in times.requests)


def test_more_connections_than_requests_are_not_opened() -> None:
    with _server(lambda connection, body: connection.sendall(_in_chunks(body, 2))) as url:
        assert send_load(url, [make_request(url, b"only")], 16, 20).answers == (b"only",)


def test_a_connection_that_ends_is_an_error() -> None:
    def hang_up(connection: socket.socket, body: bytes) -> None:
        connection.shutdown(socket.SHUT_RDWR)

    with _server(hang_up) as url, pytest.raises(RpcFailed, match="closed"):
        send_load(url, [make_request(url, b"x")], 1, 20)


def test_a_server_that_never_answers_is_given_up() -> None:
    with _server(lambda connection, body: None) as url, pytest.raises(RpcFailed, match=r"0 answers after 0\.1 s"):
        send_load(url, [make_request(url, b"x")], 1, 0.1)


def test_nobody_there_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    with pytest.raises(RpcFailed, match="refused"):
        send_load(f"http://127.0.0.1:{port}", [make_request(URL, b"x")], 1, 5)
