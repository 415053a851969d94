"""The alert command gets the finding; whatever becomes of it, the watcher goes on."""

import json
import sys
from pathlib import Path

import pytest

from batcher.watcher import WrongOutput
from l1_bridge.proofs import Output
from sequencer.node.alarms import CommandAlarm, UnusableCommand, parse_command

WRONG = WrongOutput(Output(3, b"\x01" * 32, 60, 1_000), b"\x02" * 32)


async def test_command_gets_one_line_of_json(tmp_path: Path) -> None:
    heard = tmp_path / "heard"
    script = f"import sys, pathlib; pathlib.Path({str(heard)!r}).write_text(sys.stdin.read())"

    await CommandAlarm([sys.executable, "-c", script], 60.0).sound(WRONG)

    (line,) = heard.read_text().splitlines()
    assert json.loads(line) == {
        "event": "wrong_output",
        "index": 3,
        "l2_block": 60,
        "posted_root": "0x" + "01" * 32,
        "derived_root": "0x" + "02" * 32,
        "l1_timestamp": 1_000,
    }


@pytest.mark.parametrize(
    ("command", "seconds"),
    [
        (["/does/not/exist"], 60.0),
        ([sys.executable, "-c", "raise SystemExit(3)"], 60.0),
        ([sys.executable, "-c", "import signal; signal.pause()"], 0.2),
    ],
)
async def test_a_command_that_fails_or_hangs_holds_up_nothing(command: list[str], seconds: float) -> None:
    await CommandAlarm(command, seconds).sound(WRONG)


def test_words_are_split_as_a_shell_does() -> None:
    assert parse_command("notify --title 'wrong output'") == ["notify", "--title", "wrong output"]


@pytest.mark.parametrize("text", ["", "  ", "notify 'x"])
def test_what_is_no_command_line_is_refused(text: str) -> None:
    with pytest.raises(UnusableCommand):
        parse_command(text)
