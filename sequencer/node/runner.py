"""
Runs services: the only loop of the node.

A service is passive (`step`, `reset`); the runner calls it when it is due, waits out temporary errors with a growing
pause, resets it when it says so (less and less often while that does not help), and stops everything when one says that
nothing can go on.
"""

import asyncio
import contextlib
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from l1_bridge.errors import CriticalError, ResetError, TemporaryError
from l1_bridge.service import Wake

from . import metrics

log = structlog.get_logger(__name__)

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0

CALM_SECONDS = 30.0
"""A service that goes so long without a reset has got over the cause of the last one; its good steps alone do not tell,
since a service that resets again and again begins each time with steps that succeed."""


class Service(Protocol):
    """A long-lived part of the node."""

    async def step(self) -> Wake:
        """Do one bounded piece of work and say when the next one is due."""
        ...

    async def reset(self) -> None:
        """Start again from a known point."""
        ...


@dataclass(frozen=True, slots=True)
class NamedService:
    """A service and the name that logs and metrics know it by."""

    name: str
    service: Service


class ServiceFailed(CriticalError):
    """A service can not go on; the cause is chained."""

    def __init__(self, name: str, reason: BaseException) -> None:
        super().__init__(f"{name}: {type(reason).__name__}: {reason}")
        self.name = name


async def run_services(services: Sequence[NamedService], stop: asyncio.Event) -> None:
    """
    Run until `stop` is set; raise ServiceFailed when a service meets a critical error or a bug of ours.

    Services of one call stop together.
    """
    try:
        async with asyncio.TaskGroup() as group:
            for named in services:
                group.create_task(_run(named, stop), name=named.name)
    except* ServiceFailed as failures:
        first = failures.exceptions[0]
        raise first from first.__cause__


async def _run(named: NamedService, stop: asyncio.Event) -> None:
    pause = after_reset = FIRST_PAUSE_SECONDS
    calm_at = 0.0
    needs_reset = False
    while not stop.is_set():
        try:
            if needs_reset:
                await named.service.reset()
                needs_reset = False
            wake = await named.service.step()
            pause, delay = FIRST_PAUSE_SECONDS if _now() >= calm_at else after_reset, wake.after_seconds
        except TemporaryError as reason:
            metrics.SERVICE_RETRIES.labels(named.name).inc()
            log.warning("service_retries", service=named.name, reason=str(reason), pause_seconds=pause)
            delay, pause = pause, min(pause * 2, LONGEST_PAUSE_SECONDS)
        except ResetError as reason:
            metrics.SERVICE_RESETS.labels(named.name).inc()
            log.warning("service_reset", service=named.name, reason=str(reason))
            needs_reset = True
            delay, pause = pause, min(pause * 2, LONGEST_PAUSE_SECONDS)
            after_reset, calm_at = pause, _now() + CALM_SECONDS
        except Exception as reason:
            log.error("service_failed", service=named.name, reason=str(reason), exc_info=True)
            raise ServiceFailed(named.name, reason) from reason
        await _wait(stop, delay)


def _now() -> float:
    return asyncio.get_running_loop().time()


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    """Wait for `stop`, at most `seconds`; always lets others run."""
    if seconds <= 0:
        await asyncio.sleep(0)
        return
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()


def stop_on_signals(stop: asyncio.Event) -> None:
    """Set `stop` on SIGINT and SIGTERM; a second SIGINT ends the process at once, as the default would."""
    loop = asyncio.get_running_loop()

    def on_signal(number: signal.Signals) -> None:
        log.info("stopping", signal=number.name)
        stop.set()
        loop.remove_signal_handler(signal.SIGINT)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal, number)
