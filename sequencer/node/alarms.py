"""Alarms of the watcher: a command of the operator's, that gets the finding as JSON; or none beside log and metrics."""

import asyncio
import json
import shlex
from collections.abc import Sequence

import structlog

from batcher.watcher import WrongOutput
from l1_bridge.errors import CriticalError

log = structlog.get_logger(__name__)


class UnusableCommand(CriticalError):
    """The alert command is no command line."""


class SilentAlarm:
    """Log and metrics are all there is."""

    async def sound(self, wrong: WrongOutput) -> None:
        """Nothing more."""


class CommandAlarm:
    """Runs a command without a shell; one that fails, is not there or takes too long is logged, and no more."""

    def __init__(self, command: Sequence[str], timeout_seconds: float) -> None:
        self._command = tuple(command)
        self._timeout_seconds = timeout_seconds

    async def sound(self, wrong: WrongOutput) -> None:
        """Run it with one line of JSON on its standard input."""
        try:
            process = await asyncio.create_subprocess_exec(*self._command, stdin=asyncio.subprocess.PIPE)
        except OSError as reason:
            log.error("alert_command_failed", reason=str(reason))
            return
        try:
            async with asyncio.timeout(self._timeout_seconds):
                await process.communicate(describe_wrong_output(wrong).encode() + b"\n")
        except TimeoutError:
            log.error("alert_command_failed", reason=f"not done after {self._timeout_seconds:g} s")
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            log.error("alert_command_failed", reason=f"exit code {process.returncode}")


def parse_command(text: str) -> list[str]:
    """Words of a command line; raises UnusableCommand."""
    try:
        words = shlex.split(text)
    except ValueError as reason:
        raise UnusableCommand(f"{text!r} is no command line: {reason}") from None
    if not words:
        raise UnusableCommand("the alert command is empty")
    return words


def describe_wrong_output(wrong: WrongOutput) -> str:
    """One line of JSON."""
    posted = wrong.posted
    return json.dumps(
        {
            "event": "wrong_output",
            "index": posted.index,
            "l2_block": posted.l2_block_number,
            "posted_root": "0x" + posted.output_root.hex(),
            "derived_root": "0x" + wrong.derived_root.hex(),
            "l1_timestamp": posted.l1_timestamp,
        }
    )
