"""Deposits: always included, paid by nobody, their mint and nonce stand (specs, deposits.md)."""

from eth_hash.auto import keccak

from sequencer.execution.interface import Included
from sequencer.execution.serial import SerialOpenBlock
from sequencer.execution.transaction_execution import contract_address
from sequencer.primitives.account import Account
from sequencer.primitives.deposit import DepositTransaction
from sequencer.primitives.predeploys import BASE_FEE_VAULT, SEQUENCER_FEE_VAULT
from tests.factories import ETHER, RECIPIENT, address, make_deposit, make_transaction
from tests.unit.execution.chain_fixture import CONTRACT, contract, make_environment, open_block

STRANGER = bytes(19) + b"\x99"


def apply_one(block: SerialOpenBlock, deposit: DepositTransaction) -> Included:
    (outcome,) = block.apply([deposit])
    assert isinstance(outcome, Included)
    return outcome


def account(block: SerialOpenBlock, address: bytes) -> Account:
    return block.view().account(address) or Account()


def test_deposit_mints_moves_value_and_pays_nothing() -> None:
    block = open_block()
    outcome = apply_one(block, make_deposit(sender=STRANGER, mint=5 * ETHER, value=2 * ETHER))

    assert (outcome.receipt.status, outcome.gas_used) == (1, 21_000)
    assert account(block, STRANGER) == Account(nonce=1, balance=3 * ETHER)
    assert account(block, RECIPIENT).balance == 2 * ETHER
    assert block.view().account(SEQUENCER_FEE_VAULT) is None
    assert block.view().account(BASE_FEE_VAULT) is None


def test_receipt_has_the_nonce_before_and_its_version() -> None:
    block = open_block()
    first = apply_one(block, make_deposit())
    second = apply_one(block, make_deposit(source_hash=keccak(b"another")))

    assert [outcome.receipt.deposit_nonce for outcome in (first, second)] == [0, 1]
    assert second.receipt.deposit_receipt_version == 1
    assert second.receipt.cumulative_gas_used == 42_000


def test_reverting_deposit_keeps_mint_and_nonce_and_reports_the_gas_used() -> None:
    block = open_block(contract("5f5ffd"))
    outcome = apply_one(block, make_deposit(sender=STRANGER, to=CONTRACT, mint=9, value=4))

    assert (outcome.receipt.status, outcome.gas_used) == (0, 21_004)
    assert account(block, STRANGER) == Account(nonce=1, balance=9)
    assert account(block, CONTRACT).balance == 0


def test_deposit_that_can_not_cover_its_value_uses_all_gas() -> None:
    block = open_block()
    outcome = apply_one(block, make_deposit(sender=STRANGER, mint=3, value=4, gas_limit=77_000))

    assert (outcome.receipt.status, outcome.gas_used) == (0, 77_000)
    assert account(block, STRANGER) == Account(nonce=1, balance=3)


def test_deposit_with_too_little_gas_uses_all_of_it() -> None:
    block = open_block()
    enough = apply_one(block, make_deposit(sender=STRANGER, gas_limit=21_000))
    too_little = apply_one(block, make_deposit(sender=STRANGER, source_hash=keccak(b"2"), gas_limit=20_999))

    assert (enough.receipt.status, enough.gas_used) == (1, 21_000)
    assert (too_little.receipt.status, too_little.gas_used) == (0, 20_999)
    assert account(block, STRANGER).nonce == 2


def test_data_floor_shapes_the_gas_of_a_deposit() -> None:
    outcome = apply_one(open_block(), make_deposit(data=b"\x01" * 100, gas_limit=100_000))

    assert outcome.gas_used == 21_000 + 40 * 100


def test_creating_deposit_creates_at_the_nonce_before() -> None:
    block = open_block()
    init_code = bytes.fromhex("6001600c60003960016000f300") + b"\x00"
    outcome = apply_one(block, make_deposit(sender=STRANGER, to=None, mint=2, value=2, data=init_code))
    created = account(block, contract_address(STRANGER, 0))

    assert outcome.receipt.status == 1
    assert (created.nonce, created.balance) == (1, 2)
    assert block.view().code(created.code_hash) == b"\x00"


def test_init_code_that_is_too_large_fails_the_deposit() -> None:
    deposit = make_deposit(sender=STRANGER, to=None, mint=1, value=0, data=bytes(49_153), gas_limit=3_000_000)
    outcome = apply_one(open_block(), deposit)

    assert (outcome.receipt.status, outcome.gas_used) == (0, 3_000_000)


def test_deposit_is_included_even_without_room() -> None:
    block = open_block(environment=make_environment(gas_limit=30_000))
    block.apply([make_transaction()])
    outcome = apply_one(block, make_deposit())

    assert outcome.receipt.cumulative_gas_used == 42_000


def test_gas_price_is_zero_within_a_deposit() -> None:
    block = open_block(contract("3a5f55" + "32600155"))  # slot 0: GASPRICE, slot 1: ORIGIN
    apply_one(block, make_deposit(sender=address(2), to=CONTRACT, mint=0, value=0))

    assert block.view().storage(CONTRACT, 0) == 0
    assert block.view().storage(CONTRACT, 1) == int.from_bytes(address(2), "big")
