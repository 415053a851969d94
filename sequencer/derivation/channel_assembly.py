"""
Channel assembly: frames into one staging channel at a time (holocene/derivation.md, "Channel Bank").

    frame 0           opens a channel; an unfinished one is dropped
    the next frame    is added; anything else is dropped
    the last frame    hands the channel on
    too old, too big  the channel is dropped
"""

from batcher.codec.channel import ChannelAssembly, FrameVerdict
from batcher.codec.frame import Frame
from l1_bridge.rollup_config import CHANNEL_TIMEOUT_BLOCKS

from . import metrics
from .frame_queue import FrameQueue


class ChannelStage:
    """Holds the staging channel; memory is bounded by the size that a channel may have."""

    def __init__(self, frames: FrameQueue) -> None:
        self._frames = frames
        self._staging: ChannelAssembly | None = None
        self._opened_at = 0
        """Number of the L1 block that held the channel's first frame."""

    def next_channel(self, origin_number: int) -> bytes | None:
        """
        Data of the next complete channel; None when all frames so far are read.

        Parameters
        ----------
        origin_number :
            L1 block whose frames are being read. A channel lives 50 blocks beyond the one that opened it.
        """
        if self._staging is not None and self._opened_at + CHANNEL_TIMEOUT_BLOCKS < origin_number:
            self._drop("timed_out")
        while (frame := self._frames.next_frame()) is not None:
            channel = self._add(frame, origin_number)
            if channel is not None and channel.is_complete:
                self._staging = None
                return channel.data
        return None

    def flush(self) -> None:
        """Forget the staging channel."""
        self._staging = None

    def _add(self, frame: Frame, origin_number: int) -> ChannelAssembly | None:
        """The channel that took the frame; None when it was dropped, or the channel with it."""
        if frame.number == 0:
            if self._staging is not None:
                self._drop("replaced")
            self._staging, self._opened_at = ChannelAssembly(frame.channel_id), origin_number
        channel = self._staging
        if channel is None:
            metrics.FRAMES.labels("no_channel").inc()
            return None
        verdict = channel.add_frame(frame)
        metrics.FRAMES.labels(verdict.value).inc()
        if verdict is not FrameVerdict.ADDED:
            return None
        if channel.is_oversized:
            self._drop("oversized")
            return None
        return channel

    def _drop(self, end: str) -> None:
        metrics.CHANNELS.labels(end).inc()
        self._staging = None
