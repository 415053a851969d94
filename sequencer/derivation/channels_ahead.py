"""
Channels ahead: channels of L1 blocks that were read ahead, decoded while blocks before them are executed.

A guess: frames are put together in the order in which they stand on L1, as if the rules dropped none of them. What is
decoded is kept under the channel's very bytes, so a wrong guess costs time on another thread, and nothing else.
"""

import asyncio
from collections import deque
from collections.abc import Iterable

from batcher.codec.channel import ChannelAssembly, FrameVerdict
from batcher.codec.errors import MalformedFrames
from batcher.codec.frame import Frame, decode_frames
from batcher.codec.span_batch import SpanParameters

from .open_channel import OpenChannel, decode_ahead

CHANNELS_HELD = 4
"""Decoded, and not asked for yet; the others wait as they stand on L1."""

CHANNELS_WAITING = 64
"""As they stand on L1; beyond it the oldest guesses are forgotten."""


class ChannelsAhead:
    """One channel at a time is decoded, in the order in which they will be asked for."""

    def __init__(self, parameters: SpanParameters) -> None:
        self._parameters = parameters
        self._staging: ChannelAssembly | None = None
        self._waiting: deque[bytes] = deque(maxlen=CHANNELS_WAITING)
        self._held: dict[bytes, asyncio.Future[OpenChannel | None]] = {}

    @property
    def held(self) -> tuple[bytes, ...]:
        """Channels that are decoded, or being so."""
        return tuple(self._held)

    def offer(self, data: Iterable[bytes]) -> None:
        """Data of batcher transactions whose turn comes later, in the order of L1."""
        for piece in data:
            try:
                frames = decode_frames(piece)
            except MalformedFrames:
                continue
            for frame in frames:
                self._add(frame)
        self._begin()

    async def take(self, data: bytes) -> OpenChannel | None:
        """The channel of these bytes, if it was guessed; those before it are not asked for any more."""
        job = self._held.get(data)
        if job is None:
            self._forget_waiting(data)
            self._forget_held(1)
        else:
            self._forget_held(list(self._held).index(data) + 1)
        self._begin()
        return None if job is None else await asyncio.shield(job)

    def _add(self, frame: Frame) -> None:
        if frame.number == 0:
            self._staging = ChannelAssembly(frame.channel_id)
        channel = self._staging
        if channel is None or channel.add_frame(frame) is not FrameVerdict.ADDED:
            return
        if channel.is_complete or channel.is_oversized:
            self._staging = None
        if channel.is_complete and not channel.is_oversized:
            self._waiting.append(channel.data)

    def _begin(self) -> None:
        """Decode the next one, unless one is being decoded, or enough are."""
        while self._waiting and len(self._held) < CHANNELS_HELD and all(job.done() for job in self._held.values()):
            data = self._waiting.popleft()
            loop = asyncio.get_running_loop()
            self._held[data] = job = loop.run_in_executor(None, decode_ahead, data, self._parameters)
            job.add_done_callback(lambda _: self._begin())

    def _forget_waiting(self, data: bytes) -> None:
        """One that was not begun has nothing to be waited for."""
        if data in self._waiting:
            while self._waiting.popleft() != data:
                pass

    def _forget_held(self, count: int) -> None:
        for data in list(self._held)[:count]:
            del self._held[data]
