"""What `make conformance` calls equal, and what it does not: on answers that are made up."""

from collections.abc import Sequence

import pytest
import requests

from batcher.config import BatcherSettings
from tests.conformance.comparison import compare_chains
from tests.conformance.configurations import (
    BRAID,
    COMPRESSIONS,
    DEFAULT,
    EVENTS,
    MANY_CARRIED,
    OP_BATCHER,
    Configuration,
    NotWritten,
    UnknownConfiguration,
)
from tests.conformance.events import Happened
from tests.conformance.json_rpc import JsonRpc
from tests.conformance.playing import find_failed_on_l1, find_lost, find_unaliased, find_unseen
from tests.conformance.postings import Postings

BLOCKS = 12
GOOD = {"type": "0x2", "status": "0x1", "transactionHash": "0xaa", "from": "0xA1"}
FAILED = {"type": "0x7e", "status": "0x0", "transactionHash": "0xbb", "from": "0xB2"}


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
    assert compared.hashes == [f"block {number}" for number in range(BLOCKS + 1)]
    assert compared.included == {"0xaa", "0xbb"}
    assert compared.depositors == {"0xb2"}
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


@pytest.mark.parametrize("writer", [BRAID, OP_BATCHER])
def test_default_configurations_meet_every_pair(writer: str) -> None:
    parts = [Configuration.parse(name) for name in DEFAULT[writer]]

    assert {(part.batch_type, part.data_type) for part in parts} == {
        ("singular", "calldata"),
        ("singular", "blobs"),
        ("span", "calldata"),
        ("span", "blobs"),
    }
    assert {part.compression for part in parts} == {*COMPRESSIONS}
    assert {(part.compression, part.data_type) for part in parts} >= {
        ("zlib", "calldata"),
        ("zlib", "blobs"),
        ("brotli-10", "calldata"),
        ("brotli-10", "blobs"),
    }
    for part in ("batch_type", "data_type"):
        met = {(getattr(parsed, part), parsed.event) for parsed in parts}
        assert len(met) == 2 * len(EVENTS)


@pytest.mark.parametrize("writer", [BRAID, OP_BATCHER])
def test_default_has_what_op_batchers_are_told_and_many_blobs_and_can_be_written(writer: str) -> None:
    for name in DEFAULT[writer]:
        Configuration.parse(name).require_writable(writer)

    assert {"span/brotli-10/blobs", "span/brotli-10/blobs/many"} <= {*DEFAULT[writer]}


def test_several_frames_in_calldata_are_asked_of_us_alone() -> None:
    configuration = Configuration.parse("singular/zlib/calldata/many")
    configuration.require_writable(BRAID)

    with pytest.raises(NotWritten):
        configuration.require_writable(OP_BATCHER)


@pytest.mark.parametrize(
    "name",
    [
        *("span/brotli-10/blobs", "singular/zlib/calldata/reorg", "span/zlib/blobs/expiry"),
        *("span/brotli-10/blobs/many", "singular/zlib/blobs/many/reorg"),
    ],
)
def test_configuration_is_read_as_it_is_written(name: str) -> None:
    assert Configuration.parse(name).name == name


@pytest.mark.parametrize("data_type", ["blobs", "calldata"])
def test_our_batcher_is_told_to_put_several_into_a_transaction(monkeypatch: pytest.MonkeyPatch, data_type: str) -> None:
    for key, value in Configuration.parse(f"span/brotli-10/{data_type}/many").environment().items():
        monkeypatch.setenv(key, value)

    policy = BatcherSettings().make_chooser(max_blobs=9).choose()

    assert (policy.batch_type, policy.compression.value, policy.data_type) == ("span", "brotli-10", data_type)
    assert policy.frames_per_transaction == MANY_CARRIED
    assert policy.target_bytes > MANY_CARRIED * policy.frame_data_bytes


def test_window_is_short_where_it_is_to_expire() -> None:
    windows = [Configuration.parse(f"span/zlib/blobs{event}").sequencing_window for event in ("", "/reorg", "/expiry")]

    assert windows[0] == windows[1] > windows[2]


@pytest.mark.parametrize(
    "name",
    [
        *("span/brotli-10", "span/brotli-10/letters", "", "span/zlib/blobs/x", "span/zlib/blobs/nothing"),
        *("span/zlib/blobs/reorg/many", "span/zlib/blobs/many/many"),
    ],
)
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
    found = Postings(transactions, channels, 9).contradictions(Configuration.parse("span/brotli-10/blobs"))

    assert len(found) == count


@pytest.mark.parametrize(("most_frames", "count"), [(1, 1), (2, 0)])
def test_channels_of_one_frame_contradict_where_a_reorg_shall_cut_them(most_frames: int, count: int) -> None:
    configuration = Configuration.parse("span/zlib/calldata/reorg")
    found = Postings({"calldata": 4}, {"span/zlib": 3}, 4, most_frames).contradictions(configuration)

    assert len(found) == count


@pytest.mark.parametrize("data_type", ["blobs", "calldata"])
@pytest.mark.parametrize(("most_carried", "count"), [(1, 1), (2, 0)])
def test_transactions_of_one_frame_contradict_where_many_are_asked_for(
    data_type: str, most_carried: int, count: int
) -> None:
    configuration = Configuration.parse(f"span/zlib/{data_type}/many")
    found = Postings({data_type: 4}, {"span/zlib": 3}, 6, 2, most_carried).contradictions(configuration)

    assert len(found) == count


def test_transaction_in_no_safe_block_is_lost() -> None:
    assert find_lost([b"\xaa", b"\xbb"], {"0xaa", "0xbb"}) == []
    assert len(find_lost([b"\xaa", b"\xbb"], {"0xaa"})) == 1


@pytest.mark.parametrize(("answer", "count"), [({"status": "0x1"}, 0), ({"status": "0x0"}, 1), (None, 1)])
def test_what_failed_on_l1_was_not_tried(answer: object, count: int) -> None:
    l1 = ToldNode(("eth_getTransactionReceipt", 0xAA, answer))

    assert len(find_failed_on_l1(l1, [b"\xaa"])) == count


def test_deposit_of_a_contract_that_did_not_arrive_is_a_problem() -> None:
    assert find_unaliased("0xb2", {"0xa1", "0xb2"}) == []
    assert len(find_unaliased("0xb2", {"0xa1"})) == 1


def test_blocks_that_were_shown_and_gave_way_are_counted() -> None:
    happened = Happened(l2_before={0: "a", 1: "b", 2: "c", 9: "above the end"})

    assert happened.count_replaced(["a", "b", "c"]) == 0
    assert happened.count_replaced(["a", "x", "y"]) == 2


@pytest.mark.parametrize(
    ("event", "forced", "replaced", "count"),
    [("nothing", 0, 0, 0), ("reorg", 0, 1, 0), ("reorg", 0, 0, 1), ("expiry", 4, 9, 0), ("expiry", 0, 9, 1)],
)
def test_event_without_effect_is_a_problem(event: str, forced: int, replaced: int, count: int) -> None:
    assert len(find_unseen(event, Happened(forced=forced), replaced)) == count
