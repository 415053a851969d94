"""
Python and Solidity give the same hashes: both against the vectors of one file.

The vectors follow the specification's formulas by the ABI library alone; numbers are hexadecimal. Spec: withdrawals.md,
proposals.md, messengers.md, deposits.md.
"""

import json
from pathlib import Path
from typing import TypeAlias

import pytest

from contracts.artifact import deployed_bytecode
from contracts.calldata import encode_call
from contracts.genesis import Alloc
from l1_bridge.deposits import apply_alias, undo_alias, user_deposit_source_hash
from l1_bridge.messages import CrossDomainMessage
from l1_bridge.output_root import compute_output_root
from l1_bridge.withdrawals import Withdrawal
from tests.contracts.evm import Contract, Evm
from tests.contracts.world import OWNER, L1World

FILE = Path(__file__).parents[1] / "vectors" / "contracts" / "hashes.json"
VECTORS: dict[str, list[dict[str, str]]] = json.loads(FILE.read_text())
Vector: TypeAlias = dict[str, str]

PLACE = b"\x4a" * 20


@pytest.fixture(scope="module")
def hashes() -> Contract:
    """The contract has no state, so the tests share it."""
    evm = Evm()
    evm.install({PLACE: Alloc(1, 0, deployed_bytecode("Hashes"))})
    return Contract(evm, "Hashes", PLACE)


def raw(vector: Vector, *keys: str) -> list[bytes]:
    return [bytes.fromhex(vector[key].removeprefix("0x")) for key in keys]


def number(vector: Vector, key: str) -> int:
    return int(vector[key], 16)


def test_every_kind_of_vector_is_tried() -> None:
    assert set(VECTORS) == {
        *("withdrawal", "outputRoot", "messageV0", "messageV1", "depositSource", "alias", "batcherHash"),
    }
    assert all(VECTORS.values())


@pytest.mark.parametrize("vector", VECTORS["withdrawal"])
def test_withdrawal(hashes: Contract, vector: Vector) -> None:
    sender, target, data, expected = raw(vector, "sender", "target", "data", "hash")
    nonce, value, gas = (number(vector, key) for key in ("nonce", "value", "gasLimit"))

    assert Withdrawal(nonce, sender, target, value, gas, data).hash == expected
    assert hashes.read("withdrawal", (nonce, sender, target, value, gas, data)) == expected


@pytest.mark.parametrize("vector", VECTORS["outputRoot"])
def test_output_root(hashes: Contract, vector: Vector) -> None:
    state, passer, block, expected = raw(vector, "stateRoot", "messagePasserStorageRoot", "blockHash", "hash")

    assert compute_output_root(state, passer, block) == expected
    assert hashes.read("outputRoot", (bytes(32), state, passer, block)) == expected


@pytest.mark.parametrize("vector", VECTORS["messageV0"])
def test_message_of_version_0(hashes: Contract, vector: Vector) -> None:
    sender, target, data, expected = raw(vector, "sender", "target", "data", "hash")
    nonce = number(vector, "nonce")

    assert CrossDomainMessage(nonce, sender, target, 0, 0, data).hash_v0 == expected
    assert hashes.read("messageV0", target, sender, data, nonce) == expected


@pytest.mark.parametrize("vector", VECTORS["messageV1"])
def test_message_of_version_1(hashes: Contract, vector: Vector) -> None:
    sender, target, data, expected = raw(vector, "sender", "target", "data", "hash")
    nonce, value, gas = (number(vector, key) for key in ("nonce", "value", "gasLimit"))

    assert CrossDomainMessage(nonce, sender, target, value, gas, data).hash == expected
    assert hashes.read("messageV1", nonce, sender, target, value, gas, data) == expected


@pytest.mark.parametrize("vector", VECTORS["depositSource"])
def test_source_of_a_deposit(hashes: Contract, vector: Vector) -> None:
    block, expected = raw(vector, "l1BlockHash", "hash")
    index = number(vector, "logIndex")

    assert user_deposit_source_hash(block, index) == expected
    assert hashes.read("depositSource", block, index) == expected


@pytest.mark.parametrize("vector", VECTORS["alias"])
def test_alias(hashes: Contract, vector: Vector) -> None:
    account, alias = raw(vector, "account", "alias")

    assert apply_alias(account) == alias
    assert undo_alias(alias) == account
    assert hashes.read("aliased", account) == "0x" + alias.hex()
    assert hashes.read("unaliased", alias) == "0x" + account.hex()


@pytest.mark.parametrize("vector", VECTORS["batcherHash"])
def test_batcher_hash(hashes: Contract, vector: Vector) -> None:
    batcher, expected = raw(vector, "batcher", "hash")
    config = L1World().contract("SystemConfig")

    assert hashes.read("batcherHash", batcher) == expected
    assert encode_call("SystemConfig", "setBatcherHash", batcher.rjust(32, b"\0"))[4:] == expected
    assert config.send("setBatcherHash", expected, sender=OWNER).success
    assert config.read("batcherHash") == expected
