"""
Attributes: a batch and the L1 origin that it names become everything that decides a block.

The system config comes from the parent block and changes in the first block of an epoch only. Spec: derivation.md,
"Deriving Payload Attributes".
"""

from dataclasses import dataclass, replace

from batcher.codec.batch import SingularBatch
from batcher.l2_source import L2BlockRef
from l1_bridge.l1_chain_config import L1ChainConfig
from l1_bridge.rollup_config import RollupConfig
from l1_bridge.types import BlockId
from sequencer.chain.attributes_builder import build_attributes, system_config_at
from sequencer.primitives.attributes import PayloadAttributes
from sequencer.primitives.block import Block

from .epochs import EpochReader


@dataclass(frozen=True, slots=True)
class DerivedAttributes:
    """The inputs of one block as L1 decided them."""

    attributes: PayloadAttributes
    parent: L2BlockRef
    derived_from: BlockId
    """L1 block with which all of it was known; the block is final when this one is."""

    def deposits_only(self) -> "DerivedAttributes":
        """The same without user transactions: what stands in for a payload that can not be executed."""
        return replace(self, attributes=replace(self.attributes, user_transactions=()))


class AttributesDeriver:
    """Adds to a batch what L1 says."""

    def __init__(self, rollup: RollupConfig, l1_config: L1ChainConfig, epochs: EpochReader) -> None:
        self._rollup = rollup
        self._l1_config = l1_config
        self._epochs = epochs

    async def derive(self, batch: SingularBatch, parent: L2BlockRef, parent_block: Block) -> PayloadAttributes:
        """
        Attributes of the block that an accepted batch describes.

        Raises
        ------
        TemporaryError
            L1 is away, slow, or lies.
        ResetError
            The origin is gone, or does not fit the parent.
        CriticalError
            A deposit is malformed, or L1's blob schedule does not cover the origin.
        """
        epoch = await self._epochs.read_by_id(BlockId(batch.epoch_number, batch.epoch_hash))
        config = system_config_at(parent_block, self._rollup)
        is_first = batch.epoch_number != parent.l1_origin.number
        attributes = build_attributes(
            rollup=self._rollup,
            l1_config=self._l1_config,
            parent=parent,
            config=epoch.apply_updates(config, self._rollup) if is_first else config,
            origin=epoch.header,
            sequence_number=0 if is_first else parent.sequence_number + 1,
            timestamp=batch.timestamp,
            deposits=epoch.deposits(self._rollup) if is_first else (),
        )
        return replace(attributes, user_transactions=batch.transactions)


def compare_with_block(attributes: PayloadAttributes, parent_hash: bytes, block: Block) -> tuple[str, ...]:
    """Names of the inputs in which `block` differs from derived attributes; empty: it is the derived block."""
    header = block.header
    pairs = (
        ("parent_hash", parent_hash, header.parent_hash),
        ("timestamp", attributes.timestamp, header.timestamp),
        ("prev_randao", attributes.prev_randao, header.prev_randao),
        ("fee_recipient", attributes.fee_recipient, header.fee_recipient),
        ("parent_beacon_block_root", attributes.parent_beacon_block_root, header.parent_beacon_block_root),
        ("gas_limit", attributes.gas_limit, header.gas_limit),
        ("extra_data", attributes.extra_data, header.extra_data),
        (
            "transactions",
            [deposit.raw for deposit in attributes.deposits] + list(attributes.user_transactions),
            [transaction.raw for transaction in block.transactions],
        ),
    )
    return tuple(name for name, derived, held in pairs if derived != held)
