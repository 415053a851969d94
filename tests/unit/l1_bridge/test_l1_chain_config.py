"""The L1 chain config: op-node's file both ways, and the blob base fee of a header."""

import json
from dataclasses import replace

import pytest

from l1_bridge.l1_chain_config import (
    BlobParameters,
    InvalidL1ChainConfig,
    L1ChainConfig,
    NoBlobSchedule,
    prague_l1_chain,
)
from l1_bridge.types import L1Header
from tests.unit.l1_bridge.vector_chain import load_chain


def _header(excess_blob_gas: int | None, timestamp: int = 0) -> L1Header:
    return L1Header(bytes(32), bytes(32), 1, timestamp, 7, bytes(32), excess_blob_gas=excess_blob_gas)


@pytest.mark.parametrize("name", ["calldata", "window"])
def test_file_of_op_node_round_trips_byte_for_byte(name: str) -> None:
    text = json.dumps(load_chain(name)["l1_chain"])

    assert json.dumps(L1ChainConfig.from_json(json.loads(text)).to_json()) == text
    assert L1ChainConfig.from_json(json.loads(text)) == prague_l1_chain(900)


@pytest.mark.parametrize(
    ("excess", "fee"), [(None, 1), (0, 1), (5007716 - 1, 2), (5007716 * 2, 7), (5007716 * 10, 22026)]
)
def test_blob_base_fee_is_e_to_the_excess_over_the_fraction(excess: int | None, fee: int) -> None:
    assert prague_l1_chain(900).blob_base_fee(_header(excess)) == fee


def test_schedule_in_force_is_the_newest_one_at_the_headers_time() -> None:
    config = replace(prague_l1_chain(1), fork_times={"cancun": 10, "prague": 20, "osaka": 25, "bpo1": 30})
    config = replace(config, blob_schedule={**config.blob_schedule, "bpo1": BlobParameters(10, 15, 8346193)})
    excess = 50_000_000

    fees = [config.blob_base_fee(_header(excess, time)) for time in (10, 19, 20, 25, 29, 30)]

    assert fees[0] == fees[1] > fees[2] == fees[3] == fees[4] > fees[5]


@pytest.mark.parametrize(
    ("timestamp", "blobs"), [(9, 0), (10, 6), (19, 6), (20, 9), (24, 9), (25, 6), (30, 6), (40, 2), (2**40, 2)]
)
def test_blobs_of_a_transaction_follow_the_schedule_and_osakas_limit(timestamp: int, blobs: int) -> None:
    config = replace(prague_l1_chain(1), fork_times={"cancun": 10, "prague": 20, "osaka": 25, "bpo1": 30, "bpo2": 40})
    more, fewer = BlobParameters(14, 21, 11684671), BlobParameters(1, 2, 11684671)
    config = replace(config, blob_schedule={**config.blob_schedule, "bpo1": more, "bpo2": fewer})

    assert config.max_blobs_at(timestamp) == blobs
    assert config.most_blobs() == 9


def test_a_chain_without_a_schedule_has_no_blobs() -> None:
    config = replace(prague_l1_chain(1), blob_schedule={})

    assert (config.max_blobs_at(100), config.most_blobs()) == (0, 0)


def test_blob_gas_before_any_schedule_is_an_error() -> None:
    config = replace(prague_l1_chain(1), fork_times={"cancun": 10})

    with pytest.raises(NoBlobSchedule):
        config.blob_base_fee(_header(0, 9))
    assert config.blob_base_fee(_header(None, 9)) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"chainId": None},
        {"chainId": "1"},
        {"blobSchedule": []},
        {"blobSchedule": {"cancun": {"target": 3, "max": 6}}},
        {"blobSchedule": {"cancun": {"target": 3, "max": 6, "baseFeeUpdateFraction": 0}}},
        {"pragueTime": -1},
    ],
)
def test_malformed_config_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(InvalidL1ChainConfig):
        L1ChainConfig.from_json(prague_l1_chain(900).to_json() | change)
