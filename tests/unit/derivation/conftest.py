"""The story that derivation's tests play."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.derivation.story import Story


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    """A fresh L1, a sequencer and a replica at genesis."""
    made = Story(tmp_path)
    yield made
    made.close()
