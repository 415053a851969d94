"""What is said while derivation catches up with L1."""

from dataclasses import dataclass

from structlog.testing import capture_logs

from batcher.l2_source import L2BlockRef
from l1_bridge.types import BlockId, L1Header
from sequencer.derivation.driver import SyncStatus
from sequencer.node.catching_up import LEAST_BEHIND_L1_BLOCKS, CatchUpTeller
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
    teller = CatchUpTeller(following, clock)
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
    teller = CatchUpTeller(Following(status(100, 1_100, 500)), clock)
    await teller.step()
    clock.seconds += 5

    with capture_logs() as logs:
        await teller.step()

    assert (logs[0]["blocks_a_second"], logs[0]["eta_seconds"]) == (0.0, None)


async def test_near_the_head_it_says_nothing_but_the_end() -> None:
    clock, following = ManualClock(), Following(status(100, 1_100, 500))
    teller = CatchUpTeller(following, clock)
    await teller.step()
    clock.seconds += 60
    following.sync_status = status(1_101 - LEAST_BEHIND_L1_BLOCKS, 1_100, 5_000)

    with capture_logs() as logs:
        await teller.step()
        await teller.step()

    assert [(line["event"], line["safe"], line["seconds"]) for line in logs] == [("caught_up", 5_000, 60.0)]
