"""
Why bytes from L1 are not a frame, a channel or a batch.

These are facts about data from outside, so they have no category that stops or
resets anything: the reader drops the data, counts it, and goes on. The two
`CriticalError`s are about data of our own.
"""

from l1_bridge.errors import BraidError, CriticalError


class MalformedData(BraidError):
    """Bytes from outside that are not what their place asks for."""


class MalformedRlp(MalformedData):
    """Bytes that are not a canonical RLP item."""

    def __init__(self, reason: str, position: int) -> None:
        super().__init__(f"{reason} at byte {position}")
        self.reason = reason
        self.position = position


class MalformedFrames(MalformedData):
    """Transaction data of which one frame at least can not be read; all of them are void."""

    def __init__(self, reason: str, frame_index: int) -> None:
        super().__init__(f"frame {frame_index}: {reason}")
        self.reason = reason
        self.frame_index = frame_index


class MalformedBatch(MalformedData):
    """An RLP string of a channel that is not a batch."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class UnknownBatchVersion(MalformedBatch):
    """A batch of a version that the protocol does not have."""

    def __init__(self, version: int) -> None:
        super().__init__(f"unknown batch version {version}")
        self.version = version


class UnreadableTransaction(MalformedBatch):
    """A span batch that is whole, but for a transaction in it that can not be put together."""

    def __init__(self, index: int, reason: str) -> None:
        super().__init__(f"transaction {index}: {reason}")
        self.index = index


class MalformedBlob(MalformedData):
    """A blob that does not hold transaction data; it is as if it was not there."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class UnencodableField(CriticalError):
    """A value of our own that the wire format has no room for."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class ChannelOverflow(CriticalError):
    """A batch that would take a channel above what a reader decompresses."""

    def __init__(self, rlp_bytes: int, limit: int) -> None:
        super().__init__(f"channel would hold {rlp_bytes} B of RLP, a reader stops at {limit}")
        self.rlp_bytes = rlp_bytes
        self.limit = limit
