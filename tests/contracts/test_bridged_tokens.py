"""Tokens that stand for others, their factory, and WETH9."""

import pytest
from eth_typing import Address

from contracts.genesis import L2_STANDARD_BRIDGE, OPTIMISM_MINTABLE_ERC20_FACTORY, WETH9
from contracts.preinstalls import MULTICALL3
from tests.contracts.bridges import GAS, Bridges, made_address, make_bridges
from tests.contracts.evm import Contract, address_topic, event_signature, selector, topic, word
from tests.contracts.world import ETHER, OTHER, USER, L1World, L2World

REMOTE = b"\x6e" * 20
MAXIMUM = 2**256 - 1


@pytest.fixture
def bridges() -> Bridges:
    return make_bridges()


@pytest.fixture
def factory(bridges: Bridges) -> Contract:
    return Contract(bridges.rollup.l2.evm, "OptimismMintableERC20Factory", OPTIMISM_MINTABLE_ERC20_FACTORY)


@pytest.fixture
def weth() -> Contract:
    return Contract(L2World().evm, "WETH9", WETH9)


def test_the_factory_announces_what_it_makes(factory: Contract) -> None:
    made = factory.send("createStandardL2Token", REMOTE, "Name", "SYM", sender=OTHER)

    local = made_address(made)
    assert [log.topics for log in made.logs] == [
        (topic("StandardL2TokenCreated(address,address)"), address_topic(REMOTE), address_topic(local)),
        (topic("OptimismMintableERC20Created(address,address,address)"), address_topic(local), address_topic(REMOTE)),
    ]
    assert made.logs[1].data == address_topic(OTHER)
    assert factory.read("deployments", local) == "0x" + REMOTE.hex()
    assert factory.read("bridge") == factory.read("BRIDGE") == "0x" + L2_STANDARD_BRIDGE.hex()


def test_the_factory_makes_a_token_once(factory: Contract) -> None:
    same = ("createOptimismMintableERC20", REMOTE, "Name", "SYM")

    assert factory.send(*same, sender=USER).success
    assert not factory.send(*same, sender=OTHER).success
    assert factory.send("createOptimismMintableERC20WithDecimals", REMOTE, "Name", "SYM", 6, sender=USER).success


def test_the_factory_needs_a_remote_token(factory: Contract) -> None:
    result = factory.send("createOptimismMintableERC20", bytes(20), "Name", "SYM", sender=USER)

    assert result.reason == "OptimismMintableERC20Factory: must provide remote token address"


def test_the_factory_of_l1_makes_tokens_of_the_l1_bridge() -> None:
    world = L1World()
    factory = world.contract("OptimismMintableERC20Factory")

    made = made_address(factory.send("createOptimismMintableERC20", REMOTE, "Name", "SYM", sender=USER))

    assert Contract(world.evm, "OptimismMintableERC20", made).read("bridge") == (
        "0x" + world.addresses["L1StandardBridge"].hex()
    )


def test_a_token_says_what_it_stands_for(bridges: Bridges) -> None:
    token = bridges.mintable

    for method in ("remoteToken", "l1Token", "REMOTE_TOKEN"):
        assert token.read(method) == "0x" + bridges.token.address.hex()
    for method in ("bridge", "l2Bridge", "BRIDGE"):
        assert token.read(method) == "0x" + L2_STANDARD_BRIDGE.hex()
    assert (token.read("name"), token.read("symbol"), token.read("decimals")) == ("Example", "EXM", 18)


@pytest.mark.parametrize(
    ("interface", "supported"),
    [("01ffc9a7", True), ("1d1d8b63", True), ("ec4fc8e3", True), ("ffffffff", False), ("00000000", False)],
)
def test_a_token_is_known_by_its_interfaces(bridges: Bridges, interface: str, supported: bool) -> None:
    assert bridges.mintable.read("supportsInterface", bytes.fromhex(interface)) is supported


@pytest.mark.parametrize("method", ["mint", "burn"])
def test_only_the_bridge_makes_and_destroys(bridges: Bridges, method: str) -> None:
    assert bridges.mintable.send(method, USER, 1, sender=USER).reason == (
        "OptimismMintableERC20: only bridge can mint and burn"
    )
    assert bridges.mintable.send("mint", USER, 1, sender=L2_STANDARD_BRIDGE).success
    assert bridges.mintable.send(method, USER, 1, sender=L2_STANDARD_BRIDGE).success


def test_a_token_that_does_not_arrive_in_full_is_refused(bridges: Bridges) -> None:
    """A token that takes a fee would leave less in custody than L2 makes. This one answers every call with 1."""
    taxed = b"\x77" * 20
    bridges.rollup.l1.evm.state.set_code(Address(taxed), bytes.fromhex("60015f5260205ff3"))

    result = bridges.l1.send("depositERC20", taxed, bridges.mintable.address, 5, GAS, b"", sender=USER)

    assert result.reason == "StandardBridge: token did not arrive in full"
    assert bridges.l1.send("depositERC20", taxed, bridges.mintable.address, 0, GAS, b"", sender=USER).success


def test_what_is_no_token_is_not_bridged(bridges: Bridges) -> None:
    pair = (OTHER, bridges.mintable.address)

    assert not bridges.l1.send("depositERC20", *pair, 0, GAS, b"", sender=USER).success


def test_weth_is_ether(weth: Contract) -> None:
    before = weth.evm.balance(USER)

    deposited = weth.send("deposit", sender=USER, value=3 * ETHER)
    assert weth.read("balanceOf", USER) == weth.read("totalSupply") == weth.evm.balance(WETH9) == 3 * ETHER
    withdrawn = weth.send("withdraw", 2 * ETHER, sender=USER)

    assert weth.evm.balance(USER) == before - ETHER
    assert weth.read("balanceOf", USER) == ETHER
    assert deposited.logs[0].topics == (topic("Deposit(address,uint256)"), address_topic(USER))
    assert withdrawn.logs[0].topics == (topic("Withdrawal(address,uint256)"), address_topic(USER))
    assert event_signature("WETH9", "Transfer") == "Transfer(address,address,uint256)"


@pytest.mark.parametrize("data", [b"", b"\x01\x02\x03\x04"])
def test_weth_takes_ether_that_is_plainly_sent(weth: Contract, data: bytes) -> None:
    assert weth.evm.call(WETH9, data, sender=USER, value=5).success
    assert weth.read("balanceOf", USER) == 5


def test_weth_moves_by_balance_and_allowance(weth: Contract) -> None:
    weth.send("deposit", sender=USER, value=10)

    assert weth.send("transfer", OTHER, 4, sender=USER).output == word(1)
    assert not weth.send("transfer", OTHER, 7, sender=USER).success
    assert not weth.send("transferFrom", USER, OTHER, 1, sender=OTHER).success
    assert weth.send("approve", OTHER, 5, sender=USER).success
    assert not weth.send("transferFrom", USER, OTHER, 6, sender=OTHER).success
    assert weth.send("transferFrom", USER, OTHER, 2, sender=OTHER).success
    assert weth.read("allowance", USER, OTHER) == 3
    assert weth.send("approve", OTHER, MAXIMUM, sender=USER).success
    assert weth.send("transferFrom", USER, OTHER, 1, sender=OTHER).success
    assert weth.read("allowance", USER, OTHER) == MAXIMUM
    assert (weth.read("balanceOf", USER), weth.read("balanceOf", OTHER)) == (3, 7)


def test_weth_pays_out_no_more_than_one_has(weth: Contract) -> None:
    weth.send("deposit", sender=OTHER, value=0)
    weth.send("deposit", sender=USER, value=5)

    result = weth.send("withdraw", 6, sender=USER)
    assert result.output[:4] == selector("InsufficientBalance(address,uint256)"), result.output.hex()
    assert not weth.send("withdraw", 1, sender=OTHER).success
    assert weth.send("withdraw", 5, sender=USER).success


def test_weth_of_who_can_not_be_paid_stays(weth: Contract) -> None:
    weth.evm.fund(MULTICALL3, 5)
    weth.send("deposit", sender=MULTICALL3, value=5)
    weth.evm.state.set_code(Address(MULTICALL3), bytes.fromhex("5f5ffd"))

    assert weth.send("withdraw", 5, sender=MULTICALL3).output[:4] == selector("EtherTransferFailed(address)")
    assert weth.read("balanceOf", MULTICALL3) == 5


def test_weth_stands_without_a_proxy(weth: Contract) -> None:
    assert (weth.read("name"), weth.read("symbol"), weth.read("decimals")) == ("Wrapped Ether", "WETH", 18)
    assert weth.evm.storage(WETH9, 0x360894A13BA1A3210667C828492DB98DCA3E2076CC3735A920A3CA505D382BBC) == 0
