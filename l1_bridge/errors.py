"""
Categories of failure, shared by every package of the project.

A category says what the caller must do; a leaf (defined beside the code that
raises it) says what is the case and keeps the numbers as attributes. Raise the
leaf, catch the category.
"""


class BraidError(Exception):
    """Any failure that this project raises on purpose."""


class TemporaryError(BraidError):
    """Try the same step again later: nothing was lost and nothing has to be undone."""


class ResetError(BraidError):
    """Start again from a known point: what is held no longer fits the outside world."""


class CriticalError(BraidError):
    """Stop: going on would produce or accept something wrong."""


class L1Unavailable(TemporaryError):
    """L1 did not answer in time, or answered with something that is no JSON-RPC result."""

    def __init__(self, method: str, reason: str) -> None:
        super().__init__(f"L1 did not answer {method}: {reason}")
        self.method = method
        self.reason = reason


class L1Lied(TemporaryError):
    """L1 answered with data that does not hash to what it was asked for."""

    def __init__(self, what: str, expected: bytes, actual: bytes) -> None:
        super().__init__(f"L1 lied about {what}: expected 0x{expected.hex()}, got 0x{actual.hex()}")
        self.what = what
        self.expected = expected
        self.actual = actual


class L1Pruned(TemporaryError):
    """The L1 node does not have a part of L1's past that can not have changed: another node may."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"the L1 node does not have {what}: pruned, or never synced; "
            "nothing is lost, and it goes on by itself with an L1 node that has this history"
        )
        self.what = what


class L1Reorged(ResetError):
    """The L1 block that was built upon is no longer part of the canonical L1 chain."""

    def __init__(self, number: int, held: bytes, canonical: bytes) -> None:
        super().__init__(f"L1 block {number} was 0x{held.hex()}, is 0x{canonical.hex()}")
        self.number = number
        self.held = held
        self.canonical = canonical


class L1Refused(TemporaryError):
    """L1 answered a request with a JSON-RPC error, a revert among them."""

    def __init__(self, method: str, code: int, message: str, data: bytes = b"") -> None:
        super().__init__(f"L1 refused {method}: {message} (code {code})")
        self.method = method
        self.code = code
        self.message = message
        self.data = data
        """Revert data of a call, empty when there is none."""
