"""
Payload attributes of the block after a parent: what L1 decides about a block, whoever chooses its transactions.

    first block of an epoch    L1 attributes, then the origin's deposits
    every other block          L1 attributes alone

Fee recipient, randomness and beacon root come from the origin or are fixed; gas limit and EIP-1559 parameters come
from the system config, which changes with the epoch only. Pure. Spec: derivation.md, "Deriving Payload Attributes";
isthmus/l1-attributes.md; holocene/exec-engine.md.
"""

from batcher.l2_source import L2BlockRef
from l1_bridge.deposits import DepositEvent
from l1_bridge.errors import CriticalError, ResetError
from l1_bridge.l1_chain_config import L1ChainConfig
from l1_bridge.rollup_config import RollupConfig
from l1_bridge.system_config import SystemConfig
from l1_bridge.types import L1Header
from sequencer.primitives.attributes import PayloadAttributes
from sequencer.primitives.block import Block
from sequencer.primitives.deposit import DepositTransaction
from sequencer.primitives.errors import DecodingError
from sequencer.primitives.header import decode_holocene_extra_data, encode_holocene_extra_data
from sequencer.primitives.l1_info import L1BlockInfo, decode_l1_info
from sequencer.primitives.predeploys import L1_BLOCK, SEQUENCER_FEE_VAULT


class NoAttributes(CriticalError):
    """A block of ours does not begin with L1 attributes, so nobody knows its epoch."""

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(f"L2 block {number}: {reason}")
        self.number = number
        self.reason = reason


class OriginMismatch(ResetError):
    """An L1 block can not be the origin of the next L2 block."""

    def __init__(self, parent: L2BlockRef, origin: L1Header, reason: str) -> None:
        super().__init__(f"L1 block {origin.id} as origin after L2 block {parent.number}: {reason}")
        self.parent = parent
        self.origin = origin.id
        self.reason = reason


def read_l1_info(block: Block) -> L1BlockInfo:
    """What the block's first transaction says of its L1 origin; raises NoAttributes."""
    if not block.transactions:
        raise NoAttributes(block.number, "has no transactions")
    first = block.transactions[0]
    if not isinstance(first, DepositTransaction) or first.to != L1_BLOCK:
        raise NoAttributes(block.number, "does not begin with L1 attributes")
    try:
        return decode_l1_info(first.data)
    except DecodingError as reason:
        raise NoAttributes(block.number, str(reason)) from None


def system_config_at(block: Block, rollup: RollupConfig) -> SystemConfig:
    """
    The system config in force in `block`, read back from it: attributes calldata, gas limit and `extraData`.

    Of the genesis block it is the rollup config's. Parameters 0/0 come back as the chain's constants, which are what
    they mean.

    Raises
    ------
    NoAttributes
        The block is not of this level: no attributes, or `extraData` that is not of Holocene form.
    """
    if block.number == rollup.genesis.l2.number:
        return rollup.genesis.system_config
    info = read_l1_info(block)
    try:
        denominator, elasticity = decode_holocene_extra_data(block.header.extra_data)
    except DecodingError as reason:
        raise NoAttributes(block.number, str(reason)) from None
    return SystemConfig(
        batcher_address=info.batcher_address,
        gas_limit=block.header.gas_limit,
        base_fee_scalar=info.base_fee_scalar,
        blob_base_fee_scalar=info.blob_base_fee_scalar,
        eip1559_denominator=denominator,
        eip1559_elasticity=elasticity,
        operator_fee_scalar=info.operator_fee_scalar,
        operator_fee_constant=info.operator_fee_constant,
    )


def build_attributes(
    rollup: RollupConfig,
    l1_config: L1ChainConfig,
    parent: L2BlockRef,
    config: SystemConfig,
    origin: L1Header,
    sequence_number: int,
    timestamp: int,
    deposits: tuple[DepositEvent, ...] = (),
) -> PayloadAttributes:
    """
    Attributes of the block after `parent`, without user transactions.

    Parameters
    ----------
    config :
        In force in the new block: in the first block of an epoch, the parent's with the origin's updates applied.
    sequence_number :
        Position in the epoch; 0 begins it, and only then there are deposits.
    timestamp :
        Unix seconds of the new block.

    Raises
    ------
    OriginMismatch
        `origin` neither is the parent's origin nor follows it, or is later than the new block.
    """
    _require_origin(parent, origin, timestamp)
    info = L1BlockInfo(
        number=origin.number,
        timestamp=origin.timestamp,
        base_fee=origin.base_fee,
        blob_base_fee=l1_config.blob_base_fee(origin),
        hash=origin.hash,
        sequence_number=sequence_number,
        batcher_address=config.batcher_address,
        base_fee_scalar=config.base_fee_scalar,
        blob_base_fee_scalar=config.blob_base_fee_scalar,
        operator_fee_scalar=config.operator_fee_scalar,
        operator_fee_constant=config.operator_fee_constant,
    )
    return PayloadAttributes(
        timestamp=timestamp,
        prev_randao=origin.mix_hash,
        fee_recipient=SEQUENCER_FEE_VAULT,
        parent_beacon_block_root=origin.parent_beacon_block_root,
        gas_limit=config.gas_limit,
        extra_data=_extra_data(config, rollup),
        deposits=(info.to_deposit(), *(DepositTransaction.from_event(event) for event in deposits)),
    )


def _require_origin(parent: L2BlockRef, origin: L1Header, timestamp: int) -> None:
    if origin.id != parent.l1_origin and origin.parent_hash != parent.l1_origin.hash:
        raise OriginMismatch(parent, origin, "neither is the parent's origin nor follows it")
    if timestamp < origin.timestamp:
        raise OriginMismatch(parent, origin, f"is later than the block, which is of {timestamp}")


def _extra_data(config: SystemConfig, rollup: RollupConfig) -> bytes:
    """EIP-1559 parameters for the next block; 0/0 means the chain's constants since Canyon."""
    if config.eip1559_denominator == 0 and config.eip1559_elasticity == 0:
        return encode_holocene_extra_data(rollup.eip1559.denominator_canyon, rollup.eip1559.elasticity)
    return encode_holocene_extra_data(config.eip1559_denominator, config.eip1559_elasticity)
