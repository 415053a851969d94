"""The chain thread: one job at a time, in order, and none is left half done."""

import asyncio
import threading

import pytest

from sequencer.chain.thread import ChainThread


async def test_jobs_run_one_after_the_other_on_one_thread() -> None:
    thread = ChainThread()
    names: list[str] = []
    order: list[int] = []

    def job(number: int) -> int:
        names.append(threading.current_thread().name)
        order.append(number)
        return number

    results = await asyncio.gather(*(thread.run(job, number) for number in range(20)))
    thread.close()

    assert results == order == list(range(20))
    assert len(set(names)) == 1
    assert names[0] != threading.current_thread().name


async def test_a_failure_reaches_the_caller() -> None:
    thread = ChainThread()

    def fail() -> None:
        raise KeyError("k")

    with pytest.raises(KeyError):
        await thread.run(fail)
    assert await thread.run(int, "7") == 7
    thread.close()


async def test_a_job_that_began_ends_although_its_caller_was_cancelled() -> None:
    thread = ChainThread()
    began, go_on, done = threading.Event(), threading.Event(), threading.Event()

    def job() -> None:
        began.set()
        go_on.wait(10)
        done.set()
        raise ValueError("nobody listens")

    caller = asyncio.ensure_future(thread.run(job))
    await asyncio.to_thread(began.wait, 10)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert not done.is_set()
    go_on.set()
    await thread.run(lambda: None)
    thread.close()

    assert done.is_set()
