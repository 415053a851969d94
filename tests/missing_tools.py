"""
A tool that a test needs and that is not there: on CI that is a failure, on a user's machine a skip that says so.

The extension alone may be absent on CI too, where a run leaves it out; that it is built, `test_packaging.py` demands.
"""

import os
from typing import NoReturn

import pytest

from sequencer import native

needs_extension = pytest.mark.skipif(not native.is_available(), reason=f"the extension is absent: {native.absence}")


def end_without(message: str) -> NoReturn:
    """End the running test; `message` names what is absent."""
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)
