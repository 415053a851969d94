"""State tests: a case passes when the outcome is the expected one, and fails when any part of it is not."""

import pytest

from contracts.keccak import keccak
from l1_bridge.json_fields import MalformedField
from sequencer.conformance.engines import EngineName, make_engine
from sequencer.conformance.signing import sign_fields
from sequencer.conformance.state_tests import run_state_test
from sequencer.conformance.verdicts import Verdict
from sequencer.native import is_available
from sequencer.primitives.genesis import GenesisAccount
from sequencer.primitives.transaction import AccessListEntry
from tests.factories import ETHER, RECIPIENT, address, make_authorization, make_transaction, private_key
from tests.unit.conformance.blob_factory import make_blob_transaction
from tests.unit.conformance.fixture_factory import (
    CHAIN_ID,
    COINBASE,
    PRE,
    hexed,
    root_of,
    state_json,
    state_test,
    transfer,
    with_entry,
)

INSTALLED = [EngineName.SERIAL, *[EngineName.NATIVE] * is_available()]


def verdicts(test: dict[str, object], engine: EngineName = EngineName.SERIAL) -> list[Verdict]:
    return list(run_state_test(make_engine(engine, 1), "file", "name", test))


def error(test: dict[str, object], engine: EngineName = EngineName.SERIAL) -> str | None:
    [verdict] = verdicts(test, engine)
    assert not verdict.is_skipped
    return verdict.error


@pytest.mark.parametrize("engine", INSTALLED)
@pytest.mark.parametrize("fork", ["Cancun", "Prague"])
def test_a_transfer_passes(fork: str, engine: EngineName) -> None:
    assert verdicts(state_test(fork), engine) == [Verdict("file", "name[0]", fork)]


def test_other_forks_are_skipped() -> None:
    [verdict] = verdicts(state_test("Shanghai"))

    assert verdict.is_skipped


def test_another_root_fails() -> None:
    assert "state root is" in (error(with_entry(state_test(), hash=hexed(bytes(32)))) or "")


def test_another_hash_of_logs_fails() -> None:
    assert "logs hash is" in (error(with_entry(state_test(), logs=hexed(bytes(32)))) or "")


def test_a_refused_transaction_fails_where_none_is_expected() -> None:
    ahead = hexed(transfer(nonce=1).raw)

    assert error(with_entry(state_test(), txbytes=ahead)) == "refused: nonce too high"


def test_a_refused_transaction_passes_where_it_is_expected() -> None:
    refused = {"txbytes": hexed(transfer(nonce=1).raw), "hash": hexed(root_of(PRE)), "expectException": "NONCE"}

    assert error(with_entry(state_test(), **refused)) is None


def test_bytes_that_are_no_transaction_count_as_refused() -> None:
    refused = {"txbytes": "0xc0", "hash": hexed(root_of(PRE)), "expectException": "RLP"}

    assert error(with_entry(state_test(), **refused)) is None
    assert "refused" in (error(with_entry(state_test(), txbytes="0xc0")) or "")


def test_an_included_transaction_fails_where_a_refusal_is_expected() -> None:
    assert "included, but expected NONCE" in (error(with_entry(state_test(), expectException="NONCE")) or "")


@pytest.mark.parametrize("engine", INSTALLED)
def test_an_address_with_storage_is_not_created_upon(engine: EngineName) -> None:
    created = keccak(bytes.fromhex("d694") + address(0) + b"\x80")[12:]
    raw = make_transaction(type=0, chain_id=CHAIN_ID, to=None, value=0, gas_price=10, gas_limit=60_000).raw
    world = {**PRE, created: GenesisAccount(balance=1, storage={1: 1})}
    left = {
        **world,
        address(0): GenesisAccount(balance=ETHER - 600_000, nonce=1),
        COINBASE: GenesisAccount(balance=60_000 * 3),
    }
    test = {**state_test(), "pre": state_json(world)}

    assert error(with_entry(test, txbytes=hexed(raw), hash=hexed(root_of(left))), engine) is None


@pytest.mark.parametrize("engine", INSTALLED)
def test_an_address_with_storage_is_not_created_upon_from_within(engine: EngineName) -> None:
    """A contract tries to create another one, which takes all gas but a 64th, and stores what came out plus one."""
    creator, created = bytes(18) + b"\xc0\xde", keccak(bytes.fromhex("d694") + bytes(18) + b"\xc0\xde\x01")[12:]
    raw = transfer(to=creator, value=0, gas_limit=3_000_000).raw
    account = GenesisAccount(nonce=1, code=bytes.fromhex("600060006000f060010160005500"))
    world = {**PRE, creator: account, created: GenesisAccount(balance=1, storage={1: 1})}
    left_to_child = 3_000_000 - 21_000 - 3 * 3 - 32_000
    gas = 3_000_000 - left_to_child // 64 + 3 * 3 + 22_100
    left = {
        **world,
        creator: GenesisAccount(nonce=2, code=account.code, storage={0: 1}),
        address(0): GenesisAccount(balance=ETHER - gas * 10, nonce=1),
        COINBASE: GenesisAccount(balance=gas * 3),
    }

    test = {**state_test(), "pre": state_json(world)}
    assert error(with_entry(test, txbytes=hexed(raw), hash=hexed(root_of(left))), engine) is None


# Transactions from their fields


def signed(fields: dict[str, object]) -> str | None:
    """The error of a case without bytes, whose transaction has these fields besides those of a transfer."""
    test = state_test("Prague")
    transaction = {**test["transaction"], **fields}  # type: ignore[dict-item]  # as `state_test` makes it
    for name in [name for name, value in transaction.items() if value is None]:
        del transaction[name]
    return error(with_entry({**test, "transaction": transaction}, txbytes=None))


def test_a_transaction_is_signed_from_its_fields() -> None:
    assert signed({}) is None


def test_a_transaction_of_another_key_is_another_one() -> None:
    assert "refused" in (signed({"secretKey": hexed(private_key(1))}) or "")


def test_typed_transactions_are_made_from_their_fields() -> None:
    fees = {"gasPrice": None, "maxFeePerGas": "0x0a", "maxPriorityFeePerGas": "0x0a"}

    assert signed({**fees, "accessLists": [[]]}) is None
    assert signed({"accessLists": [[]]}) is None
    assert "without authorizations" in (signed({**fees, "accessLists": [[]], "authorizationList": []}) or "")
    assert "without blobs" in (signed({**fees, "blobVersionedHashes": [], "maxFeePerBlobGas": "0x01"}) or "")


def test_fields_that_are_missing_make_no_fixture() -> None:
    with pytest.raises(MalformedField, match="gasLimit"):
        signed({"gasLimit": None})
    with pytest.raises(MalformedField, match="has no entry 0"):
        signed({"value": []})


@pytest.mark.parametrize("part", ["env", "pre", "transaction"])
def test_a_test_without_a_part_makes_no_fixture(part: str) -> None:
    test = state_test()
    del test[part]

    with pytest.raises(MalformedField, match=part):
        verdicts(test)


def test_the_factory_signs_what_the_fields_say() -> None:
    entry = AccessListEntry(RECIPIENT, (7,))
    authorization = make_authorization(chain_id=CHAIN_ID)
    fields = {
        "nonce": "0x00",
        "maxFeePerGas": hexed(100 * 10**9),
        "maxPriorityFeePerGas": hexed(10**9),
        "gasLimit": ["0x0f4240"],
        "to": hexed(RECIPIENT),
        "value": ["0x01"],
        "data": ["0x"],
        "accessLists": [[{"address": hexed(RECIPIENT), "storageKeys": ["0x07"]}]],
        "secretKey": hexed(private_key(0)),
    }
    parts = {"chain_id": CHAIN_ID, "gas_limit": 1_000_000}
    indexes = {"data": 0, "gas": 0, "value": 0}
    listed = [
        {
            "chainId": "0x01",
            "address": hexed(authorization.address),
            "nonce": "0x00",
            "v": hexed(authorization.y_parity),
            "r": hexed(authorization.r),
            "s": hexed(authorization.s),
        }
    ]
    blobs = [hexed(b"\x01" + bytes(31))]
    blob_fields = {**fields, "accessLists": [[]], "blobVersionedHashes": blobs, "maxFeePerBlobGas": "0x0a"}

    dynamic = make_transaction(type=2, access_list=[entry], **parts)
    set_code = make_transaction(type=4, access_list=[entry], authorizations=[authorization], **parts)
    assert sign_fields(fields, indexes, CHAIN_ID) == dynamic.raw
    assert sign_fields({**fields, "authorizationList": listed}, indexes, CHAIN_ID) == set_code.raw
    assert sign_fields(blob_fields, indexes, CHAIN_ID) == make_blob_transaction(**parts).raw
