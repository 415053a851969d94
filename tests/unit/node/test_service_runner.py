"""The runner: waits out temporary errors with a growing pause, resets, stops at what can not go on."""

import asyncio
import os
import signal
from collections.abc import Callable

import pytest

from l1_bridge.errors import CriticalError, ResetError, TemporaryError
from l1_bridge.service import Wake
from sequencer.node import metrics, runner
from sequencer.node.runner import (
    CALM_SECONDS,
    FIRST_PAUSE_SECONDS,
    LONGEST_PAUSE_SECONDS,
    NamedService,
    ServiceFailed,
    run_services,
    stop_on_signals,
)

Happening = Wake | BaseException | Callable[[], Wake]


class ScriptedService:
    """Each step is the next entry of the script; at its end the runner is asked to stop."""

    def __init__(self, stop: asyncio.Event, *script: Happening, resets: tuple[BaseException, ...] = ()) -> None:
        self._stop = stop
        self._script = list(script)
        self._resets = list(resets)
        self.calls: list[str] = []

    async def step(self) -> Wake:
        self.calls.append("step")
        entry = self._script.pop(0)
        if not self._script:
            self._stop.set()
        if isinstance(entry, BaseException):
            raise entry
        return entry if isinstance(entry, Wake) else entry()

    async def reset(self) -> None:
        self.calls.append("reset")
        if self._resets:
            raise self._resets.pop(0)


@pytest.fixture
def stop() -> asyncio.Event:
    return asyncio.Event()


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the runner would have waited, without waiting."""
    recorded: list[float] = []

    async def wait(stop: asyncio.Event, seconds: float) -> None:
        recorded.append(seconds)
        await asyncio.sleep(0)

    monkeypatch.setattr(runner, "_wait", wait)
    return recorded


async def test_a_service_runs_again_when_it_says(stop: asyncio.Event, pauses: list[float]) -> None:
    service = ScriptedService(stop, Wake(0.25), Wake(0.0), Wake(3.0))

    await run_services([NamedService("a", service)], stop)

    assert pauses == [0.25, 0.0, 3.0]


async def test_the_pause_grows_with_each_temporary_error_up_to_a_bound(
    stop: asyncio.Event, pauses: list[float]
) -> None:
    service = ScriptedService(stop, *[TemporaryError("away")] * 9, Wake(0.0))

    await run_services([NamedService("a", service)], stop)

    assert pauses[:4] == [FIRST_PAUSE_SECONDS * factor for factor in (1, 2, 4, 8)]
    assert max(pauses) == pauses[8] == LONGEST_PAUSE_SECONDS


async def test_the_pause_starts_small_again_after_a_good_step(stop: asyncio.Event, pauses: list[float]) -> None:
    away = TemporaryError("away")
    service = ScriptedService(stop, away, away, Wake(7.0), away, Wake(0.0))

    await run_services([NamedService("a", service)], stop)

    assert pauses[:4] == [FIRST_PAUSE_SECONDS, 2 * FIRST_PAUSE_SECONDS, 7.0, FIRST_PAUSE_SECONDS]


async def test_a_reset_error_resets_before_the_next_step(stop: asyncio.Event, pauses: list[float]) -> None:
    service = ScriptedService(stop, ResetError("reorg"), Wake(0.0))

    await run_services([NamedService("a", service)], stop)

    assert service.calls == ["step", "reset", "step"]
    assert pauses[0] == FIRST_PAUSE_SECONDS


async def test_resets_that_do_not_help_pause_longer_and_longer(stop: asyncio.Event, pauses: list[float]) -> None:
    service = ScriptedService(stop, *[ResetError("reorg")] * 3, Wake(0.0))

    await run_services([NamedService("a", service)], stop)

    assert [pause for pause in pauses if pause][:3] == [FIRST_PAUSE_SECONDS * factor for factor in (1, 2, 4)]


async def test_good_steps_between_resets_do_not_make_the_pause_small_again(
    stop: asyncio.Event, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As over an L1 with a hole: each start reads on to the hole, and resets there."""
    seconds = 100.0
    monkeypatch.setattr(runner, "_now", lambda: seconds)
    start: list[Happening] = [ResetError("hole"), Wake(0.0), Wake(0.0)]
    service = ScriptedService(stop, *start * 9)

    await run_services([NamedService("a", service)], stop)

    after_resets = pauses[::3]
    assert after_resets[:4] == [FIRST_PAUSE_SECONDS * factor for factor in (1, 2, 4, 8)]
    assert after_resets[8] == LONGEST_PAUSE_SECONDS


async def test_long_after_a_reset_the_pause_is_small_again(
    stop: asyncio.Event, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = 100.0
    monkeypatch.setattr(runner, "_now", lambda: seconds)

    def wait_for_calm() -> Wake:
        nonlocal seconds
        seconds += CALM_SECONDS
        return Wake(0.0)

    reorg = ResetError("reorg")
    service = ScriptedService(stop, reorg, Wake(0.0), reorg, wait_for_calm, reorg, Wake(0.0))

    await run_services([NamedService("a", service)], stop)

    assert pauses[::2][:3] == [FIRST_PAUSE_SECONDS, 2 * FIRST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS]


@pytest.mark.parametrize("error", [TemporaryError("away"), ResetError("moved again")])
async def test_a_reset_that_fails_is_tried_again_before_the_next_step(
    stop: asyncio.Event, pauses: list[float], error: Exception
) -> None:
    service = ScriptedService(stop, ResetError("reorg"), Wake(0.0), resets=(error, error))

    await run_services([NamedService("a", service)], stop)

    assert service.calls == ["step", "reset", "reset", "reset", "step"]
    assert pauses[:3] == [FIRST_PAUSE_SECONDS * factor for factor in (1, 2, 4)]


@pytest.mark.parametrize("cause", [CriticalError("two roots"), ZeroDivisionError("a bug")])
async def test_what_can_not_go_on_stops_every_service(
    stop: asyncio.Event, pauses: list[float], cause: Exception
) -> None:
    failing = ScriptedService(stop, Wake(0.0), cause, Wake(0.0))
    other = ScriptedService(asyncio.Event(), *[Wake(0.0)] * 1000)

    with pytest.raises(ServiceFailed) as raised:
        await run_services([NamedService("bad", failing), NamedService("good", other)], stop)

    assert raised.value.name == "bad"
    assert raised.value.__cause__ is cause
    assert str(cause) in str(raised.value)
    assert len(other.calls) < 10


async def test_errors_are_counted_by_service(stop: asyncio.Event, pauses: list[float]) -> None:
    retries, resets = metrics.SERVICE_RETRIES.labels("counted"), metrics.SERVICE_RESETS.labels("counted")
    before = retries._value.get(), resets._value.get()
    service = ScriptedService(stop, TemporaryError("away"), ResetError("reorg"), Wake(0.0))

    await run_services([NamedService("counted", service)], stop)

    assert (retries._value.get() - before[0], resets._value.get() - before[1]) == (1, 1)


async def test_stopping_ends_a_long_wait_and_begins_no_other_step(stop: asyncio.Event) -> None:
    def stop_meanwhile() -> Wake:
        asyncio.get_running_loop().call_soon(stop.set)
        return Wake(3600.0)

    service = ScriptedService(asyncio.Event(), stop_meanwhile, Wake(0.0))

    await run_services([NamedService("a", service)], stop)

    assert service.calls == ["step"]


async def test_a_step_in_progress_is_finished_before_the_runner_ends(stop: asyncio.Event) -> None:
    class Slow:
        finished = False

        async def step(self) -> Wake:
            stop.set()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            self.finished = True
            return Wake(0.0)

        async def reset(self) -> None:
            raise AssertionError("nobody asked for it")

    slow = Slow()

    await run_services([NamedService("slow", slow)], stop)

    assert slow.finished


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_signals_ask_for_an_orderly_stop(stop: asyncio.Event, number: signal.Signals) -> None:
    loop = asyncio.get_running_loop()
    stop_on_signals(stop)
    try:
        os.kill(os.getpid(), number)
        async with asyncio.timeout(10):
            await stop.wait()
    finally:
        for handled in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(handled)

    assert stop.is_set()
