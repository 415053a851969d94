"""
What all nodes of one chain agree on: `rollup.json`, in op-node's format.

Genesis anchors, block time, windows, the L1 addresses that are listened to, the
fork table and the initial system config. `config_hash` names the whole
agreement in one value, which nodes log and compare. Spec: configurability.md,
system-config.md, superchain-upgrades.md.
"""

import enum
import json
from collections.abc import Mapping
from dataclasses import dataclass

from contracts.keccak import keccak
from l1_bridge import json_fields
from l1_bridge.errors import CriticalError
from l1_bridge.json_fields import MalformedField, hex_bytes
from l1_bridge.system_config import SystemConfig
from l1_bridge.types import BlockId

MAX_SEQUENCER_DRIFT_SECONDS = 1800
"""The rule's constant since Fjord; the value in the file is kept only so that it can be written again."""

CHANNEL_TIMEOUT_BLOCKS = 50
"""L1 blocks that a channel lives, the constant since Granite; the file's value is the older rule's."""


class Fork(enum.Enum):
    """Upgrades of the L2 protocol, in order of activation; the value is the key stem in `rollup.json`."""

    BEDROCK = "bedrock"
    REGOLITH = "regolith"
    CANYON = "canyon"
    DELTA = "delta"
    ECOTONE = "ecotone"
    FJORD = "fjord"
    GRANITE = "granite"
    HOLOCENE = "holocene"
    ISTHMUS = "isthmus"
    JOVIAN = "jovian"


GENESIS_FORKS = tuple(fork for fork in Fork if fork not in (Fork.BEDROCK, Fork.JOVIAN))
"""Forks whose rules are implemented as always active; each must be active at the L2 genesis."""


class InvalidRollupConfig(CriticalError):
    """The rollup config can not be used; every problem is listed."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("rollup config: " + "; ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class RollupGenesis:
    """Where the L2 chain starts."""

    l1: BlockId
    """L1 block after which the rollup starts; deposits in or before it are never derived."""
    l2: BlockId
    l2_time: int
    """Unix seconds of the L2 genesis block."""
    system_config: SystemConfig


@dataclass(frozen=True, slots=True)
class Eip1559Constants:
    """Base fee parameters for blocks whose system config leaves them 0/0."""

    elasticity: int
    denominator: int
    denominator_canyon: int
    """The denominator since Canyon, so the one that counts."""


@dataclass(frozen=True, slots=True)
class RollupConfig:
    """The agreement; see the module."""

    genesis: RollupGenesis
    block_time: int
    """Seconds between two L2 blocks."""
    max_sequencer_drift: int
    """As in the file; rules use `MAX_SEQUENCER_DRIFT_SECONDS`."""
    seq_window_size: int
    """L1 blocks, the origin included, within which a batch of an epoch must be included."""
    channel_timeout: int
    """As in the file; rules use `CHANNEL_TIMEOUT_BLOCKS`."""
    l1_chain_id: int
    l2_chain_id: int
    batch_inbox_address: bytes
    deposit_contract_address: bytes
    """The portal on L1."""
    l1_system_config_address: bytes
    eip1559: Eip1559Constants
    fork_times: Mapping[Fork, int | None]
    """Unix seconds of activation by L2 block time; None or missing: never. Bedrock is always active."""

    def is_active(self, fork: Fork, timestamp: int) -> bool:
        """Whether `fork` rules a block with that timestamp."""
        if fork is Fork.BEDROCK:
            return True
        activation = self.fork_times.get(fork)
        return activation is not None and timestamp >= activation

    def timestamp_of(self, number: int) -> int:
        """Unix seconds of the L2 block with that number."""
        return self.genesis.l2_time + (number - self.genesis.l2.number) * self.block_time

    def block_number_at(self, timestamp: int) -> int:
        """Number of the newest L2 block that may exist at that time; the genesis block before its time."""
        elapsed = max(timestamp - self.genesis.l2_time, 0)
        return self.genesis.l2.number + elapsed // self.block_time

    def config_hash(self) -> bytes:
        """Keccak of the canonical JSON: equal for two nodes exactly when they agree."""
        text = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"))
        return keccak(text.encode("utf-8"))

    def to_json(self) -> dict[str, object]:
        """The object that op-node reads as `rollup.json`."""
        genesis = self.genesis
        times = {f"{fork.value}_time": self.fork_times.get(fork) for fork in Fork if fork is not Fork.BEDROCK}
        return {
            "genesis": {
                "l1": _block_id_to_json(genesis.l1),
                "l2": _block_id_to_json(genesis.l2),
                "l2_time": genesis.l2_time,
                "system_config": genesis.system_config.to_json(),
            },
            "block_time": self.block_time,
            "max_sequencer_drift": self.max_sequencer_drift,
            "seq_window_size": self.seq_window_size,
            "channel_timeout": self.channel_timeout,
            "l1_chain_id": self.l1_chain_id,
            "l2_chain_id": self.l2_chain_id,
            **{key: time for key, time in times.items() if time is not None},
            "batch_inbox_address": hex_bytes(self.batch_inbox_address),
            "deposit_contract_address": hex_bytes(self.deposit_contract_address),
            "l1_system_config_address": hex_bytes(self.l1_system_config_address),
            "chain_op_config": {
                "eip1559Elasticity": self.eip1559.elasticity,
                "eip1559Denominator": self.eip1559.denominator,
                "eip1559DenominatorCanyon": self.eip1559.denominator_canyon,
            },
        }

    @classmethod
    def from_json(cls, source: Mapping[str, object]) -> "RollupConfig":
        """
        Read the content of a `rollup.json`.

        Keys that change no rule are ignored; those that would (another data
        source, a fork that is not known) are refused.

        Raises
        ------
        InvalidRollupConfig
            A field is missing or malformed, or the rules it asks for are not
            the ones implemented.
        """
        try:
            config = _parse(source)
        except MalformedField as error:
            raise InvalidRollupConfig([str(error)]) from error
        problems = _unsupported_keys(source) + check_rollup_config(config)
        if problems:
            raise InvalidRollupConfig(problems)
        return config


def check_rollup_config(config: RollupConfig) -> list[str]:
    """Every reason why no chain can be run with `config`; empty when there is none."""
    problems = []
    for name, value in (
        ("block_time", config.block_time),
        ("seq_window_size", config.seq_window_size),
        ("channel_timeout", config.channel_timeout),
        ("l1_chain_id", config.l1_chain_id),
        ("l2_chain_id", config.l2_chain_id),
        ("eip1559Elasticity", config.eip1559.elasticity),
        ("eip1559DenominatorCanyon", config.eip1559.denominator_canyon),
    ):
        if value == 0:
            problems.append(f"{name} is 0")
    if config.l1_chain_id == config.l2_chain_id:
        problems.append("L1 and L2 have the same chain id")
    problems += [
        f"{fork.value} is not active at genesis"
        for fork in GENESIS_FORKS
        if not config.is_active(fork, config.genesis.l2_time)
    ]
    if config.fork_times.get(Fork.JOVIAN) is not None:
        problems.append("jovian is scheduled, its rules are not implemented")
    return problems


def _parse(source: Mapping[str, object]) -> RollupConfig:
    genesis = json_fields.get_object(source, "genesis")
    constants = json_fields.get_object(source, "chain_op_config")
    return RollupConfig(
        genesis=RollupGenesis(
            l1=_block_id_from_json(json_fields.get_object(genesis, "l1")),
            l2=_block_id_from_json(json_fields.get_object(genesis, "l2")),
            l2_time=json_fields.get_integer(genesis, "l2_time"),
            system_config=SystemConfig.from_json(json_fields.get_object(genesis, "system_config")),
        ),
        block_time=json_fields.get_integer(source, "block_time"),
        max_sequencer_drift=json_fields.get_integer_or_none(source, "max_sequencer_drift") or 0,
        seq_window_size=json_fields.get_integer(source, "seq_window_size"),
        channel_timeout=json_fields.get_integer(source, "channel_timeout"),
        l1_chain_id=json_fields.get_integer(source, "l1_chain_id", bits=256),
        l2_chain_id=json_fields.get_integer(source, "l2_chain_id", bits=256),
        batch_inbox_address=json_fields.get_bytes(source, "batch_inbox_address", 20),
        deposit_contract_address=json_fields.get_bytes(source, "deposit_contract_address", 20),
        l1_system_config_address=json_fields.get_bytes(source, "l1_system_config_address", 20),
        eip1559=Eip1559Constants(
            elasticity=json_fields.get_integer(constants, "eip1559Elasticity", bits=32),
            denominator=json_fields.get_integer(constants, "eip1559Denominator", bits=32),
            denominator_canyon=json_fields.get_integer(constants, "eip1559DenominatorCanyon", bits=32),
        ),
        fork_times={
            fork: json_fields.get_integer_or_none(source, f"{fork.value}_time")
            for fork in Fork
            if fork is not Fork.BEDROCK
        },
    )


def _unsupported_keys(source: Mapping[str, object]) -> list[str]:
    known_times = {f"{fork.value}_time" for fork in Fork}
    problems = [
        f"{key} schedules a fork that is not known"
        for key, value in source.items()
        if key.endswith("_time") and key not in known_times | {"block_time"} and value is not None
    ]
    if source.get("alt_da") is not None:
        problems.append("alt_da: batches from another place than L1 are not supported")
    return problems


def _block_id_to_json(block: BlockId) -> dict[str, object]:
    return {"hash": hex_bytes(block.hash), "number": block.number}


def _block_id_from_json(source: Mapping[str, object]) -> BlockId:
    return BlockId(json_fields.get_integer(source, "number"), json_fields.get_bytes(source, "hash", 32))
