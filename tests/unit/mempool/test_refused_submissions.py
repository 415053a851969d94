"""What the extension refuses waits for Python's reason alone: that may take long, and strangers choose how long."""

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from sequencer.mempool import recovery_jobs
from sequencer.mempool.admission import AdmissionRules
from sequencer.mempool.errors import Undecodable
from sequencer.mempool.mempool import Mempool
from sequencer.primitives.recovery import Decoding, explain_refusals
from tests.factories import CHAIN_ID, make_transaction
from tests.missing_tools import needs_extension
from tests.unit.mempool.chain_view import FakeChain, ManualClock


@needs_extension
async def test_nobody_waits_for_the_reason_of_anothers_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def explain(raws: Sequence[bytes], found: Sequence[Decoding | None]) -> list[Decoding]:
        assert release.wait(30)
        return explain_refusals(raws, found)

    monkeypatch.setattr(recovery_jobs, "explain_refusals", explain)
    mempool = await Mempool.open(tmp_path, FakeChain(), ManualClock(), AdmissionRules(CHAIN_ID))
    await mempool.recover()
    good, other = make_transaction(nonce=0), make_transaction(nonce=1)
    try:
        refused = asyncio.ensure_future(mempool.submit_many([other.raw, b"\x02"]))
        async with asyncio.timeout(20):
            assert await mempool.submit_many([good.raw]) == [good.hash]
        assert not refused.done()
    finally:
        release.set()
    taken, reason = await refused

    assert taken == other.hash
    assert isinstance(reason, Undecodable)
    await mempool.close()
