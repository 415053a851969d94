"""Which clock a node follows; see `Clock` for why time is an argument at all."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from l1_bridge.errors import TemporaryError
from l1_bridge.types import L1Header, L1Source
from sequencer.primitives.clock import Clock, OffsetClock

log = structlog.get_logger(__name__)

L1_POLL_SECONDS = 0.1


def resume_clock(clock: Clock, head_timestamp: int) -> Clock:
    """The time goes on where the chain stands: while it was stopped, its clock stood still."""
    return OffsetClock(clock, min(head_timestamp - clock.now(), 0.0))


async def follow_l1_clock(
    clock: Clock, l1: L1Source, pause: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> Clock:
    """L1's time, measured once at the start; waits until L1 has a block."""
    header = await wait_for_l1(l1, pause)
    return OffsetClock(clock, header.timestamp - clock.now())


async def wait_for_l1(l1: L1Source, pause: Callable[[float], Awaitable[None]] = asyncio.sleep) -> L1Header:
    """The latest L1 block, as soon as there is one."""
    is_told = False
    while True:
        try:
            header = await l1.header_by_tag("latest")
        except TemporaryError as reason:
            header = None
            if not is_told:
                log.warning("waiting_for_l1", reason=str(reason))
                is_told = True
        if header is not None:
            return header
        await pause(L1_POLL_SECONDS)
