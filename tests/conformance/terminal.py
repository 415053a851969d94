"""A program on a terminal of its own, and what it has drawn there so far."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sequencer.node.supervisor import end_with_this_process

from .processes import stop_process

ROWS, COLUMNS = 24, 132
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(slots=True)
class Terminal:
    """What a person would see, line under line."""

    process: "subprocess.Popen[bytes]"
    drawn: bytearray = field(default_factory=bytearray)

    def text(self) -> str:
        """All that was ever drawn, without colours; a line that was drawn again stands there again."""
        return CONTROL.sub("", self.drawn.decode(errors="replace")).replace("\r", "\n")

    def processor_seconds(self) -> float:
        """What the program has used so far, in all its threads."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def require_alive(self) -> None:
        """Fail with the end of what was drawn if the program is gone."""
        code = self.process.poll()
        assert code is None, f"it ended with code {code}: {self.text()[-2_000:]}"


@contextmanager
def run_on_terminal(command: Sequence[str], log: Path, source: Path) -> Iterator[Terminal]:
    """A process until the end of the block: its standard error is a terminal, its output goes to `log`."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    environment = {**os.environ, "PYTHONPATH": str(source), "TERM": "xterm-256color", "COLUMNS": str(COLUMNS)}
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=theirs,
            cwd=source,
            env=environment,
            preexec_fn=end_with_this_process(),
        )
    os.close(theirs)
    terminal = Terminal(process)
    reader = threading.Thread(target=_read, args=(ours, terminal.drawn))
    reader.start()
    try:
        yield terminal
    finally:
        stop_process(process)
        reader.join()
        os.close(ours)


def _read(descriptor: int, drawn: bytearray) -> None:
    while True:
        try:
            data = os.read(descriptor, 65_536)
        except OSError:  # the other end is closed
            return
        if not data:
            return
        drawn += data
