"""`braid devnet` as a process of its own, as a user starts it: by its command line, known by what it prints."""

import json
import os
import random
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from sequencer.node.supervisor import end_with_this_process

READY_SECONDS = 90.0
"""Longest wait for the line that says ready: far above what it takes, since test machines are slow now and then."""

STOP_SECONDS = 40.0
PORTS = 4
OWN_PORTS = (12_000, 32_000)
"""Below the range from which the system takes ports for outgoing connections, which come and go at any time."""

T = TypeVar("T")


def wait_until(what: str, probe: Callable[[], T | None], seconds: float = 40.0) -> T:
    """Ask `probe` until it gives something (not None, not False), and return that; fail with `what` at the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        found = probe()
        if found is not None and found is not False:
            return found
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.05)


def find_port_base() -> int:
    """The first of four neighbouring ports that nobody listens on, and that no outgoing connection is given."""
    for _ in range(100):
        base = random.SystemRandom().randrange(*OWN_PORTS, PORTS)  # the seeded one gives all workers the same
        if all(is_free(base + offset) for offset in range(PORTS)):
            return base
    raise AssertionError("no four neighbouring ports are free")


def is_free(port: int) -> bool:
    """Whether a server could listen on that port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def braid(*arguments: str) -> list[str]:
    """Command line of a subcommand, by the interpreter that runs the tests."""
    return [sys.executable, "-m", "sequencer", *arguments]


def run_braid(
    *arguments: str, environment: Mapping[str, str] | None = None, seconds: float = 60.0
) -> subprocess.CompletedProcess[str]:
    """Run a subcommand to its end."""
    return subprocess.run(
        braid(*arguments),
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
        env={**os.environ, **(environment or {})},
    )


def descendants(process_id: int) -> set[int]:
    """Ids of all processes below one."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found: set[int] = set()
    waiting = [process_id]
    while waiting:
        for child in children.get(waiting.pop(), []):
            found.add(child)
            waiting.append(child)
    return found


def is_alive(process_id: int) -> bool:
    """Whether a process runs; one that has ended and was not waited for does not."""
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def command_of(process_id: int) -> str:
    """A process's command line."""
    return Path(f"/proc/{process_id}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a devnet ended, and what it left."""

    code: int
    stderr: str
    living: tuple[str, ...]
    """Command lines of its processes that go on."""
    ports: tuple[int, ...]
    """Its ports that somebody still listens on."""


class DevnetProcess:
    """A devnet that runs, or has ended."""

    def __init__(
        self, l1: str, data_dir: Path, options: Sequence[str] = (), environment: Mapping[str, str] | None = None
    ) -> None:
        self.l1 = l1
        self.data_dir = data_dir
        self.port_base = find_port_base()
        self._options = tuple(options)
        self._environment = dict(environment or {})
        self._family: set[int] = set()
        self._process: subprocess.Popen[str] | None = None
        self.info: Mapping[str, object] = {}

    @property
    def is_running(self) -> bool:
        """Whether it was started and its end was not heard of."""
        return self._process is not None

    def start(self) -> None:
        """Start it and wait for its line of JSON."""
        arguments = ["devnet", "--json", "--l1", self.l1, "--data-dir", str(self.data_dir)]
        process = subprocess.Popen(
            braid(*arguments, "--port-base", str(self.port_base), *self._options),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **self._environment},
            preexec_fn=end_with_this_process(),
        )
        self._process = process
        self.info = json.loads(self._read_line(process))
        self._family = descendants(process.pid)

    def end(self, with_signal: signal.Signals = signal.SIGTERM) -> Ended:
        """Send a signal, wait for the end, and look at what is left."""
        assert self._process is not None
        self._family |= descendants(self._process.pid)
        self._process.send_signal(with_signal)
        return self.wait_for_end()

    def wait_for_end(self) -> Ended:
        """Wait until it ends by itself, and look at what is left."""
        process, self._process = self._process, None
        assert process is not None
        try:
            _, stderr = process.communicate(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
        living = tuple(command_of(child) for child in self._family if is_alive(child))
        ports = tuple(port for port in range(self.port_base, self.port_base + PORTS) if not is_free(port))
        return Ended(process.returncode, stderr, living, ports)

    def restart(self) -> None:
        """Stop it in order and start it again on the same data directory and ports."""
        ended = self.end()
        assert ended == Ended(0, "", (), ()), ended
        self.start()

    def child(self, subcommand: str) -> int:
        """Process id of one of its processes, by the name of its subcommand."""
        assert self._process is not None
        found = [pid for pid in descendants(self._process.pid) if f" {subcommand} " in command_of(pid)]
        assert len(found) == 1, f"{len(found)} processes of {subcommand}"
        return found[0]

    def text(self, key: str) -> str:
        """A value of its line of JSON."""
        return str(self.info[key])

    def contract(self, name: str) -> str:
        """Address of a contract on L1."""
        contracts = self.info["contracts"]
        assert isinstance(contracts, dict)
        return str(contracts[name])

    def key(self, index: int) -> str:
        """Private key of a funded account."""
        accounts = self.info["accounts"]
        assert isinstance(accounts, list)
        return str(accounts[index]["private_key"])

    def _read_line(self, process: "subprocess.Popen[str]") -> str:
        assert process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            heard = selector.select(READY_SECONDS)
        line = process.stdout.readline() if heard else ""
        if not line:
            process.kill()
            _, stderr = process.communicate()
            raise AssertionError(f"devnet did not become ready:\n{stderr}\n{self._logs()}")
        return line

    def _logs(self) -> str:
        logs = sorted((self.data_dir / "logs").glob("*.log"))
        return "\n".join(f"== {path.name}\n{path.read_text(errors='replace')[-2000:]}" for path in logs)
