"""
How a long-lived part says when it wants to run again.

A service has `step()` and `reset()` and no loop of its own: the runner calls
`step`, and the returned `Wake` is the longest it may stay idle. A test calls
`step` by hand.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wake:
    """When the next `step` is due; an event may bring it forward."""

    after_seconds: float
    """0: again at once, there is more to do."""


AGAIN = Wake(0.0)
"""There is more to do right now."""
