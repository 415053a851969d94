"""
What a block tells its transactions: everything that the EVM sees besides state.

Output depends on parent state, ordered transactions and this environment alone.
"""

from dataclasses import dataclass

from sequencer.primitives.attributes import PayloadAttributes
from sequencer.primitives.header import Header, compute_base_fee, decode_holocene_extra_data

BLOCKHASH_WINDOW = 256
"""How many ancestors BLOCKHASH reaches."""

ETHEREUM_DENOMINATOR, ETHEREUM_ELASTICITY = 8, 2
"""EIP-1559 parameters of a plain chain."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The rule set: plain Ethereum (Prague), or OP Stack (Isthmus) on top of it."""

    chain_id: int
    is_optimism: bool


@dataclass(frozen=True, slots=True)
class BlockEnvironment:
    """The block's own values; `recent_hashes` are its ancestors', parent first, at most 256."""

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
