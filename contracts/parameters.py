"""
What an operator chooses for the contracts of a new chain. The same values give its genesis and its deployment.
"""

from dataclasses import dataclass
from enum import Enum


class WithdrawalNetwork(Enum):
    """The chain on which a fee vault pays out; the numbers are the contract's."""

    L1 = 0
    L2 = 1


@dataclass(frozen=True, slots=True)
class VaultParameters:
    """Where the fees go. Addresses are 20 bytes, on the chain named by `network`."""

    sequencer_fee_recipient: bytes
    base_fee_recipient: bytes
    l1_fee_recipient: bytes
    operator_fee_recipient: bytes
    min_withdrawal_wei: int = 10**18
    network: WithdrawalNetwork = WithdrawalNetwork.L2


@dataclass(frozen=True, slots=True)
class ContractParameters:
    """Roles and first settings. All addresses are 20 bytes."""

    l1_chain_id: int
    owner: bytes
    """On L1 and on L2: owns the ProxyAdmin, so may replace all code. On L1 also owns the SystemConfig."""
    guardian: bytes
    """May pause withdrawals."""
    batcher: bytes
    proposer: bytes
    challenger: bytes
    unsafe_block_signer: bytes
    """Zero when blocks are not gossiped."""
    gas_limit: int
    """L2 gas a block, 21,000,000 to 500,000,000."""
    base_fee_scalar: int
    blob_base_fee_scalar: int
    eip1559_denominator: int
    eip1559_elasticity: int
    operator_fee_scalar: int
    operator_fee_constant: int
    submission_interval_blocks: int
    """L2 blocks from one output to the next."""
    l2_block_time_seconds: int
    starting_block_number: int
    """L2 block that counts as proposed at the start: the genesis block."""
    starting_timestamp: int
    """L2 time of that block; not after the L1 block that the contracts begin in."""
    finalization_period_seconds: int
    vaults: VaultParameters
