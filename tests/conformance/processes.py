"""Programs that run beside the devnet: started with a log file each, watched, and stopped whatever happens to us."""

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sequencer.node.supervisor import end_with_this_process
from tests.e2e.devnet_process import wait_until

from .json_rpc import JsonRpc

START_SECONDS = 90.0
STOP_SECONDS = 20.0
LOG_TAIL_CHARACTERS = 2_000


@dataclass(frozen=True, slots=True)
class PeerProcess:
    """A program that runs and writes to a file."""

    name: str
    process: "subprocess.Popen[bytes]"
    log: Path

    def require_alive(self) -> None:
        """Fail with the end of its log if it is gone."""
        code = self.process.poll()
        assert code is None, f"{self.name} ended with code {code}:\n{self.log_tail()}"

    def log_tail(self) -> str:
        """The end of what it wrote."""
        return self.log.read_text(errors="replace")[-LOG_TAIL_CHARACTERS:]


@contextmanager
def run_process(
    name: str, command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None
) -> Iterator[PeerProcess]:
    """A process until the end of the block, and not longer."""
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**_without_settings(), **(environment or {})},
            preexec_fn=end_with_this_process(),
        )
    try:
        yield PeerProcess(name, process, log)
    finally:
        stop_process(process)


def stop_process(process: "subprocess.Popen[bytes]") -> None:
    """Ask it to end, and end it when it does not."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def suspended(process_id: int) -> Iterator[None]:
    """A process that stands still, and goes on where it was: with what it then knew, and finds outdated."""
    os.kill(process_id, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process_id, signal.SIGCONT)


def _without_settings() -> dict[str, str]:
    """The environment, without what the programs would take as options."""
    return {key: value for key, value in os.environ.items() if not key.startswith(("OP_NODE_", "OP_BATCHER_", "GETH_"))}


def wait_for_answer(node: JsonRpc, method: str, process: PeerProcess) -> None:
    """Until a node answers to that method; fails when its process ends."""

    def probe() -> object:
        process.require_alive()
        return node.get_or_none(method)

    wait_until(f"{process.name} answers", probe, START_SECONDS)
