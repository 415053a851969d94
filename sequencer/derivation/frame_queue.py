"""
Frame queue: frames of one transaction at a time, in an order that can be assembled (holocene/derivation.md).

Within a transaction a frame is dropped when it does not continue the one before it; a first frame throws out the
unfinished channel before it. One malformed frame voids its whole transaction. Where the spec's text and op-node
differ - a first frame with the id of the unfinished channel before it - the new frame is dropped, as op-node does.
"""

from collections import deque
from collections.abc import Iterable

from batcher.codec.errors import MalformedFrames
from batcher.codec.frame import Frame, decode_frames

from . import metrics


class FrameQueue:
    """Data of one L1 block in, frames out."""

    def __init__(self) -> None:
        self._data: deque[bytes] = deque()
        self._frames: deque[Frame] = deque()

    def load(self, data: Iterable[bytes]) -> None:
        """Append the data of batcher transactions; nothing is decoded yet."""
        self._data.extend(data)

    def next_frame(self) -> Frame | None:
        """The next frame; None when all data is read."""
        while not self._frames:
            if not self._data:
                return None
            try:
                frames = decode_frames(self._data.popleft())
            except MalformedFrames:
                metrics.FRAMES.labels("malformed").inc()
                continue
            self._frames.extend(prune_frames(frames))
        return self._frames.popleft()


def prune_frames(frames: Iterable[Frame]) -> list[Frame]:
    """The frames of one transaction that are in order; the very first one is never judged here."""
    kept: list[Frame] = []
    offered = 0
    for frame in frames:
        offered += 1
        while kept and _replaces(frame, kept[-1]):
            kept.pop()
        if not kept or _follows(frame, kept[-1]):
            kept.append(frame)
    metrics.FRAMES.labels("queue_order").inc(offered - len(kept))
    return kept


def _replaces(frame: Frame, before: Frame) -> bool:
    """A new channel begins while another one is unfinished."""
    return frame.number == 0 and frame.channel_id != before.channel_id and not before.is_last


def _follows(frame: Frame, before: Frame) -> bool:
    if frame.channel_id == before.channel_id:
        return not before.is_last and frame.number == before.number + 1
    return frame.number == 0
