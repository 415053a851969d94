"""What `make conformance` calls equal, and what it does not: on answers that are made up."""

from collections.abc import Sequence

import pytest
import requests

from tests.conformance.comparison import compare_chains
from tests.conformance.configurations import DEFAULT, Configuration, UnknownConfiguration
from tests.conformance.json_rpc import JsonRpc
from tests.conformance.postings import Postings

BLOCKS = 12
GOOD = {"type": "0x2", "status": "0x1"}
FAILED = {"type": "0x7e", "status": "0x0"}


class ToldNode(JsonRpc):
    """Has a chain of blocks that are called by their number; one of its answers can be another."""

    def __init__(self, wrong: tuple[str, int, object] | None = None) -> None:
        super().__init__("", requests.Session())
        self._wrong = wrong

    def get_all(self, method: str, parameters: Sequence[Sequence[object]]) -> list[object]:
        return [self.get_or_none(method, *listed) for listed in parameters]

    def get_or_none(self, method: str, *parameters: object) -> object:
        number = int(str(parameters[0]), 16)
        if self._wrong is not None and self._wrong[:2] == (method, number):
            return self._wrong[2]
        return {
            "eth_getBlockByNumber": {"hash": f"block {number}"},
            "eth_getBlockReceipts": [GOOD, FAILED],
            "optimism_outputAtBlock": {"outputRoot": f"output {number}"},
        }[method]


def test_equal_chains_are_counted() -> None:
    nodes = {"ours": ToldNode(), "theirs": ToldNode()}
    compared = compare_chains(nodes, BLOCKS, nodes)

    assert compared.differences == []
    assert (compared.blocks, compared.outputs) == (BLOCKS, 3)
    assert (compared.transactions, compared.failed) == ({2: BLOCKS + 1, 0x7E: BLOCKS + 1}, {0x7E: BLOCKS + 1})


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (("eth_getBlockByNumber", 7, {"hash": "another"}), "hash of block 7"),
        (("eth_getBlockByNumber", BLOCKS, None), f"hash of block {BLOCKS}"),
        (("eth_getBlockReceipts", 3, [GOOD]), "receipts of block 3"),
        (("optimism_outputAtBlock", 10, {"outputRoot": "another"}), "output root of block 10"),
    ],
)
@pytest.mark.parametrize("is_first", [True, False])
def test_one_other_answer_is_a_difference(wrong: tuple[str, int, object], told: str, is_first: bool) -> None:
    pair = (ToldNode(wrong), ToldNode()) if is_first else (ToldNode(), ToldNode(wrong))
    nodes = dict(zip(("ours", "theirs"), pair, strict=True))
    compared = compare_chains(nodes, BLOCKS, nodes)

    assert len(compared.differences) == 1
    assert compared.differences[0].startswith(told)


def test_answer_that_all_lack_is_a_difference() -> None:
    wrong = ("eth_getBlockByNumber", 4, None)
    nodes = {"ours": ToldNode(wrong), "theirs": ToldNode(wrong)}

    assert len(compare_chains(nodes, BLOCKS, nodes).differences) == 1


def test_default_configurations_meet_every_pair() -> None:
    parts = [Configuration.parse(name) for name in DEFAULT]

    assert {(part.batch_type, part.data_type) for part in parts} == {
        ("singular", "calldata"),
        ("singular", "blobs"),
        ("span", "calldata"),
        ("span", "blobs"),
    }
    assert {(part.compression, part.data_type) for part in parts} == {
        ("zlib", "calldata"),
        ("zlib", "blobs"),
        ("brotli-10", "calldata"),
        ("brotli-10", "blobs"),
    }


@pytest.mark.parametrize("name", ["span/brotli-10", "span/brotli-10/letters", "", "span/zlib/blobs/x"])
def test_unknown_configuration_is_refused(name: str) -> None:
    with pytest.raises(UnknownConfiguration):
        Configuration.parse(name)


@pytest.mark.parametrize(
    ("transactions", "channels", "count"),
    [
        ({"blobs": 3}, {"span/brotli": 3}, 0),
        ({"blobs": 3, "calldata": 1}, {"span/brotli": 4}, 1),
        ({"blobs": 3}, {"span/zlib": 3}, 1),
        ({"blobs": 3}, {}, 1),
    ],
)
def test_batches_of_another_kind_contradict(transactions: dict[str, int], channels: dict[str, int], count: int) -> None:
    found = Postings(transactions, channels).contradictions(Configuration.parse("span/brotli-10/blobs"))

    assert len(found) == count
