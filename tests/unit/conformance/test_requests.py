"""Execution requests: what the deposit contract logs, and how requests are hashed."""

from hashlib import sha256

import pytest

from sequencer.conformance.headers import InvalidBlock
from sequencer.conformance.requests import DEPOSIT_CONTRACT, DEPOSIT_EVENT, collect_requests, hash_requests
from sequencer.primitives.genesis import GenesisAccount
from sequencer.primitives.header import EMPTY_REQUESTS_HASH
from sequencer.primitives.receipt import Log
from tests.unit.conformance.fixture_factory import REQUEST_CONTRACTS
from tests.unit.execution.chain_fixture import make_environment, open_block

PARTS = (b"\x01" * 48, b"\x02" * 32, b"\x03" * 8, b"\x04" * 96, b"\x05" * 8)


def word(number: int) -> bytes:
    return number.to_bytes(32, "big")


def deposit_data() -> bytes:
    """As Solidity encodes five byte strings."""
    heads, tails = b"", b""
    for part in PARTS:
        heads += word(5 * 32 + len(tails))
        tails += word(len(part)) + part + bytes(-len(part) % 32)
    return heads + tails


def requests_of(data: bytes, address: bytes = DEPOSIT_CONTRACT, topic: bytes = DEPOSIT_EVENT) -> list[bytes]:
    contracts = {contract: GenesisAccount(nonce=1, code=b"\x00") for contract in REQUEST_CONTRACTS}
    return collect_requests(open_block(contracts, make_environment(False)), [Log(address, (topic,), data)])


def test_a_deposit_is_the_parts_of_its_log() -> None:
    assert requests_of(deposit_data()) == [b"\x00" + b"".join(PARTS)]


def test_logs_of_others_and_of_other_kinds_are_no_deposits() -> None:
    assert requests_of(b"", address=bytes(20)) == []
    assert requests_of(b"", topic=bytes(32)) == []


@pytest.mark.parametrize("place", [31, 159, 191, 287, 543])
def test_a_deposit_with_another_layout_makes_the_block_invalid(place: int) -> None:
    data = bytearray(deposit_data())
    data[place] ^= 1

    with pytest.raises(InvalidBlock, match="deposit"):
        requests_of(bytes(data))
    with pytest.raises(InvalidBlock, match="layout"):
        requests_of(deposit_data() + b"\0")


def test_what_the_contracts_return_are_the_requests() -> None:
    """Each returns one byte: 7 and 8."""
    code = "60{:02x}60005360016000f3"
    contracts = {
        contract: GenesisAccount(nonce=1, code=bytes.fromhex(code.format(7 + index)))
        for index, contract in enumerate(REQUEST_CONTRACTS)
    }
    requests = collect_requests(open_block(contracts, make_environment(False)), [])

    assert requests == [b"\x01\x07", b"\x02\x08"]
    assert hash_requests(requests) == sha256(sha256(b"\x01\x07").digest() + sha256(b"\x02\x08").digest()).digest()


def test_no_requests_have_the_empty_hash() -> None:
    assert hash_requests([]) == EMPTY_REQUESTS_HASH


def test_a_contract_that_fails_makes_the_block_invalid() -> None:
    contracts = {contract: GenesisAccount(nonce=1, code=b"\xfe") for contract in REQUEST_CONTRACTS}

    with pytest.raises(InvalidBlock, match="invalid opcode"):
        collect_requests(open_block(contracts, make_environment(False)), [])
