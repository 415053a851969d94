"""The last step of an orderly stop: what the batcher read is handed over, and nothing there keeps it from ending."""

import asyncio
from typing import cast

import pytest

from batcher.submitter import BatchSubmitter
from l1_bridge.errors import CriticalError, TemporaryError
from sequencer.node import posting


class Submitter:
    """Only what a stop uses of the real one."""

    def __init__(self, outcome: BaseException | None = None, hangs: bool = False) -> None:
        self._outcome = outcome
        self._hangs = hangs
        self.flushes = 0

    async def flush(self) -> None:
        self.flushes += 1
        if self._hangs:
            await asyncio.Event().wait()
        if self._outcome is not None:
            raise self._outcome


async def _flush(submitter: Submitter) -> None:
    await posting._flush(cast(BatchSubmitter, submitter))  # flush is all that is used


async def test_what_was_read_is_handed_over() -> None:
    submitter = Submitter()

    await _flush(submitter)

    assert submitter.flushes == 1


async def test_an_l1_that_is_away_does_not_keep_the_batcher_from_ending() -> None:
    submitter = Submitter(TemporaryError("L1 is away"))

    await _flush(submitter)

    assert submitter.flushes == 1


async def test_an_l1_that_hangs_does_not_keep_the_batcher_from_ending(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "FLUSH_SECONDS", 0.0)
    submitter = Submitter(hangs=True)

    await _flush(submitter)

    assert submitter.flushes == 1


async def test_a_batch_that_decodes_to_something_else_is_not_passed_by() -> None:
    with pytest.raises(CriticalError):
        await _flush(Submitter(CriticalError("decodes to something else")))
