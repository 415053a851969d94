"""`braid replica` from genesis on an L1 that is some way off: few requests, and a line of progress on its terminal."""

from pathlib import Path

import pytest

from tests.conformance.catching_up import catch_up
from tests.conformance.long_chain import L1_CHAIN_ID, LongLoad, get_long_chain
from tests.conformance.recorded_l1_server import RecordedL1Server, serve_recorded_l1

pytestmark = pytest.mark.slow

LOAD = LongLoad(blocks=80, block_seconds=12)
"""As many blocks of L1, which is how many requests count."""

LATENCY_SECONDS = 0.15
"""Of a request; so it takes some looks of the line of progress until all is read."""


async def test_a_replica_reads_l1_in_few_requests_and_shows_how_far_it_is(tmp_path: Path) -> None:
    chain = await get_long_chain(LOAD, tmp_path)
    assert chain.l1_blocks > LOAD.blocks
    l1 = RecordedL1Server.load(chain.folder / "l1.json.gz", L1_CHAIN_ID)
    l1.latency_seconds = LATENCY_SECONDS

    with serve_recorded_l1(l1):
        result = catch_up(chain, l1, tmp_path)

    *lines, end = result.shown
    assert lines, "nothing said how far it is"
    assert all(" blocks/s, " in line and line.endswith(" left") for line in lines)
    assert end.startswith("caught up with L1 at safe block ")
    assert result.block_calls >= 2 * LOAD.blocks
    assert result.block_requests <= result.block_calls / 4
