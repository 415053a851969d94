"""The world that stories are played in."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from batcher.config import BatcherSettings
from tests.actions.posting import BLOBS, CALLDATA
from tests.actions.world import World


@pytest.fixture(params=[pytest.param(CALLDATA, id="calldata"), pytest.param(BLOBS, id="span-brotli-blobs")])
async def world(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """A rollup at its genesis; each story is played with either way of posting."""
    settings = request.param
    assert isinstance(settings, BatcherSettings)
    made = await World.create(tmp_path, settings)
    yield made
    await made.close()
