"""What holds for every test."""

from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def logs_can_be_captured() -> Iterator[None]:
    """A command that runs in the tests' own process must not set its logging up: later tests would see no log lines."""
    yield
    assert not structlog.get_config()["cache_logger_on_first_use"], "this test set up the logging of the process"
