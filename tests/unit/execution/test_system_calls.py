"""What opening a block writes: the beacon root (EIP-4788) and the parent hash (EIP-2935)."""

from sequencer.primitives.genesis import GenesisAccount
from sequencer.primitives.predeploys import BEACON_ROOTS, HISTORY_STORAGE, SYSTEM_ADDRESS
from tests.random_blocks import SYSTEM_CONTRACTS
from tests.unit.execution.chain_fixture import make_environment, make_state, open_block

ALLOC = {address: GenesisAccount(nonce=1, code=bytes.fromhex(code)) for address, code in SYSTEM_CONTRACTS.items()}


def test_parent_hash_stands_at_its_number() -> None:
    view = open_block(ALLOC).view()

    assert view.storage(HISTORY_STORAGE, 4) == 4


def test_beacon_root_stands_at_the_timestamp() -> None:
    view = open_block(ALLOC).view()
    index = make_environment().timestamp % 8191

    assert view.storage(BEACON_ROOTS, index) == make_environment().timestamp
    assert view.storage(BEACON_ROOTS, index + 8191) == 7


def test_caller_of_system_contracts_leaves_no_account() -> None:
    assert open_block(ALLOC).view().account(SYSTEM_ADDRESS) is None


def test_chain_without_the_contracts_opens_unchanged() -> None:
    state = make_state()

    assert open_block().seal(state).block.header.state_root == state.state_root
