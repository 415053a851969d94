"""`braid bench` on a whole node: funding, signing, sending over plain sockets, and counting what was sealed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from sequencer.node.benchmark import BenchmarkFailed, BenchmarkOptions, Workload, run_benchmark
from sequencer.node.comparison import compare_nodes, name_node
from tests.fakes.real_node import ManualClock, RealNode, open_node, standalone_genesis

OPTIONS = BenchmarkOptions("", count=30, senders=3, connections=2, timeout_seconds=60)


@contextlib.asynccontextmanager
async def working(node: RealNode) -> AsyncIterator[BenchmarkOptions]:
    """The node makes blocks until the load is over."""

    async def make_blocks() -> None:
        while True:
            await node.make_block()
            await asyncio.sleep(0)

    blocks = asyncio.ensure_future(make_blocks())
    try:
        yield replace(OPTIONS, url=node.url)
    finally:
        blocks.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await blocks


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[RealNode]:
    """A standalone node at its genesis."""
    async with open_node(tmp_path, standalone_genesis(), ManualClock()) as opened:
        yield opened


@pytest.mark.parametrize("workload", list(Workload))
@pytest.mark.parametrize("batch", [1, 7])
async def test_everything_is_accepted_and_sealed(node: RealNode, workload: Workload, batch: int) -> None:
    async with working(node) as options:
        result = await run_benchmark(replace(options, workload=workload, batch=batch))

    assert (result.accepted, result.refused) == (30, 0)
    assert 0 < result.sealed_per_second <= result.accepted_per_second
    assert result.blocks >= 1


async def test_senders_go_on_where_they_were(node: RealNode) -> None:
    async with working(node) as options:
        first = await run_benchmark(options)
        second = await run_benchmark(options)

    assert (first.refused, second.refused) == (0, 0)


async def test_nodes_are_called_by_their_own_name(node: RealNode) -> None:
    assert (await name_node(node.url)).startswith("braid/")


async def test_the_same_node_twice_is_a_comparison(node: RealNode) -> None:
    async with working(node) as options:
        standings = await compare_nodes(options, [node.url], [1, 5], 1)

    assert [(standing.batch, standing.ours_is_times) for standing in standings] == [(1, 1.0), (5, 1.0)]


async def test_what_is_not_done_in_time_is_said(node: RealNode) -> None:
    """Nobody makes blocks, so nothing is ever sealed."""
    with pytest.raises(BenchmarkFailed, match=r"not done after 0\.5 s"):
        await run_benchmark(replace(OPTIONS, url=node.url, timeout_seconds=0.5))
