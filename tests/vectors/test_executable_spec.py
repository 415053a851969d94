"""Random plain Prague blocks: the serial engine against Ethereum's executable specification, a second opinion."""

import os
from collections.abc import Mapping, Sequence

import pytest
from ethereum.exceptions import EthereumException
from ethereum.forks.prague import fork, vm
from ethereum.forks.prague.bloom import logs_bloom
from ethereum.forks.prague.fork_types import Account as SpecAccount
from ethereum.forks.prague.state import State, set_account, set_storage, state_root
from ethereum.forks.prague.transactions import LegacyTransaction, decode_transaction
from ethereum.forks.prague.trie import root
from ethereum_rlp import rlp
from ethereum_types.bytes import Bytes20, Bytes32
from ethereum_types.numeric import U64, U256, Uint

from sequencer.execution.environment import BlockEnvironment, Rules
from sequencer.execution.interface import Deferred, Included, Outcome
from sequencer.execution.serial import SerialOpenBlock
from sequencer.primitives.genesis import GenesisAccount
from tests.factories import CHAIN_ID, GWEI
from tests.fakes.memory_state import memory_state
from tests.random_blocks import RandomBlocks

TRANSACTIONS = 30
BLOCKS = int(os.environ.get("BRAID_RANDOM_BLOCKS", "500"))
"""As in `test_engines_agree`; a twentieth of them is executed here, where a block takes half a second."""


def make_environment(gas_limit: int, fee_recipient: bytes) -> BlockEnvironment:
    return BlockEnvironment(
        rules=Rules(chain_id=CHAIN_ID, is_optimism=False),
        number=300,
        timestamp=1_800_000_000,
        gas_limit=gas_limit,
        base_fee_per_gas=GWEI,
        fee_recipient=fee_recipient,
        prev_randao=bytes(range(32)),
        parent_beacon_block_root=bytes(31) + b"\x07",
        parent_hash=bytes(31) + b"\x01",
        extra_data=b"",
        recent_hashes=tuple((index + 1).to_bytes(32, "big") for index in range(256)),
    )


class Specification:
    """One block of the executable specification."""

    def __init__(self, alloc: Mapping[bytes, GenesisAccount], environment: BlockEnvironment) -> None:
        self.state = State()
        for address, account in alloc.items():
            spec_account = SpecAccount(Uint(account.nonce), U256(account.balance), account.code)
            set_account(self.state, Bytes20(address), spec_account)
            for slot, value in (account.storage or {}).items():
                set_storage(self.state, Bytes20(address), Bytes32(slot.to_bytes(32, "big")), U256(value))
        self.environment = vm.BlockEnvironment(
            chain_id=U64(environment.rules.chain_id),
            state=self.state,
            block_gas_limit=Uint(environment.gas_limit),
            block_hashes=[Bytes32(value) for value in reversed(environment.recent_hashes)],
            coinbase=Bytes20(environment.fee_recipient),
            number=Uint(environment.number),
            base_fee_per_gas=Uint(environment.base_fee_per_gas),
            time=U256(environment.timestamp),
            prev_randao=Bytes32(environment.prev_randao),
            excess_blob_gas=U64(0),
            parent_beacon_block_root=Bytes32(environment.parent_beacon_block_root),
        )
        self.output = vm.BlockOutput()
        for address, data in (
            (fork.BEACON_ROOTS_ADDRESS, environment.parent_beacon_block_root),
            (fork.HISTORY_STORAGE_ADDRESS, environment.parent_hash),
        ):
            fork.process_unchecked_system_transaction(self.environment, address, Bytes32(data))

    def apply(self, raw: bytes) -> str | None:
        """Execute one transaction; the name of what makes it invalid, None when it was included."""
        item = rlp.decode_to(LegacyTransaction, raw) if raw[0] >= 0xC0 else raw
        index = Uint(len(self.output.receipt_keys))
        try:
            fork.process_transaction(self.environment, self.output, decode_transaction(item), index)
        except EthereumException as reason:
            return type(reason).__name__
        return None


def execute_both(seed: int, gas_limit: int = 20_000_000) -> list[Outcome]:
    blocks = RandomBlocks(seed)
    environment = make_environment(gas_limit, blocks.fee_recipient)
    state = memory_state(blocks.alloc)
    specification = Specification(blocks.alloc, environment)
    opened = SerialOpenBlock(environment, state)
    outcomes: list[Outcome] = []
    gas_used = 0
    for place in range(TRANSACTIONS):
        transaction = blocks.transaction(opened.view(), gas_limit - gas_used)
        (outcome,) = opened.apply([transaction])
        refusal = specification.apply(transaction.raw)
        assert isinstance(outcome, Included) == (refusal is None), (place, outcome, refusal)
        if isinstance(outcome, Included):
            gas_used += outcome.gas_used
        assert gas_used == specification.output.block_gas_used, (place, outcome)
        outcomes.append(outcome)
    sealed = opened.seal(state)

    assert sealed.block.header.gas_used == specification.output.block_gas_used
    assert sealed.block.header.receipts_root == root(specification.output.receipts_trie)
    assert sealed.block.header.logs_bloom == logs_bloom(specification.output.block_logs)
    assert sealed.block.header.state_root == state_root(specification.state)
    return outcomes


@pytest.mark.parametrize("seed", range(BLOCKS // 20))
def test_random_block_has_the_roots_of_the_specification(seed: int) -> None:
    outcomes = execute_both(seed)

    assert any(isinstance(outcome, Included) for outcome in outcomes)


def test_random_blocks_of_the_specification_are_mostly_included() -> None:
    outcomes = [outcome for seed in range(6) for outcome in execute_both(seed)]

    assert sum(isinstance(outcome, Included) for outcome in outcomes) >= len(outcomes) // 2


def statuses(outcomes: Sequence[Outcome]) -> set[int]:
    return {outcome.receipt.status for outcome in outcomes if isinstance(outcome, Included)}


def test_room_in_the_block_ends_where_the_specification_says() -> None:
    outcomes = execute_both(seed=7, gas_limit=2_000_000)

    assert any(isinstance(outcome, Deferred) for outcome in outcomes)


def test_random_blocks_hold_successes_and_failures() -> None:
    outcomes = execute_both(seed=1000)

    assert statuses(outcomes) == {0, 1}
