"""
Chains to test contracts on: an L1 with the bridge contracts, an L2 with the predeploys, both as their genesis has them.
"""

from dataclasses import dataclass, field

from contracts.genesis import l1_addresses, l1_allocs, l2_allocs
from contracts.parameters import ContractParameters, VaultParameters, WithdrawalNetwork
from tests.contracts.evm import Contract, Evm

ETHER = 10**18
L1_CHAIN_ID = 900


def account(number: int) -> bytes:
    """Return an address that is easy to tell from others."""
    return bytes([0xA0, number]) * 10


OWNER, GUARDIAN, BATCHER, PROPOSER, CHALLENGER, SIGNER, USER, OTHER = (account(number) for number in range(8))
SEQUENCER_RECIPIENT, BASE_RECIPIENT, L1_RECIPIENT, OPERATOR_RECIPIENT = (account(number) for number in range(20, 24))
DEPOSITOR = bytes.fromhex("deaddeaddeaddeaddeaddeaddeaddeaddead0001")


def parameters(network: WithdrawalNetwork = WithdrawalNetwork.L2) -> ContractParameters:
    """Return settings in which no two values are equal by chance."""
    return ContractParameters(
        l1_chain_id=L1_CHAIN_ID,
        owner=OWNER,
        guardian=GUARDIAN,
        batcher=BATCHER,
        proposer=PROPOSER,
        challenger=CHALLENGER,
        unsafe_block_signer=SIGNER,
        gas_limit=30_000_000,
        base_fee_scalar=1368,
        blob_base_fee_scalar=810_949,
        eip1559_denominator=250,
        eip1559_elasticity=6,
        operator_fee_scalar=500_000,
        operator_fee_constant=12_345,
        submission_interval_blocks=20,
        l2_block_time_seconds=1,
        starting_block_number=0,
        starting_timestamp=1_700_000_000,
        finalization_period_seconds=12,
        vaults=VaultParameters(
            sequencer_fee_recipient=SEQUENCER_RECIPIENT,
            base_fee_recipient=BASE_RECIPIENT,
            l1_fee_recipient=L1_RECIPIENT,
            operator_fee_recipient=OPERATOR_RECIPIENT,
            min_withdrawal_wei=ETHER,
            network=network,
        ),
    )


@dataclass(slots=True)
class L1World:
    """An L1 with the bridge contracts, in block 1."""

    evm: Evm = field(default_factory=Evm)
    addresses: dict[str, bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.addresses = l1_addresses(parameters())
        self.evm.install(l1_allocs(parameters()))
        self.evm.block.number = 1
        self.evm.block.timestamp += 2
        for address in (OWNER, USER, OTHER, BATCHER):
            self.evm.fund(address, 1000 * ETHER)

    def contract(self, name: str) -> Contract:
        """Return a bridge contract by name."""
        return Contract(self.evm, name, self.addresses[name])


@dataclass(slots=True)
class L2World:
    """An L2 with the predeploys."""

    network: WithdrawalNetwork = WithdrawalNetwork.L2
    evm: Evm = field(default_factory=Evm)

    def __post_init__(self) -> None:
        self.evm.install(l2_allocs(parameters(self.network)))
        self.evm.fund(USER, 1000 * ETHER)
