"""The world that stories are played in."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.actions.world import World


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A rollup at its genesis."""
    made = await World.create(tmp_path)
    yield made
    await made.close()
