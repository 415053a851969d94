"""User transactions: who pays whom, authorizations, what precompiles accept under which rules."""

from sequencer.execution.interface import Included
from sequencer.primitives.genesis import GenesisAccount
from sequencer.primitives.predeploys import BASE_FEE_VAULT, L1_FEE_VAULT, OPERATOR_FEE_VAULT, SEQUENCER_FEE_VAULT
from sequencer.primitives.receipt import Receipt
from sequencer.state.reader import StateReader
from tests.factories import ETHER, GWEI, RECIPIENT, address, make_authorization, make_transaction, private_key
from tests.unit.execution.chain_fixture import CONTRACT, L1_INFO, contract, make_environment, make_state, open_block

VAULTS = (SEQUENCER_FEE_VAULT, BASE_FEE_VAULT, L1_FEE_VAULT, OPERATOR_FEE_VAULT)
L1_FEE = 100 * (16 * L1_INFO.base_fee_scalar * L1_INFO.base_fee + L1_INFO.blob_base_fee_scalar * 2) // 10**6


def balance(state: StateReader, address: bytes) -> int:
    account = state.account(address)
    return 0 if account is None else account.balance


def receipt_of(outcome: object) -> Receipt:
    assert isinstance(outcome, Included)
    return outcome.receipt


def test_four_vaults_share_what_the_sender_pays() -> None:
    block = open_block()
    gas, tip = 21_000, 3 * GWEI
    block.apply([make_transaction(value=7, max_priority_fee_per_gas=tip, gas_limit=gas)])
    operator_fee = gas * L1_INFO.operator_fee_scalar // 10**6 + L1_INFO.operator_fee_constant

    paid = [balance(block.view(), vault) for vault in VAULTS]

    assert paid == [gas * tip, gas * GWEI, L1_FEE, operator_fee]
    assert balance(block.view(), address(0)) == 100 * ETHER - 7 - sum(paid)


def test_operator_fee_is_settled_on_the_gas_used() -> None:
    block = open_block()
    block.apply([make_transaction(gas_limit=1_000_000)])

    assert balance(block.view(), OPERATOR_FEE_VAULT) == 21_000 // 2 + L1_INFO.operator_fee_constant


def test_plain_chain_burns_the_base_fee() -> None:
    block = open_block(environment=make_environment(is_optimism=False))
    block.apply([make_transaction(value=0, max_priority_fee_per_gas=2, max_fee_per_gas=5 * GWEI)])

    assert [balance(block.view(), vault) for vault in VAULTS] == [42_000, 0, 0, 0]
    assert balance(block.view(), address(0)) == 100 * ETHER - 21_000 * (GWEI + 2)


def test_fee_of_nothing_creates_no_recipient() -> None:
    block = open_block(environment=make_environment(is_optimism=False))
    block.apply([make_transaction(max_priority_fee_per_gas=0)])

    assert block.view().account(SEQUENCER_FEE_VAULT) is None


def test_authorization_delegates_and_moves_the_nonce() -> None:
    block = open_block(contract("6001600155"))  # stores 1 in slot 1 of whoever runs it
    authorization = make_authorization(key=private_key(1), address=CONTRACT)
    (outcome,) = block.apply([make_transaction(type=4, to=address(1), authorizations=[authorization])])
    authority = block.view().account(address(1))

    assert receipt_of(outcome).status == 1
    assert authority is not None
    assert authority.nonce == 1
    assert block.view().code(authority.code_hash) == bytes.fromhex("ef0100") + CONTRACT
    assert block.view().storage(address(1), 1) == 1


def test_authorization_for_another_chain_is_skipped() -> None:
    block = open_block()
    authorization = make_authorization(key=private_key(1), chain_id=1, address=CONTRACT)
    block.apply([make_transaction(type=4, authorizations=[authorization])])
    authority = block.view().account(address(1))

    assert authority is not None
    assert authority.nonce == 0


def test_delegation_stands_when_the_call_reverts() -> None:
    block = open_block(contract("5f5ffd"))
    authorization = make_authorization(key=private_key(1), address=CONTRACT)
    (outcome,) = block.apply([make_transaction(type=4, to=CONTRACT, authorizations=[authorization])])
    authority = block.view().account(address(1))

    assert receipt_of(outcome).status == 0
    assert authority is not None
    assert authority.nonce == 1


def test_init_code_of_a_delegated_sender_is_charged_once() -> None:
    creates = "61040060005f5ff000"  # stores nothing, creates from 1024... of memory by CREATE
    sender_code = bytes.fromhex("ef0100") + CONTRACT
    delegated = {address(0): GenesisAccount(balance=ETHER, code=sender_code)}
    own = open_block({**contract(creates), **delegated})
    other = open_block({**contract(creates), address(1): GenesisAccount(balance=ETHER, code=sender_code)})

    (by_itself,) = own.apply([make_transaction(to=address(0), value=0, gas_limit=500_000)])
    (by_another,) = other.apply([make_transaction(to=address(1), value=0, gas_limit=500_000)])

    assert receipt_of(by_itself).cumulative_gas_used == receipt_of(by_another).cumulative_gas_used


def test_block_hash_reaches_known_ancestors_only() -> None:
    block = open_block(contract("6004405f55600540600155"))  # slot 0: BLOCKHASH(4), slot 1: BLOCKHASH(5)
    block.apply([make_transaction(to=CONTRACT, value=0, gas_limit=200_000)])

    assert block.view().storage(CONTRACT, 0) == 4
    assert block.view().storage(CONTRACT, 1) == 0


def test_contract_destroyed_where_it_was_created_leaves_nothing() -> None:
    block = open_block()
    transaction = make_transaction(to=None, value=5, data=bytes.fromhex("6001600155" + "5fff"), gas_limit=200_000)
    (outcome,) = block.apply([transaction])
    changes = block.seal(make_state()).changes

    assert receipt_of(outcome).status == 1
    assert balance(block.view(), bytes(20)) == 5
    assert {address for address, account in changes.accounts.items() if account is None} == set()
    assert set(changes.storage) <= {bytes(20)}


def test_view_does_not_change_with_later_slices() -> None:
    block = open_block()
    views = []
    for nonce in range(20):
        block.apply([make_transaction(nonce=nonce, value=1)])
        views.append(block.view())

    assert [balance(view, RECIPIENT) for view in views] == list(range(1, 21))


def test_slices_do_not_change_the_block() -> None:
    transactions = [make_transaction(nonce=nonce, value=1 + nonce) for nonce in range(6)]
    whole, cut = open_block(), open_block()
    whole.apply(transactions)
    for start, end in ((0, 1), (1, 4), (4, 4), (4, 6)):
        cut.apply(transactions[start:end])

    assert whole.seal(make_state()).block.hash == cut.seal(make_state()).block.hash
