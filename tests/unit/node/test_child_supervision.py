"""Child processes: they stop in reverse order, end with their parent, and say why they ended."""

import asyncio
import os
import select
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sequencer.node import supervisor as supervision
from sequencer.node.supervisor import LOG_TAIL_BYTES, ChildEnded, ChildSpec, Supervisor

ROOT = Path(__file__).resolve().parents[3]

TELLS = """
import os, signal, sys
name, told = sys.argv[1:]
fifo = os.open(told, os.O_WRONLY)
def on_stop(*_):
    os.write(fifo, f"stopped {name}\\n".encode())
    sys.exit(0)
signal.signal(signal.SIGTERM, on_stop if name != "stubborn" else signal.SIG_IGN)
os.write(fifo, f"started {name}\\n".encode())
while True:
    signal.pause()
"""
"""A child that tells when it is ready and when it was asked to stop."""

PARENT = """
import asyncio, pathlib, sys
from sequencer.node.supervisor import ChildSpec, Supervisor
async def main():
    async with Supervisor(pathlib.Path(sys.argv[1])) as supervisor:
        await supervisor.start(ChildSpec("child", [sys.executable, "-c", "import signal; signal.pause()"], {}))
        print(supervisor.process_ids()["child"], flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""


class Told:
    """What children tell by a named pipe."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = path
        self._fd = os.open(path, os.O_RDWR)  # read and write: never at its end
        self._rest = b""

    async def line(self) -> str:
        async with asyncio.timeout(30):
            while b"\n" not in self._rest:
                self._rest += await asyncio.to_thread(self._read)
        line, self._rest = self._rest.split(b"\n", 1)
        return line.decode()

    def _read(self) -> bytes:
        ready, _, _ = select.select([self._fd], [], [], 20)
        return os.read(self._fd, 4096) if ready else b""

    def close(self) -> None:
        os.close(self._fd)


@pytest.fixture
async def told(tmp_path: Path) -> AsyncIterator[Told]:
    told = Told(tmp_path / "told")
    yield told
    told.close()


def _teller(name: str, told: Told) -> ChildSpec:
    return ChildSpec(name, [sys.executable, "-S", "-E", "-c", TELLS, name, str(told.path)], {})


async def test_children_stop_in_reverse_order(tmp_path: Path, told: Told) -> None:
    async with Supervisor(tmp_path / "logs") as supervisor:
        for name in ("first", "second", "third"):
            await supervisor.start(_teller(name, told))
            assert await told.line() == f"started {name}"
        pids = supervisor.process_ids()

    assert [await told.line() for _ in range(3)] == ["stopped third", "stopped second", "stopped first"]
    assert list(pids) == ["first", "second", "third"]
    for pid in pids.values():
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_a_child_that_does_not_stop_is_killed(
    tmp_path: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervision, "STOP_SECONDS", 0.01)
    async with Supervisor(tmp_path / "logs") as supervisor:
        await supervisor.start(_teller("stubborn", told))
        assert await told.line() == "started stubborn"
        process = supervisor._children["stubborn"]

    assert process.returncode == -signal.SIGKILL


async def test_a_child_that_ends_by_itself_is_reported_with_the_end_of_its_log(tmp_path: Path) -> None:
    program = f"print('x' * {2 * LOG_TAIL_BYTES}); print('what went wrong'); raise SystemExit(3)"
    async with Supervisor(tmp_path / "logs") as supervisor:
        await supervisor.start(ChildSpec("broken", [sys.executable, "-S", "-E", "-c", program], {}))
        with pytest.raises(ChildEnded) as raised:
            async with asyncio.timeout(30):
                await supervisor.wait_for_end()

    assert (raised.value.name, raised.value.code) == ("broken", 3)
    assert str(raised.value).endswith("what went wrong\n")
    assert len(str(raised.value)) < LOG_TAIL_BYTES + 100


async def test_a_child_that_was_stopped_on_purpose_is_no_failure(tmp_path: Path, told: Told) -> None:
    async with Supervisor(tmp_path / "logs") as supervisor:
        await supervisor.start(_teller("a", told))
        await told.line()
        await supervisor.stop("a")

        supervisor.check()
        await supervisor.stop("a")


async def test_variables_of_a_child_are_in_its_environment_not_on_its_command_line(tmp_path: Path) -> None:
    program = (
        "import os, sys; print(os.environ['SECRET'], open('/proc/self/cmdline').read().count(os.environ['SECRET']))"
    )
    async with Supervisor(tmp_path / "logs") as supervisor:
        await supervisor.start(ChildSpec("a", [sys.executable, "-c", program], {"SECRET": "s3cret"}))
        with pytest.raises(ChildEnded) as raised:
            async with asyncio.timeout(30):
                await supervisor.wait_for_end()

    assert (raised.value.code, str(raised.value).splitlines()[-1]) == (0, "s3cret 0")


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
def test_a_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)], stdout=subprocess.PIPE, cwd=ROOT, start_new_session=True
    )
    try:
        assert parent.stdout is not None
        child = os.pidfd_open(int(parent.stdout.readline()))
        still_there, _, _ = select.select([child], [], [], 0)
        assert not still_there, "the child ended before its parent"

        parent.kill()

        ended, _, _ = select.select([child], [], [], 20)
        os.close(child)
        assert ended
    finally:
        parent.kill()
        parent.communicate()
