"""What is said while derivation catches up with L1."""

import io
import sys
from dataclasses import dataclass

import pytest
from rich.console import Console
from structlog.testing import capture_logs

from batcher.l2_source import L2BlockRef
from l1_bridge.types import BlockId, L1Header
from sequencer.derivation.driver import SyncStatus
from sequencer.node.catching_up import LEAST_BEHIND_L1_BLOCKS, CatchUp, CatchUpLog, CatchUpTeller
from sequencer.node.progress_line import ProgressLine
from tests.fakes.real_node import ManualClock


@dataclass
class Following:
    """A follower that a test moves."""

    sync_status: SyncStatus


def header(number: int) -> L1Header:
    return L1Header(number.to_bytes(32, "big"), bytes(32), number, 12 * number, 1, bytes(32))


def status(current_l1: int, head_l1: int, safe: int) -> SyncStatus:
    ref = L2BlockRef(safe, bytes(32), bytes(32), 0, BlockId(0, bytes(32)), 0)
    return SyncStatus(header(current_l1), header(head_l1), None, None, ref, ref, ref)


async def test_far_behind_it_says_how_fast_it_is_and_how_long_it_takes() -> None:
    clock, following = ManualClock(), Following(status(100, 1_100, 500))
    teller = CatchUpTeller(following, clock, CatchUpLog())
    await teller.step()
    clock.seconds += 10
    following.sync_status = status(300, 1_100, 1_500)

    with capture_logs() as logs:
        await teller.step()

    (line,) = logs
    assert (line["event"], line["safe"], line["percent"]) == ("catching_up", 1_500, 27.3)
    assert (line["blocks_a_second"], line["eta_seconds"]) == (100.0, 40)


async def test_while_nothing_moves_no_end_is_foretold() -> None:
    clock = ManualClock()
    teller = CatchUpTeller(Following(status(100, 1_100, 500)), clock, CatchUpLog())
    await teller.step()
    clock.seconds += 5

    with capture_logs() as logs:
        await teller.step()

    assert (logs[0]["blocks_a_second"], logs[0]["eta_seconds"]) == (0.0, None)


async def test_near_the_head_it_says_nothing_but_the_end() -> None:
    clock, following = ManualClock(), Following(status(100, 1_100, 500))
    teller = CatchUpTeller(following, clock, CatchUpLog())
    await teller.step()
    clock.seconds += 60
    following.sync_status = status(1_101 - LEAST_BEHIND_L1_BLOCKS, 1_100, 5_000)

    with capture_logs() as logs:
        await teller.step()
        await teller.step()

    assert [(line["event"], line["safe"], line["seconds"]) for line in logs] == [("caught_up", 5_000, 60.0)]


def test_a_terminal_gets_a_line_that_is_drawn_again_and_wiped_at_the_end() -> None:
    written = io.StringIO()
    line = ProgressLine(Console(file=written, force_terminal=True, width=120))

    line.show(CatchUp(500, 250, 1_000, blocks_a_second=20.5, eta_seconds=75))
    line.show(CatchUp(600, 300, 1_000, blocks_a_second=21.0, eta_seconds=None))
    drawn = written.getvalue()
    line.end(2_000, 12.5)

    assert "25%" in drawn
    assert "safe block 500, 20.5 blocks/s, 0:01:15 left" in drawn
    assert "safe block 600, 21.0 blocks/s" in drawn
    assert "0:" not in drawn.partition("safe block 600")[2]
    assert written.getvalue().endswith("caught up with L1 at safe block 2,000, in 12.5 s\n")


def test_standard_error_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(sys, "stderr", terminal)
    line = ProgressLine(Console(stderr=True, force_terminal=True))

    line.show(CatchUp(500, 250, 1_000, blocks_a_second=20.5, eta_seconds=75))
    taken = sys.stderr
    line.close()
    line.close()

    assert taken is not terminal
    assert sys.stderr is terminal
