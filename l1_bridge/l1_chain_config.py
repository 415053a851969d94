"""
What has to be known of the L1 chain itself: its forks and its blob fee schedule.

The blob base fee of the L1 origin is part of every L2 block (the attributes
deposit), so it is consensus: computed from the header's excess blob gas and this
schedule, never asked from a node. The file is the chain config that op-node
takes with `--rollup.l1-chain-config`. Spec: ecotone/l1-attributes.md, EIP-4844,
EIP-7840, EIP-7892.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from l1_bridge import json_fields
from l1_bridge.errors import CriticalError
from l1_bridge.json_fields import MalformedField
from l1_bridge.types import L1Header

MIN_BLOB_BASE_FEE = 1
"""Wei per blob gas; also what counts where L1 has no blobs."""

MAX_TRANSACTION_BLOBS = 6
"""Of one transaction since Osaka (EIP-7594), however many a block may hold; before it may have as many as a block."""

MERGED_FORK_BLOCKS: Mapping[str, int] = dict.fromkeys(
    (
        "homesteadBlock",
        "eip150Block",
        "eip155Block",
        "eip158Block",
        "byzantiumBlock",
        "constantinopleBlock",
        "petersburgBlock",
        "istanbulBlock",
        "muirGlacierBlock",
        "berlinBlock",
        "londonBlock",
        "arrowGlacierBlock",
        "grayGlacierBlock",
        "mergeNetsplitBlock",
    ),
    0,
)
"""Block-numbered forks of a chain that was born after the merge."""


class InvalidL1ChainConfig(CriticalError):
    """The L1 chain config can not be used."""


class NoBlobSchedule(CriticalError):
    """An L1 header has blob gas, but the L1 chain config has no blob schedule for its time."""

    def __init__(self, number: int, timestamp: int) -> None:
        super().__init__(f"no blob schedule for L1 block {number} at {timestamp}")
        self.number = number
        self.timestamp = timestamp


@dataclass(frozen=True, slots=True)
class BlobParameters:
    """One entry of the blob schedule."""

    target: int
    """Blobs per block."""
    max: int
    """Blobs per block."""
    base_fee_update_fraction: int


@dataclass(frozen=True, slots=True)
class L1ChainConfig:
    """Forks of L1 by name and time, and the blob schedule by fork."""

    chain_id: int
    fork_times: Mapping[str, int]
    """Fork name in lower case (`cancun`) to Unix seconds."""
    blob_schedule: Mapping[str, BlobParameters]
    """Fork name to its blob parameters."""
    fork_blocks: Mapping[str, int]
    """Keys of the file for forks before the merge, to L1 block numbers; no rule reads them."""
    terminal_total_difficulty: int = 0

    def blob_base_fee(self, header: L1Header) -> int:
        """
        Wei per blob gas in the block of `header`; 1 where L1 has no blobs.

        Raises
        ------
        NoBlobSchedule
            The header has blob gas at a time for which nothing is scheduled.
        """
        if header.excess_blob_gas is None:
            return MIN_BLOB_BASE_FEE
        parameters = self._blob_parameters_at(header.timestamp)
        if parameters is None:
            raise NoBlobSchedule(header.number, header.timestamp)
        return _fake_exponential(MIN_BLOB_BASE_FEE, header.excess_blob_gas, parameters.base_fee_update_fraction)

    def max_blobs_at(self, timestamp: int) -> int:
        """Blobs that one transaction may carry at that time; 0: there are none then."""
        parameters = self._blob_parameters_at(timestamp)
        most = 0 if parameters is None else parameters.max
        return min(most, MAX_TRANSACTION_BLOBS) if self.is_osaka_at(timestamp) else most

    def most_blobs(self) -> int:
        """The same at the time at which it is most: no transaction ever carries more."""
        return max((self.max_blobs_at(time) for time in self.fork_times.values()), default=0)

    def is_osaka_at(self, timestamp: int) -> bool:
        """Whether blobs travel with cell proofs then."""
        osaka = self.fork_times.get("osaka")
        return osaka is not None and timestamp >= osaka

    def _blob_parameters_at(self, timestamp: int) -> BlobParameters | None:
        active = [
            (time, position, self.blob_schedule[fork])
            for position, (fork, time) in enumerate(self.fork_times.items())
            if fork in self.blob_schedule and time <= timestamp
        ]
        return max(active, key=lambda entry: entry[:2])[2] if active else None

    def to_json(self) -> dict[str, object]:
        """The object that op-node and op-geth read."""
        return {
            "chainId": self.chain_id,
            **self.fork_blocks,
            "terminalTotalDifficulty": self.terminal_total_difficulty,
            **{f"{fork}Time": time for fork, time in self.fork_times.items()},
            "blobSchedule": {
                fork: {
                    "target": parameters.target,
                    "max": parameters.max,
                    "baseFeeUpdateFraction": parameters.base_fee_update_fraction,
                }
                for fork, parameters in self.blob_schedule.items()
            },
        }

    @classmethod
    def from_json(cls, source: Mapping[str, object]) -> "L1ChainConfig":
        """
        Read a chain config; keys that are neither forks nor blob schedule are ignored.

        Raises
        ------
        InvalidL1ChainConfig
            A field is missing or malformed.
        """
        try:
            return _parse(source)
        except MalformedField as error:
            raise InvalidL1ChainConfig(f"L1 chain config: {error}") from error


def prague_l1_chain(chain_id: int) -> L1ChainConfig:
    """An L1 chain with every fork up to Prague active from genesis, and Ethereum's blob schedule."""
    return L1ChainConfig(
        chain_id=chain_id,
        fork_times={"shanghai": 0, "cancun": 0, "prague": 0},
        blob_schedule={"cancun": BlobParameters(3, 6, 3338477), "prague": BlobParameters(6, 9, 5007716)},
        fork_blocks=dict(MERGED_FORK_BLOCKS),
    )


def _parse(source: Mapping[str, object]) -> L1ChainConfig:
    schedule = json_fields.get_object(source, "blobSchedule") if source.get("blobSchedule") is not None else {}
    return L1ChainConfig(
        chain_id=json_fields.get_integer(source, "chainId", bits=256),
        fork_times={
            key.removesuffix("Time"): json_fields.get_integer(source, key)
            for key in source
            if key.endswith("Time") and source[key] is not None
        },
        blob_schedule={fork: _parse_parameters(json_fields.get_object(schedule, fork)) for fork in schedule},
        fork_blocks={
            key: json_fields.get_integer(source, key)
            for key in source
            if key.endswith("Block") and source[key] is not None
        },
        terminal_total_difficulty=json_fields.get_integer(source, "terminalTotalDifficulty", bits=256)
        if source.get("terminalTotalDifficulty") is not None
        else 0,
    )


def _parse_parameters(source: Mapping[str, object]) -> BlobParameters:
    fraction = json_fields.get_integer(source, "baseFeeUpdateFraction")
    if fraction == 0:
        raise MalformedField("baseFeeUpdateFraction", "is 0")
    return BlobParameters(json_fields.get_integer(source, "target"), json_fields.get_integer(source, "max"), fraction)


def _fake_exponential(factor: int, numerator: int, denominator: int) -> int:
    """factor * e^(numerator / denominator) in integers, by its Taylor series (EIP-4844)."""
    position = 1
    total = 0
    term = factor * denominator
    while term > 0:
        total += term
        term = term * numerator // (denominator * position)
        position += 1
    return total // denominator
