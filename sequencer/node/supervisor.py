"""
Child processes of a development network: started, watched, and stopped in order.

A child ends when its parent dies: on Linux the kernel sees to it (PR_SET_PDEATHSIG), elsewhere only an orderly stop
does. Each child writes to its own log file.
"""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from l1_bridge.errors import CriticalError

STOP_SECONDS = 10.0
"""How long a child may take to stop in order before it is killed."""

LOG_TAIL_BYTES = 2_000

_PR_SET_PDEATHSIG = 1


class ChildEnded(CriticalError):
    """A child process ended by itself; the message holds the end of its log."""

    def __init__(self, name: str, code: int, log_tail: str) -> None:
        super().__init__(f"{name} ended with code {code}\n{log_tail}")
        self.name = name
        self.code = code


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """What to run: the name it is known by, its command line, and variables beside the inherited environment."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]


class Supervisor:
    """Owns child processes; use as an async context manager, children stop in reverse order of their start."""

    def __init__(self, log_dir: Path) -> None:
        self._log_dir = log_dir
        self._children: dict[str, asyncio.subprocess.Process] = {}

    async def __aenter__(self) -> "Supervisor":
        """Make the log directory."""
        self._log_dir.mkdir(parents=True, exist_ok=True)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop every child, the last started first."""
        for name in reversed(list(self._children)):
            await self.stop(name)

    async def start(self, spec: ChildSpec) -> None:
        """Start a child; its output is appended to `<name>.log`."""
        with (self._log_dir / f"{spec.name}.log").open("ab") as log_file:
            self._children[spec.name] = await asyncio.create_subprocess_exec(
                *spec.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log_file,
                stderr=log_file,
                env={**os.environ, **spec.environment},
                preexec_fn=end_with_this_process(),
                start_new_session=True,  # a Ctrl-C on the terminal reaches the supervisor alone
            )

    async def stop(self, name: str) -> None:
        """Ask a child to end, and kill it when it does not."""
        process = self._children.pop(name, None)
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    def check(self) -> None:
        """Raise ChildEnded when a child is gone that nobody stopped."""
        for name, process in self._children.items():
            if process.returncode is not None:
                raise ChildEnded(name, process.returncode, self._log_tail(name))

    async def wait_for_end(self) -> None:
        """Wait until any child ends by itself, then raise ChildEnded."""
        waits = [asyncio.ensure_future(process.wait()) for process in self._children.values()]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        self.check()

    def process_ids(self) -> dict[str, int]:
        """Process id of each child, by name."""
        return {name: process.pid for name, process in self._children.items()}

    def _log_tail(self, name: str) -> str:
        try:
            data = (self._log_dir / f"{name}.log").read_bytes()
        except OSError:
            return ""
        return data[-LOG_TAIL_BYTES:].decode(errors="replace")


_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def end_with_this_process() -> Callable[[], None] | None:
    """What a child runs before it becomes another program, to end when we do; None where the kernel can not."""
    return partial(_end_with_parent, os.getpid()) if _libc is not None else None


def _end_with_parent(parent: int) -> None:
    """Runs in the child between fork and exec."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:  # it died before the kernel was told
            os._exit(1)
