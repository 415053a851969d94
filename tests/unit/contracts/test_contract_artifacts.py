"""Reading artifacts and encoding the calls that set contracts up."""

import pytest
from eth_abi.abi import encode

from contracts import abi, bytecode, deployed_bytecode, method_identifiers
from contracts.artifact import UnknownContract, read_artifact
from contracts.build import CONTRACTS
from contracts.calldata import encode_call, encode_creation, encode_word

MADE_BY_FACTORIES = ("OptimismMintableERC20", "OptimismMintableERC721")
"""These never stand in a genesis, so their code may be filled in by their constructors."""


@pytest.mark.parametrize("name", sorted(CONTRACTS))
def test_every_contract_has_a_complete_artifact(name: str) -> None:
    assert abi(name)
    assert deployed_bytecode(name) in bytecode(name)
    assert len(deployed_bytecode(name)) <= 24_576
    assert len(bytecode(name)) <= 49_152
    assert (read_artifact(name)["immutableReferences"] == []) == (name not in MADE_BY_FACTORIES)


@pytest.mark.parametrize("name", ["NoSuchContract", "../package", ""])
def test_an_unknown_name_is_refused(name: str) -> None:
    with pytest.raises(UnknownContract):
        abi(name)


def test_an_abi_may_be_changed_by_who_asked_for_it() -> None:
    abi("L1Block").clear()

    assert abi("L1Block")


def test_artifacts_hold_no_path_and_no_metadata() -> None:
    for name in CONTRACTS:
        assert b"ipfs" not in bytecode(name)
        assert b"solc" not in bytecode(name)


def test_call_is_encoded_like_the_abi_library_does() -> None:
    oracle, config, guardian = b"\x01" * 20, b"\x02" * 20, b"\x03" * 20

    data = encode_call("OptimismPortal", "initialize", oracle, config, guardian)

    selector = method_identifiers("OptimismPortal")["initialize(address,address,address)"]
    assert data == selector + encode(["address"] * 3, [oracle, config, guardian])


def test_structs_of_words_are_passed_flat() -> None:
    settings: list[int | bytes] = [b"\x01" * 20, b"\x02" * 20, b"\x03" * 32, 1, 2, 3, 4, 5, 6, 7, b"\x04" * 20]
    addresses: list[int | bytes] = [bytes([number]) * 20 for number in range(5, 11)]
    kinds = [
        "(address,address,bytes32,uint64,uint32,uint32,uint32,uint32,uint32,uint64,address)",
        "(address,address,address,address,address,address)",
    ]

    data = encode_call("SystemConfig", "initialize", *settings, *addresses)

    selector = method_identifiers("SystemConfig")[f"initialize({','.join(kinds)})"]
    assert data == selector + encode(kinds, [tuple(settings), tuple(addresses)])


@pytest.mark.parametrize("length", [0, 1, 31, 32, 33])
def test_creation_carries_dynamic_arguments(length: int) -> None:
    implementation, admin, data = b"\x01" * 20, b"\x02" * 20, b"\x07" * length

    code = encode_creation("TransparentProxy", implementation, admin, data)

    expected = encode(["address", "address", "bytes"], [implementation, admin, data])
    assert code == bytecode("TransparentProxy") + expected


@pytest.mark.parametrize(
    ("name", "value"), [("bool", True), ("bool", False), ("int24", -(1 << 23)), ("int24", (1 << 23) - 1), ("int24", 0)]
)
def test_signed_and_truth_values_are_words(name: str, value: int) -> None:
    assert encode_word(name, value) == encode([name], [value])


def test_creation_without_a_constructor_is_the_code_alone() -> None:
    assert encode_creation("L1Block") == bytecode("L1Block")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("uint64", 1 << 64),
        ("uint64", -1),
        ("address", b"\x01" * 19),
        ("address", 5),
        ("bytes32", b"\x01" * 31),
        ("string", b""),
        ("bool", 1),
        ("int24", 1 << 23),
        ("int24", -(1 << 23) - 1),
    ],
)
def test_values_of_the_wrong_kind_are_refused(name: str, value: int | bytes) -> None:
    with pytest.raises(ValueError):
        encode_word(name, value)


def test_wrong_calls_are_refused() -> None:
    with pytest.raises(ValueError, match="3 arguments expected, 1 given"):
        encode_call("OptimismPortal", "initialize", b"\x01" * 20)
    with pytest.raises(ValueError, match="0 methods"):
        encode_call("OptimismPortal", "destroy")
