"""rollup.json: op-node's format both ways, and which chains are refused."""

import copy
import json
from collections.abc import Callable

import pytest

from l1_bridge.rollup_config import Fork, InvalidRollupConfig, RollupConfig
from tests.unit.l1_bridge.vector_chain import load_chain

Json = dict[str, object]


def _file() -> dict[str, dict[str, dict[str, object]]]:
    return copy.deepcopy(load_chain("calldata")["rollup"])  # type: ignore[return-value]


@pytest.mark.parametrize("name", ["calldata", "window"])
def test_rollup_json_of_op_node_round_trips_byte_for_byte_but_for_the_case_of_addresses(name: str) -> None:
    text = json.dumps(load_chain(name)["rollup"])

    assert json.dumps(RollupConfig.from_json(json.loads(text)).to_json()) == text.replace(
        "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC", "0x3c44cdddb6a900fa2b585dd299e03d12fa4293bc"
    )


def test_values_of_op_nodes_file_are_read() -> None:
    config = RollupConfig.from_json(_file())
    system = config.genesis.system_config

    assert (config.l1_chain_id, config.l2_chain_id, config.block_time, config.seq_window_size) == (900, 901, 1, 30)
    assert (system.base_fee_scalar, system.blob_base_fee_scalar) == (0x558, 0xC5FC5)
    assert (system.eip1559_denominator, system.eip1559_elasticity) == (250, 6)
    assert (system.operator_fee_scalar, system.operator_fee_constant) == (500_000, 12_345)
    assert (config.genesis.l1.number, config.genesis.l2.number, config.genesis.l2_time) == (4, 0, 1795467518)


def test_config_hash_is_equal_for_equal_files_and_differs_for_every_other() -> None:
    changed = _file()
    changed["genesis"]["system_config"]["gasLimit"] = 30_000_001

    assert RollupConfig.from_json(_file()).config_hash() == RollupConfig.from_json(_file()).config_hash()
    assert RollupConfig.from_json(_file()).config_hash() != RollupConfig.from_json(changed).config_hash()


def test_fork_is_active_from_its_time_on_and_an_unscheduled_one_never() -> None:
    config = RollupConfig.from_json(_file() | {"isthmus_time": 100})

    assert not config.is_active(Fork.ISTHMUS, 99)
    assert config.is_active(Fork.ISTHMUS, 100)
    assert config.is_active(Fork.BEDROCK, 0)
    assert not config.is_active(Fork.JOVIAN, 1 << 60)


def test_block_numbers_and_times_follow_from_genesis_and_block_time() -> None:
    config = RollupConfig.from_json(_file() | {"block_time": 2})
    start = config.genesis.l2_time

    assert config.timestamp_of(7) == start + 14
    assert [config.block_number_at(start + elapsed) for elapsed in (-5, 0, 1, 2, 15)] == [0, 0, 0, 1, 7]


def _without(key: str) -> Callable[[Json], object]:
    return lambda file: file.pop(key)


def _with(key: str, value: object) -> Callable[[Json], object]:
    return lambda file: file.update({key: value})


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (_without("genesis"), "genesis"),
        (_without("batch_inbox_address"), "batch_inbox_address"),
        (_with("batch_inbox_address", "0xff"), "batch_inbox_address"),
        (_with("block_time", 0), "block_time"),
        (_with("block_time", "1"), "block_time"),
        (_with("block_time", True), "block_time"),
        (_with("seq_window_size", -1), "seq_window_size"),
        (_with("l2_chain_id", 900), "same chain id"),
        (_with("isthmus_time", None), "isthmus is not active"),
        (_with("holocene_time", 1 << 40), "holocene is not active"),
        (_with("jovian_time", 1 << 40), "jovian"),
        (_with("interop_time", 5), "interop_time"),
        (_with("alt_da", {"da_commitment_type": "x"}), "alt_da"),
    ],
)
def test_config_that_asks_for_something_else_is_refused_with_the_key(
    change: Callable[[Json], object], named: str
) -> None:
    file: Json = dict(_file())
    change(file)

    with pytest.raises(InvalidRollupConfig, match=named):
        RollupConfig.from_json(file)


@pytest.mark.parametrize(
    "change", [_with("interop_time", None), _with("protocol_versions_address", "0x" + "00" * 20), _with("alt_da", None)]
)
def test_keys_without_effect_on_the_rules_are_left_aside(change: Callable[[Json], object]) -> None:
    file: Json = dict(_file())
    change(file)

    assert RollupConfig.from_json(file) == RollupConfig.from_json(_file())


def test_every_problem_is_listed() -> None:
    with pytest.raises(InvalidRollupConfig) as caught:
        RollupConfig.from_json(_file() | {"block_time": 0, "seq_window_size": 0, "jovian_time": 0})

    assert len(caught.value.problems) == 3
