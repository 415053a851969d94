"""Multicall3 on the EVM, by the interface that clients know."""

import pytest

from contracts import method_identifiers
from contracts.preinstalls import MULTICALL3
from tests.contracts.evm import Contract, selector
from tests.contracts.world import ETHER, OTHER, OWNER, USER, L1World

CANONICAL_METHODS = [
    "aggregate((address,bytes)[])",
    "aggregate3((address,bool,bytes)[])",
    "aggregate3Value((address,bool,uint256,bytes)[])",
    "blockAndAggregate((address,bytes)[])",
    "getBasefee()",
    "getBlockHash(uint256)",
    "getBlockNumber()",
    "getChainId()",
    "getCurrentBlockCoinbase()",
    "getCurrentBlockDifficulty()",
    "getCurrentBlockGasLimit()",
    "getCurrentBlockTimestamp()",
    "getEthBalance(address)",
    "getLastBlockHash()",
    "tryAggregate(bool,(address,bytes)[])",
    "tryBlockAndAggregate(bool,(address,bytes)[])",
]


@pytest.fixture
def world() -> L1World:
    return L1World()


@pytest.fixture
def multicall(world: L1World) -> Contract:
    return Contract(world.evm, "Multicall3", MULTICALL3)


def test_all_canonical_methods_exist() -> None:
    assert sorted(method_identifiers("Multicall3")) == CANONICAL_METHODS
    assert method_identifiers("Multicall3")["aggregate3((address,bool,bytes)[])"].hex() == "82ad56cb"


def test_each_call_may_be_allowed_to_fail(world: L1World, multicall: Contract) -> None:
    oracle = world.addresses["L2OutputOracle"]
    good, bad = selector("nextBlockNumber()"), selector("latestOutputIndex()")

    result = multicall.read("aggregate3", [(oracle, False, good), (oracle, True, bad)])

    assert isinstance(result, tuple | list)
    assert result[0] == (True, (20).to_bytes(32, "big"))
    assert result[1][0] is False


def test_a_call_that_must_not_fail_fails_all(world: L1World, multicall: Contract) -> None:
    oracle = world.addresses["L2OutputOracle"]
    calls = [(oracle, False, selector("latestOutputIndex()"))]

    assert multicall.send("aggregate3", calls, sender=USER).reason == "Multicall3: call failed"
    assert not multicall.send("aggregate", [(oracle, selector("latestOutputIndex()"))], sender=USER).success
    assert not multicall.send("tryAggregate", True, [(oracle, selector("latestOutputIndex()"))], sender=USER).success
    assert multicall.send("tryAggregate", False, [(oracle, selector("latestOutputIndex()"))], sender=USER).success


def test_values_are_handed_on(multicall: Contract) -> None:
    calls = [(OWNER, False, ETHER, b""), (OTHER, False, 2 * ETHER, b"")]
    before = multicall.evm.balance(OTHER)

    assert multicall.send("aggregate3Value", calls, sender=USER, value=3 * ETHER).success
    assert multicall.evm.balance(OTHER) == before + 2 * ETHER


def test_values_must_add_up(multicall: Contract) -> None:
    result = multicall.send("aggregate3Value", [(OTHER, False, 1, b"")], sender=USER, value=2)

    assert result.reason == "Multicall3: value mismatch"


def test_the_block_is_told(multicall: Contract) -> None:
    multicall.evm.block.number = 7
    multicall.evm.block.hashes = (b"\x06" * 32, b"\x05" * 32)

    assert multicall.read("getBlockNumber") == 7
    assert multicall.read("getLastBlockHash") == b"\x06" * 32
    assert multicall.read("getBlockHash", 5) == b"\x05" * 32
    assert multicall.read("getCurrentBlockTimestamp") == multicall.evm.block.timestamp
    assert multicall.read("getCurrentBlockGasLimit") == 30_000_000
    assert multicall.read("getBasefee") == multicall.evm.block.base_fee
    assert multicall.read("getChainId") == 900
    assert multicall.read("getEthBalance", USER) == 1000 * ETHER


def test_calls_come_back_with_their_block(world: L1World, multicall: Contract) -> None:
    call = (world.addresses["L2OutputOracle"], selector("nextOutputIndex()"))

    assert multicall.read("aggregate", [call]) == (1, (bytes(32),))
    assert multicall.read("blockAndAggregate", [call]) == (1, bytes(32), ((True, bytes(32)),))
    assert multicall.read("tryBlockAndAggregate", False, [call]) == (1, bytes(32), ((True, bytes(32)),))
