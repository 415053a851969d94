"""Nodes side by side: in turns, medians, and no comparison with a node that refused part of the load."""

import pytest

from sequencer.node.benchmark import BenchmarkFailed, BenchmarkOptions, BenchmarkResult
from sequencer.node.comparison import compare_nodes

OURS, OTHER = "http://ours", "http://other"


class Nodes:
    """Answers runs from a list of rates a node; remembers the order."""

    def __init__(self, rates: dict[str, list[float]], refused: int = 0) -> None:
        self.rates = {url: iter(values) for url, values in rates.items()}
        self.refused = refused
        self.runs: list[tuple[str, int, bytes | None]] = []

    async def run(self, options: BenchmarkOptions) -> BenchmarkResult:
        self.runs.append((options.url, options.batch, options.funder_key))
        rate = next(self.rates[options.url])
        return BenchmarkResult(10, self.refused, 2 * rate, rate, 1.0, 2.0, 1, "nonce gap" if self.refused else "")

    async def name(self, url: str) -> str:
        return url.removeprefix("http://")


async def test_nodes_take_turns_and_medians_are_compared() -> None:
    nodes = Nodes({OURS: [100, 1, 120], OTHER: [50, 60, 1_000]})

    standings = await compare_nodes(BenchmarkOptions(OURS), [OURS, OTHER], [1], 3, run=nodes.run, name=nodes.name)

    assert [url for url, _, _ in nodes.runs] == [OURS, OTHER] * 3
    assert [(item.node, item.sealed_per_second) for item in standings] == [("ours", 100), ("other", 60)]
    assert standings[0].ours_is_times == 1
    assert standings[1].ours_is_times == pytest.approx(100 / 60)


async def test_batch_sizes_are_compared_apart() -> None:
    nodes = Nodes({OURS: [10, 40], OTHER: [20, 20]})

    standings = await compare_nodes(BenchmarkOptions(OURS), [OURS, OTHER], [1, 100], 1, run=nodes.run, name=nodes.name)

    assert [(item.batch, item.node, item.ours_is_times) for item in standings] == [
        (1, "ours", 1.0),
        (1, "other", 0.5),
        (100, "ours", 1.0),
        (100, "other", 2.0),
    ]


async def test_the_key_pays_on_the_other_nodes_alone() -> None:
    nodes = Nodes({OURS: [1], OTHER: [1]})
    options = BenchmarkOptions(OURS, funder_key=b"\x01" * 32)

    await compare_nodes(options, [OURS, OTHER], [1], 1, run=nodes.run, name=nodes.name)

    assert [key for _, _, key in nodes.runs] == [None, b"\x01" * 32]


async def test_a_node_that_refuses_is_not_compared() -> None:
    nodes = Nodes({OURS: [1], OTHER: [1]}, refused=3)

    with pytest.raises(BenchmarkFailed, match="ours refused 3: nonce gap"):
        await compare_nodes(BenchmarkOptions(OURS), [OURS, OTHER], [1], 1, run=nodes.run, name=nodes.name)
