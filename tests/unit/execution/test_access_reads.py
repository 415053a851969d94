"""What counts as read, at its edges: accounts and slots that were paid for, and those that were not (EIP-7928)."""

from sequencer.execution.access_list import TransactionAccess
from sequencer.execution.access_log import AccessLog
from sequencer.execution.block_state import BlockState
from sequencer.execution.interface import Included
from sequencer.execution.transaction_execution import Payment
from sequencer.primitives.account import Account
from sequencer.primitives.transaction import AccessListEntry
from sequencer.state.changes import ChangesOver, StateChanges
from tests.factories import address, make_deposit, make_transaction
from tests.unit.execution.chain_fixture import CONTRACT, contract, make_state, open_block

TARGET = bytes(18) + b"\xfa\xce"
TO_TARGET = "73" + TARGET.hex()

CALL_WITH_VALUE = "5f5f5f5f6001" + TO_TARGET + "5ff100"
"""CALL(gas 0, TARGET, value 1): nine instructions before CALL cost 18 gas."""

CALL_WITHOUT_VALUE = "5f5f5f5f5f" + TO_TARGET + "5ff100"

COLD, TRANSFER, NEW_ACCOUNT = 2_600, 9_000, 25_000


def run(code: str, gas_limit: int = 500_000, balance: int = 0) -> TransactionAccess:
    """Accesses of one transaction that calls a contract with this code."""
    opened = open_block(contract(code, balance=balance))
    (outcome,) = opened.apply([make_transaction(to=CONTRACT, value=0, gas_limit=gas_limit)])
    assert isinstance(outcome, Included)
    (access,) = opened.accesses()
    return access


def accounts_of(access: TransactionAccess) -> set[bytes]:
    return {key[1:] for key in access.reads if key[:1] == b"a"}


def slots_of(access: TransactionAccess, account: bytes = CONTRACT) -> set[int]:
    return {int.from_bytes(key[21:], "big") for key in access.reads if key[:21] == b"s" + account}


def test_sender_and_recipient_are_read() -> None:
    assert accounts_of(run("00")) == {address(0), CONTRACT}


def test_account_is_read_when_access_and_transfer_are_paid_and_the_rest_is_not() -> None:
    enough = 21_000 + 20 + COLD + TRANSFER

    assert TARGET in accounts_of(run(CALL_WITH_VALUE, enough + NEW_ACCOUNT - 1_000, balance=1))


def test_account_is_not_read_when_the_transfer_is_not_paid() -> None:
    assert TARGET not in accounts_of(run(CALL_WITH_VALUE, 21_000 + 20 + COLD + TRANSFER - 1_000, balance=1))


def test_account_is_not_read_when_the_access_is_not_paid() -> None:
    assert TARGET not in accounts_of(run(CALL_WITHOUT_VALUE, 21_000 + COLD))
    assert TARGET in accounts_of(run(CALL_WITHOUT_VALUE, 21_000 + COLD + 100))


def test_account_is_read_when_the_value_is_not_covered() -> None:
    assert TARGET in accounts_of(run(CALL_WITH_VALUE, balance=0))


def test_code_is_copied_only_when_it_is_paid() -> None:
    copy = "610400" + "5f5f" + TO_TARGET + "3c00"  # EXTCODECOPY of 1,024 bytes

    assert TARGET not in accounts_of(run(copy, 21_000 + COLD))
    assert TARGET in accounts_of(run(copy, 21_000 + COLD + 500))


def test_code_that_was_copied_is_what_it_was() -> None:
    """32 bytes of TARGET's code stored in slot 0."""
    code = "60205f5f" + TO_TARGET + "3c5f515f5500"
    alloc = contract(code) | {TARGET: contract("6001")[CONTRACT]}
    opened = open_block(alloc)
    opened.apply([make_transaction(to=CONTRACT, value=0, gas_limit=200_000)])

    assert opened.view().storage(CONTRACT, 0) == 0x6001 << 30 * 8


def test_slot_is_read_when_it_is_paid() -> None:
    load = "600754" + "00"

    assert slots_of(run(load, 21_000 + 2_100 + 3)) == {7}
    assert slots_of(run(load, 21_000 + 2_100 + 2)) == set()


def test_written_slot_is_read_too_for_its_price_depends_on_its_value() -> None:
    access = run("6001600755" + "00")

    assert slots_of(access) == {7}
    assert [key for key, _ in access.writes if key[:1] == b"s"] == [b"s" + CONTRACT + bytes(31) + b"\x07"]


def test_slot_that_gets_the_value_it_has_is_read_and_not_written() -> None:
    access = run("5f600755" + "00")

    assert slots_of(access) == {7}
    assert not [key for key, _ in access.writes if key[:1] == b"s"]


def test_slots_of_a_contract_that_was_just_created_are_read() -> None:
    """CREATE2 of init code that loads slot 3: `600354 00`."""
    access = run("636003540060e01b5f52" + "5f60045f5f" + "f500", 500_000)

    created = accounts_of(access) - {address(0), CONTRACT}
    assert len(created) == 1
    assert slots_of(access, created.pop()) == {3}


def test_warm_by_list_alone_is_not_read() -> None:
    opened = open_block(contract("00"))
    listed = [AccessListEntry(TARGET, (1, 2))]
    opened.apply([make_transaction(type=1, to=CONTRACT, value=0, gas_limit=100_000, access_list=listed)])

    assert accounts_of(opened.accesses()[0]) == {address(0), CONTRACT}


def test_deposit_that_does_not_reach_the_evm_reads_its_sender() -> None:
    opened = open_block()
    opened.apply([make_deposit(sender=address(9), to=TARGET, mint=0, value=10**30, gas_limit=100_000)])

    (access,) = opened.accesses()

    assert accounts_of(access) == {address(9)}


def test_account_that_pays_itself_back_is_read_and_not_written() -> None:
    """The fee recipient is a contract that gives away just what its tip brings: nothing is left of both."""
    state = make_state()
    below = ChangesOver(StateChanges(accounts={TARGET: Account(balance=5)}), state)
    block, log = BlockState(below), AccessLog()
    changes = StateChanges(accounts={TARGET: Account(balance=3), CONTRACT: Account(balance=2)})
    log.note([TARGET, CONTRACT], [], changes, block.apply(changes, [Payment(TARGET, 2)]))

    (access,) = log.accesses()

    assert block.account(TARGET) == Account(balance=5)
    assert [key[1:] for key, _ in access.writes] == [CONTRACT]
