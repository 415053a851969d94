"""Selectors, topics and types of the bindings are those of the compiled contracts, and of our own readers."""

import json

import pytest
from eth_abi.abi import decode
from eth_hash.auto import keccak

from contracts import abi, method_identifiers
from l1_bridge import bindings
from l1_bridge.bindings import ContractFunction, MalformedReturn, decode_output_proposed, encode_deposit
from l1_bridge.deposits import TRANSACTION_DEPOSITED_TOPIC
from l1_bridge.system_config import CONFIG_UPDATE_TOPIC
from l1_bridge.types import L1Log
from l1_bridge.withdrawals import MESSAGE_PASSED_TOPIC

FUNCTIONS = {
    "OptimismPortal": [
        bindings.DEPOSIT_TRANSACTION,
        bindings.PROVE_WITHDRAWAL,
        bindings.FINALIZE_WITHDRAWAL,
        bindings.PROVEN_WITHDRAWALS,
        bindings.FINALIZED_WITHDRAWALS,
        bindings.PORTAL_ORACLE,
        bindings.PORTAL_PAUSED,
    ],
    "L2ToL1MessagePasser": [bindings.INITIATE_WITHDRAWAL],
    "SystemConfig": [bindings.L1_STANDARD_BRIDGE],
    "L1StandardBridge": [bindings.DEPOSIT_ERC20_TO],
    "L2StandardBridge": [bindings.WITHDRAW_TO],
    "OptimismMintableERC20": [bindings.MINTABLE_L1_TOKEN],
    "Token": [
        bindings.TOKEN_DECIMALS,
        bindings.TOKEN_BALANCE,
        bindings.TOKEN_ALLOWANCE,
        bindings.TOKEN_APPROVE,
    ],
    "L2OutputOracle": [
        bindings.PROPOSE_L2_OUTPUT,
        bindings.DELETE_L2_OUTPUTS,
        bindings.NEXT_OUTPUT_INDEX,
        bindings.NEXT_BLOCK_NUMBER,
        bindings.LATEST_BLOCK_NUMBER,
        bindings.OUTPUT_INDEX_AFTER,
        bindings.GET_L2_OUTPUT,
        bindings.SUBMISSION_INTERVAL,
        bindings.FINALIZATION_PERIOD,
        bindings.L2_BLOCK_TIME,
        bindings.CHALLENGER,
        bindings.STARTING_BLOCK_NUMBER,
        bindings.STARTING_TIMESTAMP,
    ],
}
CASES = [(contract, function) for contract, functions in FUNCTIONS.items() for function in functions]


def _entries(contract: str, kind: str, name: str) -> list[dict[str, list[dict[str, object]]]]:
    entries = json.loads(json.dumps(abi(contract)))
    return [entry for entry in entries if entry["type"] == kind and entry.get("name") == name]


def _types(parameters: list[dict[str, object]]) -> tuple[object, ...]:
    """Types of ABI parameters; a struct counts as its members."""
    types: list[object] = []
    for parameter in parameters:
        members = parameter.get("components")
        types += _types(members) if isinstance(members, list) else [parameter["type"]]
    return tuple(types)


@pytest.mark.parametrize(("contract", "function"), CASES, ids=lambda case: getattr(case, "name", case))
def test_function_is_the_contracts(contract: str, function: ContractFunction) -> None:
    selector = keccak(function.signature.encode())[:4]
    (entry,) = _entries(contract, "function", function.name)

    assert method_identifiers(contract)[function.signature] == selector
    if function.outputs:
        assert _types(entry["outputs"]) == function.outputs


@pytest.mark.parametrize(
    ("contract", "event", "topic"),
    [
        ("OptimismPortal", "TransactionDeposited", TRANSACTION_DEPOSITED_TOPIC),
        ("SystemConfig", "ConfigUpdate", CONFIG_UPDATE_TOPIC),
        ("L2OutputOracle", "OutputProposed", bindings.OUTPUT_PROPOSED_TOPIC),
        ("L2ToL1MessagePasser", "MessagePassed", MESSAGE_PASSED_TOPIC),
        ("OptimismPortal", "WithdrawalFinalized", bindings.WITHDRAWAL_FINALIZED_TOPIC),
    ],
)
def test_event_is_the_contracts(contract: str, event: str, topic: bytes) -> None:
    (entry,) = _entries(contract, "event", event)

    assert keccak(f"{event}({','.join(str(item) for item in _types(entry['inputs']))})".encode()) == topic


@pytest.mark.parametrize(("to", "creates"), [(b"\x11" * 20, False), (None, True)])
def test_deposit_call_names_its_target_or_a_creation(to: bytes | None, creates: bool) -> None:
    arguments = decode(["address", "uint256", "uint64", "bool", "bytes"], encode_deposit(to, 5, 6, b"hi")[4:])

    assert arguments == ("0x" + (to or bytes(20)).hex(), 5, 6, creates, b"hi")


@pytest.mark.parametrize("returned", [b"", bytes(95), b"\x01" + bytes(31), bytes(32) + b"\xff" * 64])
def test_return_that_does_not_fit_is_an_error(returned: bytes) -> None:
    with pytest.raises(MalformedReturn):
        bindings.GET_L2_OUTPUT.decode_integers(returned)


def test_output_event_is_read_and_other_events_are_none() -> None:
    words = [value.to_bytes(32, "big") for value in (7, 3, 60)]
    log = L1Log(bytes(20), (bindings.OUTPUT_PROPOSED_TOPIC, *words), (1000).to_bytes(32, "big"), 0)

    event = decode_output_proposed(log)

    assert event is not None
    assert (event.output_root, event.index, event.l2_block_number, event.l1_timestamp) == (words[0], 3, 60, 1000)
    assert decode_output_proposed(L1Log(bytes(20), (bytes(32), *words), log.data, 0)) is None
    assert decode_output_proposed(L1Log(bytes(20), log.topics[:3], log.data, 0)) is None
    assert decode_output_proposed(L1Log(bytes(20), log.topics, b"", 0)) is None
