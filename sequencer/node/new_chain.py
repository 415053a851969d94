"""
A new chain: its genesis, the contracts' part of it, and the agreement with L1 (`genesis.json`, `rollup.json`).

Everything follows from one `ChainPlan`, so `braid genesis`, `braid deploy` and `braid devnet` make the same chain from
the same wishes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from contracts.genesis import Alloc, l1_allocs, l2_allocs
from contracts.parameters import ContractParameters, VaultParameters
from l1_bridge.rollup_config import (
    CHANNEL_TIMEOUT_BLOCKS,
    MAX_SEQUENCER_DRIFT_SECONDS,
    Eip1559Constants,
    Fork,
    RollupConfig,
    RollupGenesis,
)
from l1_bridge.system_config import SystemConfig
from l1_bridge.types import BlockId
from sequencer.primitives.genesis import Genesis, GenesisAccount, OptimismParameters
from sequencer.primitives.header import encode_holocene_extra_data
from sequencer.primitives.predeploys import SEQUENCER_FEE_VAULT

INITIAL_BASE_FEE = 10**9
"""Wei; block 0 of a new chain, both L1 and L2."""

L1_GAS_LIMIT = 60_000_000
"""Gas a block of an embedded L1."""


@dataclass(frozen=True, slots=True)
class Roles:
    """Addresses on L1 that may do what nobody else may."""

    owner: bytes
    batcher: bytes
    proposer: bytes
    challenger: bytes


@dataclass(frozen=True, slots=True)
class ChainPlan:
    """What an operator wishes for a new chain. Times in seconds, fees as in the system config."""

    l1_chain_id: int
    l2_chain_id: int
    roles: Roles
    block_time: int = 1
    sequencing_window: int = 600
    output_interval_blocks: int = 20
    finalization_period_seconds: int = 12
    gas_limit: int = 60_000_000
    base_fee_scalar: int = 1_368
    blob_base_fee_scalar: int = 810_949
    eip1559_denominator: int = 250
    eip1559_elasticity: int = 6
    operator_fee_scalar: int = 0
    operator_fee_constant: int = 0
    funded: Mapping[bytes, int] = field(default_factory=dict)
    """Balances in wei at genesis, on L2 (and on an embedded L1)."""


def contract_parameters(plan: ChainPlan, starting_timestamp: int) -> ContractParameters:
    """Parameters of the contracts on both chains; `starting_timestamp` is the L2 genesis time in seconds."""
    owner = plan.roles.owner
    return ContractParameters(
        l1_chain_id=plan.l1_chain_id,
        owner=owner,
        guardian=owner,
        batcher=plan.roles.batcher,
        proposer=plan.roles.proposer,
        challenger=plan.roles.challenger,
        unsafe_block_signer=plan.roles.batcher,
        gas_limit=plan.gas_limit,
        base_fee_scalar=plan.base_fee_scalar,
        blob_base_fee_scalar=plan.blob_base_fee_scalar,
        eip1559_denominator=plan.eip1559_denominator,
        eip1559_elasticity=plan.eip1559_elasticity,
        operator_fee_scalar=plan.operator_fee_scalar,
        operator_fee_constant=plan.operator_fee_constant,
        submission_interval_blocks=plan.output_interval_blocks,
        l2_block_time_seconds=plan.block_time,
        starting_block_number=0,
        starting_timestamp=starting_timestamp,
        finalization_period_seconds=plan.finalization_period_seconds,
        vaults=VaultParameters(
            sequencer_fee_recipient=owner,
            base_fee_recipient=owner,
            l1_fee_recipient=owner,
            operator_fee_recipient=owner,
        ),
    )


def make_l2_genesis(plan: ChainPlan, timestamp: int, addresses: Mapping[str, bytes] | None = None) -> Genesis:
    """
    Block 0 of the rollup, at `timestamp` seconds.

    Parameters
    ----------
    addresses :
        Contracts on L1 by name, as a deployment gives them; by default those of an embedded L1.
    """
    allocs = l2_allocs(contract_parameters(plan, timestamp), addresses)
    return Genesis(
        chain_id=plan.l2_chain_id,
        timestamp=timestamp,
        extra_data=encode_holocene_extra_data(plan.eip1559_denominator, plan.eip1559_elasticity),
        gas_limit=plan.gas_limit,
        fee_recipient=SEQUENCER_FEE_VAULT,
        base_fee_per_gas=INITIAL_BASE_FEE,
        alloc=_merge(allocs, plan.funded),
        optimism=OptimismParameters(
            elasticity=plan.eip1559_elasticity,
            denominator=plan.eip1559_denominator,
            denominator_canyon=plan.eip1559_denominator,
        ),
    )


def make_l1_genesis(plan: ChainPlan, timestamp: int) -> Genesis:
    """Block 0 of an embedded L1 with the bridge contracts in it."""
    allocs = l1_allocs(contract_parameters(plan, timestamp))
    return Genesis(
        chain_id=plan.l1_chain_id,
        timestamp=timestamp,
        extra_data=b"",
        gas_limit=L1_GAS_LIMIT,
        fee_recipient=bytes(20),
        base_fee_per_gas=INITIAL_BASE_FEE,
        alloc=_merge(allocs, plan.funded),
    )


def make_rollup_config(
    plan: ChainPlan, l1: BlockId, l2: BlockId, l2_time: int, addresses: Mapping[str, bytes]
) -> RollupConfig:
    """
    The agreement of both chains.

    Parameters
    ----------
    l1, l2 :
        The block of L1 after which the rollup starts, and the rollup's block 0.
    l2_time :
        Seconds; not before the time of `l1`.
    addresses :
        Contracts on L1 by name, as a deployment gives them.
    """
    return RollupConfig(
        genesis=RollupGenesis(l1=l1, l2=l2, l2_time=l2_time, system_config=_system_config(plan)),
        block_time=plan.block_time,
        max_sequencer_drift=MAX_SEQUENCER_DRIFT_SECONDS,
        seq_window_size=plan.sequencing_window,
        channel_timeout=CHANNEL_TIMEOUT_BLOCKS,
        l1_chain_id=plan.l1_chain_id,
        l2_chain_id=plan.l2_chain_id,
        batch_inbox_address=addresses["BatchInbox"],
        deposit_contract_address=addresses["OptimismPortal"],
        l1_system_config_address=addresses["SystemConfig"],
        eip1559=Eip1559Constants(plan.eip1559_elasticity, plan.eip1559_denominator, plan.eip1559_denominator),
        fork_times={fork: 0 for fork in Fork if fork not in (Fork.BEDROCK, Fork.JOVIAN)},
    )


def _system_config(plan: ChainPlan) -> SystemConfig:
    return SystemConfig(
        batcher_address=plan.roles.batcher,
        gas_limit=plan.gas_limit,
        base_fee_scalar=plan.base_fee_scalar,
        blob_base_fee_scalar=plan.blob_base_fee_scalar,
        eip1559_denominator=plan.eip1559_denominator,
        eip1559_elasticity=plan.eip1559_elasticity,
        operator_fee_scalar=plan.operator_fee_scalar,
        operator_fee_constant=plan.operator_fee_constant,
    )


def _merge(allocs: Mapping[bytes, Alloc], funded: Mapping[bytes, int]) -> dict[bytes, GenesisAccount]:
    accounts = {
        address: GenesisAccount(alloc.balance, alloc.nonce, alloc.code, dict(alloc.storage) or None)
        for address, alloc in allocs.items()
    }
    accounts |= {address: GenesisAccount(balance=balance) for address, balance in funded.items()}
    return accounts
