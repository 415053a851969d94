"""Blockchain tests: valid blocks are taken, invalid ones refused, and the chain that comes out is compared."""

import copy

import pytest

from l1_bridge.json_fields import MalformedField
from l1_bridge.rlp_codec import RlpItem, encode_integer, encode_rlp
from sequencer.conformance.block_tests import run_block_test
from sequencer.conformance.verdicts import Verdict
from sequencer.execution.serial import SerialEngine
from tests.unit.conformance.fixture_factory import (
    REQUEST_CONTRACTS,
    block_test,
    first_block,
    header_fields,
    hexed,
    invalid_block_test,
    root_of,
)


def verdict(test: dict[str, object]) -> Verdict:
    return run_block_test(SerialEngine(), "file", "name", test)


@pytest.mark.parametrize("fork", ["Cancun", "Prague"])
def test_a_chain_of_one_block_passes(fork: str) -> None:
    assert verdict(block_test(fork)) == Verdict("file", "name", fork)


def test_withdrawals_are_paid() -> None:
    assert verdict(block_test(withdrawals=True)).error is None


def test_other_networks_are_skipped() -> None:
    assert verdict({**block_test(), "network": "London"}).is_skipped


def test_a_draft_of_prague_is_another_network() -> None:
    test = block_test("Prague")
    draft = {"0x0f792be4b0c0cb4dae440ef133e90c0ecd48cccc": {"nonce": "0x01"}}

    assert verdict({**test, "pre": {**test["pre"], **draft}}).is_skipped  # type: ignore[dict-item]


def test_another_last_block_fails() -> None:
    assert "the last block is" in (verdict({**block_test(), "lastblockhash": hexed(bytes(32))}).error or "")


def test_another_state_after_it_fails() -> None:
    test = block_test()

    assert "another one" in (verdict({**test, "postState": test["pre"]}).error or "")


def test_a_state_root_may_stand_for_the_state_after_it() -> None:
    test = block_test()
    _, _, world = first_block("Cancun")
    del test["postState"]
    assert verdict({**test, "postStateHash": hexed(root_of(world))}).error is None
    assert "another one" in (verdict({**test, "postStateHash": hexed(bytes(32))}).error or "")


def test_a_genesis_state_with_another_root_makes_no_fixture() -> None:
    with pytest.raises(MalformedField, match="state root of the genesis"):
        verdict({**block_test(), "pre": {}})


WRONG: dict[str, RlpItem] = {
    "parent_hash": bytes(32),
    "ommers_hash": bytes(32),
    "fee_recipient": bytes(19),
    "state_root": bytes(32),
    "transactions_root": bytes(32),
    "receipts_root": bytes(32),
    "logs_bloom": bytes(255) + b"\x01",
    "difficulty": b"\x01",
    "number": b"\x02",
    "gas_limit": encode_integer(31_000_000),
    "gas_used": encode_integer(21_001),
    "timestamp": b"",
    "extra_data": bytes(33),
    "nonce": bytes(7) + b"\x01",
    "base_fee": b"\x08",
    "withdrawals_root": bytes(32),
    "blob_gas_used": encode_integer(131_072),
    "excess_blob_gas": b"\x01",
}


@pytest.mark.parametrize("field", WRONG)
def test_a_block_with_a_wrong_field_is_refused(field: str) -> None:
    assert verdict(invalid_block_test(**{field: WRONG[field]})).error is None


@pytest.mark.parametrize("field", WRONG)
def test_a_block_with_a_wrong_field_fails_where_nothing_is_expected(field: str) -> None:
    test = copy.deepcopy(invalid_block_test(**{field: WRONG[field]}))
    del test["blocks"][0]["expectException"]  # type: ignore[index]  # as the factory makes it

    assert "block 0 was refused" in (verdict(test).error or "")


def test_a_valid_block_fails_where_a_refusal_is_expected() -> None:
    test = block_test()
    test["blocks"][0]["expectException"] = "BlockException.ANY"  # type: ignore[index]

    assert "accepted, but expected BlockException.ANY" in (verdict(test).error or "")


def test_wrong_requests_hash_is_refused() -> None:
    assert verdict(invalid_block_test("Prague", requests_hash=bytes(32))).error is None


@pytest.mark.parametrize("contract", REQUEST_CONTRACTS)
def test_a_block_of_prague_needs_the_request_contracts(contract: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    others = tuple(other for other in REQUEST_CONTRACTS if other != contract)
    monkeypatch.setattr("tests.unit.conformance.fixture_factory.REQUEST_CONTRACTS", others)

    assert "there is no code" in (verdict(block_test("Prague")).error or "")
    draft = {"eels-resolution": {"branch": "devnets/prague/6"}}
    assert verdict({**block_test("Prague"), "_info": draft}).error is None


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"\xc0",
        encode_rlp([list(header_fields("Prague").values()), [], [], []]),
        encode_rlp([list(header_fields("Cancun").values()), [], []]),
        encode_rlp([list(header_fields("Cancun").values()), [b"\x05"], [], []]),
        encode_rlp([list(header_fields("Cancun").values()), [], [[b""]], []]),
    ],
)
def test_bytes_that_are_no_block_are_refused(block: bytes) -> None:
    test = invalid_block_test(number=b"\x02")
    test["blocks"][0]["rlp"] = hexed(block)  # type: ignore[index]

    assert verdict(test).error is None
