"""
What a block tells its transactions: everything that the EVM sees besides state.

Output depends on parent state, ordered transactions and this environment alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from sequencer.primitives.attributes import PayloadAttributes
from sequencer.primitives.header import Header, compute_base_fee, decode_holocene_extra_data

BLOCKHASH_WINDOW = 256
"""How many ancestors BLOCKHASH reaches."""

ETHEREUM_DENOMINATOR, ETHEREUM_ELASTICITY = 8, 2
"""EIP-1559 parameters of a plain chain."""


GAS_PER_BLOB = 2**17
"""Blob gas that each blob of a transaction takes (EIP-4844)."""

MINIMUM_BLOB_BASE_FEE = 1
"""Wei for a unit of blob gas while nothing is in excess."""


class Fork(Enum):
    """Ethereum's rules by the upgrade that brought them; each holds those before it."""

    ISTANBUL = "istanbul"
    BERLIN = "berlin"
    LONDON = "london"
    PARIS = "paris"
    SHANGHAI = "shanghai"
    CANCUN = "cancun"
    PRAGUE = "prague"

    def includes(self, other: "Fork") -> bool:
        """Whether what `other` brought is in force."""
        return _PLACES[self] >= _PLACES[other]


_PLACES = {fork: place for place, fork in enumerate(Fork)}


@dataclass(frozen=True, slots=True)
class BlobLimits:
    """Blob gas that a block should and may hold, and how slowly the blob base fee follows (EIP-4844, EIP-7691)."""

    target_gas: int
    max_gas: int
    update_fraction: int


BLOB_LIMITS: Mapping[Fork, BlobLimits] = {
    Fork.CANCUN: BlobLimits(3 * GAS_PER_BLOB, 6 * GAS_PER_BLOB, 3_338_477),
    Fork.PRAGUE: BlobLimits(6 * GAS_PER_BLOB, 9 * GAS_PER_BLOB, 5_007_716),
}
"""Only these forks know blobs."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The rule set: plain Ethereum at `fork`, or OP Stack (Isthmus) on top of Prague."""

    chain_id: int
    is_optimism: bool
    fork: Fork = Fork.PRAGUE

    @property
    def blob_limits(self) -> BlobLimits | None:
        """Of the blobs in a block; None where there are none: before Cancun, and on OP chains."""
        return None if self.is_optimism else BLOB_LIMITS.get(self.fork)


@dataclass(frozen=True, slots=True)
class BlockEnvironment:
    """
    The block's own values; `recent_hashes` are its ancestors', parent first, at most 256.

    `difficulty` is what DIFFICULTY gives before Paris. `excess_blob_gas` is the block's own (EIP-4844).
    """

    rules: Rules
    number: int
    timestamp: int
    gas_limit: int
    base_fee_per_gas: int
    fee_recipient: bytes
    prev_randao: bytes
    parent_beacon_block_root: bytes
    parent_hash: bytes
    extra_data: bytes
    recent_hashes: tuple[bytes, ...]
    difficulty: int = 0
    excess_blob_gas: int = 0

    @property
    def blob_base_fee(self) -> int:
        """Wei for a unit of blob gas; the minimum where the chain has no blobs."""
        limits = BLOB_LIMITS.get(self.rules.fork)
        return MINIMUM_BLOB_BASE_FEE if limits is None else compute_blob_base_fee(limits, self.excess_blob_gas)


def compute_blob_base_fee(limits: BlobLimits, excess_blob_gas: int) -> int:
    """Wei for a unit of blob gas: the minimum times e**(excess / fraction), as EIP-4844 approximates it."""
    total, term, step = 0, MINIMUM_BLOB_BASE_FEE * limits.update_fraction, 1
    while term > 0:
        total += term
        term = term * excess_blob_gas // (limits.update_fraction * step)
        step += 1
    return total // limits.update_fraction


def next_excess_blob_gas(limits: BlobLimits, parent_excess: int, parent_used: int) -> int:
    """Excess blob gas of a block, by its own limits, from its parent's."""
    return max(0, parent_excess + parent_used - limits.target_gas)


def next_base_fee(rules: Rules, parent: Header) -> int:
    """Base fee in wei of the block after `parent`, by the parent's own parameters under OP rules."""
    if rules.is_optimism:
        denominator, elasticity = decode_holocene_extra_data(parent.extra_data)
    else:
        denominator, elasticity = ETHEREUM_DENOMINATOR, ETHEREUM_ELASTICITY
    return compute_base_fee(parent, denominator, elasticity)


def make_environment(
    rules: Rules, parent: Header, attributes: PayloadAttributes, recent_hashes: tuple[bytes, ...]
) -> BlockEnvironment:
    """The environment of the block after `parent`; the base fee follows the parent's `extraData` under OP rules."""
    return BlockEnvironment(
        rules=rules,
        number=parent.number + 1,
        timestamp=attributes.timestamp,
        gas_limit=attributes.gas_limit,
        base_fee_per_gas=next_base_fee(rules, parent),
        fee_recipient=attributes.fee_recipient,
        prev_randao=attributes.prev_randao,
        parent_beacon_block_root=attributes.parent_beacon_block_root,
        parent_hash=recent_hashes[0],
        extra_data=attributes.extra_data,
        recent_hashes=recent_hashes,
    )
