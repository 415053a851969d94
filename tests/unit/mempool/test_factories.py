"""The factories' own facts: known accounts, every type decodes to what was asked for."""

import pytest

from sequencer.primitives.deposit import decode_deposit
from sequencer.primitives.transaction import AccessListEntry, decode_transaction
from tests import factories


def test_accounts_are_those_of_the_well_known_mnemonic() -> None:
    assert factories.address(0).hex() == "f39fd6e51aad88f6f4ce6ab8827279cfffb92266"
    assert factories.address(1).hex() == "70997970c51812dc3a010c7d01b50e0d17dc79c8"


@pytest.mark.parametrize("kind", [0, 1, 2, 4])
def test_every_type_keeps_its_fields_and_sender(kind: int) -> None:
    entry = AccessListEntry(address=factories.RECIPIENT, slots=(1, 2))
    access_list = () if kind == 0 else (entry,)

    made = factories.make_transaction(
        type=kind, nonce=7, key=factories.private_key(3), value=5, data=b"\x01", access_list=access_list
    )

    assert (made.type, made.nonce, made.value, made.data) == (kind, 7, 5, b"\x01")
    assert made.sender == factories.address(3)
    assert made.chain_id == factories.CHAIN_ID
    assert made.access_list == access_list
    assert decode_transaction(made.raw) == made


def test_type_4_carries_an_authorization_that_recovers() -> None:
    made = factories.make_transaction(type=4)

    assert [authorization.authority() for authorization in made.authorizations] == [factories.address(1)]


def test_legacy_without_chain_id_is_unprotected() -> None:
    assert factories.make_transaction(type=0, chain_id=None).chain_id is None


def test_deposit_round_trips() -> None:
    deposit = factories.make_deposit()

    assert decode_deposit(deposit.raw) == deposit
