"""
Nodes side by side under the same load, in one run: in turns, so that what else the machine does meets all of them.

Ours is the first. Every node gets the same transactions from the same accounts, as far as chain ids allow, and what is
sealed is counted in the same way on each; medians over the rounds are compared.
"""

import statistics
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

import aiohttp

from .benchmark import BenchmarkFailed, BenchmarkOptions, BenchmarkResult, run_benchmark
from .json_rpc import JsonRpcClient


@dataclass(frozen=True, slots=True)
class Standing:
    """One node at one batch size: medians over the rounds, and how they stand to ours (1.0 for ourselves)."""

    node: str
    url: str
    batch: int
    accepted_per_second: float
    sealed_per_second: float
    request_milliseconds: float
    ours_is_times: float
    """Our sealed transactions a second, divided by this node's."""


async def name_node(url: str) -> str:
    """What the node calls itself, as far as the version; raises RpcFailed when it does not answer."""
    async with aiohttp.ClientSession() as session:
        name = str(await JsonRpcClient(session, url).call("web3_clientVersion"))
    return "/".join(name.split("/")[:2])


async def compare_nodes(
    options: BenchmarkOptions,
    urls: Sequence[str],
    batches: Sequence[int],
    rounds: int,
    *,
    run: Callable[[BenchmarkOptions], Awaitable[BenchmarkResult]] = run_benchmark,
    on_result: Callable[[BenchmarkOptions, BenchmarkResult], None] = lambda _, __: None,
    name: Callable[[str], Awaitable[str]] = name_node,
) -> list[Standing]:
    """
    Run every batch size `rounds` times on each URL in turns; the first URL is ours.

    Raises
    ------
    BenchmarkFailed
        a node refused transactions: its rate would be of something else.
    """
    names = {url: await name(url) for url in urls}
    results: dict[tuple[str, int], list[BenchmarkResult]] = {}
    for _ in range(rounds):
        for batch in batches:
            for url in urls:
                chosen = replace(
                    options, url=url, batch=batch, funder_key=options.funder_key if url != urls[0] else None
                )
                result = await run(chosen)
                if result.refused:
                    raise BenchmarkFailed(f"{names[url]} refused {result.refused}: {result.refusal}")
                on_result(chosen, result)
                results.setdefault((url, batch), []).append(result)
    return [_standing(names, urls, batch, url, results) for batch in batches for url in urls]


def _standing(
    names: dict[str, str],
    urls: Sequence[str],
    batch: int,
    url: str,
    results: dict[tuple[str, int], list[BenchmarkResult]],
) -> Standing:
    own = results[url, batch]
    sealed = statistics.median(result.sealed_per_second for result in own)
    ours = statistics.median(result.sealed_per_second for result in results[urls[0], batch])
    return Standing(
        node=names[url],
        url=url,
        batch=batch,
        accepted_per_second=statistics.median(result.accepted_per_second for result in own),
        sealed_per_second=sealed,
        request_milliseconds=statistics.median(result.request_milliseconds_median for result in own),
        ours_is_times=ours / sealed,
    )
