"""The standard bridges on the EVM of both chains: ether and tokens there and back. Spec: bridges.md."""

import pytest

from contracts.calldata import encode_creation
from contracts.genesis import L2_CROSS_DOMAIN_MESSENGER, L2_STANDARD_BRIDGE, OPTIMISM_MINTABLE_ERC20_FACTORY
from tests.contracts.bridges import GAS, SUPPLY, Bridges, made_address, make_bridges, topics_of
from tests.contracts.evm import Contract, address_topic, topic
from tests.contracts.world import ETHER, OTHER, USER

ETHER_TOKEN = bytes.fromhex("deaddeaddeaddeaddeaddeaddeaddeaddead0000")


@pytest.fixture
def bridges() -> Bridges:
    return make_bridges()


@pytest.mark.parametrize(
    ("method", "arguments", "recipient"),
    [
        ("depositETH", (GAS, b""), USER),
        ("depositETHTo", (OTHER, GAS, b"x"), OTHER),
        ("bridgeETH", (GAS, b"x"), USER),
        ("bridgeETHTo", (OTHER, GAS, b""), OTHER),
    ],
)
def test_ether_crosses_to_l2(bridges: Bridges, method: str, arguments: tuple[object, ...], recipient: bytes) -> None:
    l2 = bridges.rollup.l2.evm
    before = l2.balance(recipient)

    sent = bridges.l1.send(method, *arguments, sender=USER, value=3 * ETHER)
    (arrived,) = bridges.rollup.deliver(sent)

    assert l2.balance(recipient) == before + 3 * ETHER
    assert bridges.rollup.l1.evm.balance(bridges.rollup.portal.address) == 3 * ETHER
    assert l2.balance(L2_CROSS_DOMAIN_MESSENGER) == l2.balance(L2_STANDARD_BRIDGE) == 0
    assert topics_of(arrived) == [
        topic("DepositFinalized(address,address,address,address,uint256,bytes)"),
        topic("ETHBridgeFinalized(address,address,uint256,bytes)"),
        topic("RelayedMessage(bytes32)"),
    ]


def test_ether_that_is_plainly_sent_crosses_too(bridges: Bridges) -> None:
    l2 = bridges.rollup.l2.evm
    before = l2.balance(USER)

    sent = bridges.rollup.l1.evm.call(bridges.l1.address, sender=USER, value=ETHER)
    bridges.rollup.deliver(sent)
    back = l2.call(L2_STANDARD_BRIDGE, sender=USER, value=ETHER)
    on_l1 = bridges.rollup.l1.evm.balance(USER)
    (paid,) = bridges.rollup.carry(back)

    assert paid.success
    assert l2.balance(USER) == before
    assert bridges.rollup.l1.evm.balance(USER) == on_l1 + ETHER


def test_a_deposit_of_ether_tells_its_old_event_first(bridges: Bridges) -> None:
    sent = bridges.l1.send("depositETH", GAS, b"\x01", sender=USER, value=5)

    assert topics_of(sent) == [
        topic("ETHDepositInitiated(address,address,uint256,bytes)"),
        topic("ETHBridgeInitiated(address,address,uint256,bytes)"),
        topic("TransactionDeposited(address,address,uint256,bytes)"),
        topic("SentMessage(address,address,bytes,uint256,uint256)"),
        topic("SentMessageExtension1(address,uint256)"),
    ]
    assert sent.logs[0].topics[1:] == (address_topic(USER), address_topic(USER))


@pytest.mark.parametrize(
    ("method", "arguments", "recipient"),
    [
        ("withdraw", (ETHER_TOKEN, ETHER, GAS, b""), USER),
        ("withdrawTo", (ETHER_TOKEN, OTHER, ETHER, GAS, b""), OTHER),
        ("bridgeETH", (GAS, b""), USER),
        ("bridgeETHTo", (OTHER, GAS, b""), OTHER),
    ],
)
def test_ether_crosses_to_l1(bridges: Bridges, method: str, arguments: tuple[object, ...], recipient: bytes) -> None:
    rollup = bridges.rollup
    rollup.deliver(bridges.l1.send("depositETH", GAS, b"", sender=USER, value=2 * ETHER))
    before = rollup.l1.evm.balance(recipient)

    sent = bridges.l2.send(method, *arguments, sender=USER, value=ETHER)
    (paid,) = rollup.carry(sent)

    assert rollup.l1.evm.balance(recipient) == before + ETHER
    assert rollup.l1.evm.balance(rollup.portal.address) == ETHER
    assert topics_of(paid) == [
        topic("ETHWithdrawalFinalized(address,address,uint256,bytes)"),
        topic("ETHBridgeFinalized(address,address,uint256,bytes)"),
        topic("RelayedMessage(bytes32)"),
        topic("WithdrawalFinalized(bytes32,bool)"),
    ]


def test_a_withdrawal_must_send_the_ether_that_it_names(bridges: Bridges) -> None:
    result = bridges.l2.send("withdraw", ETHER_TOKEN, 2, GAS, b"", sender=USER, value=1)

    assert result.reason == "StandardBridge: bridging ETH must include sufficient ETH value"


def test_a_token_crosses_to_l2_and_back(bridges: Bridges) -> None:
    rollup = bridges.rollup
    (arrived,) = bridges.deposit_tokens(700)

    assert bridges.mintable.read("balanceOf", USER) == bridges.mintable.read("totalSupply") == 700
    assert bridges.token.read("balanceOf", bridges.l1.address) == bridges.held() == 700
    assert topics_of(arrived)[-3:] == [
        topic("DepositFinalized(address,address,address,address,uint256,bytes)"),
        topic("ERC20BridgeFinalized(address,address,address,address,uint256,bytes)"),
        topic("RelayedMessage(bytes32)"),
    ]

    sent = bridges.l2.send("withdraw", bridges.mintable.address, 300, GAS, b"", sender=USER)
    (paid,) = rollup.carry(sent)

    assert bridges.mintable.read("totalSupply") == 400
    assert bridges.token.read("balanceOf", bridges.l1.address) == bridges.held() == 400
    assert bridges.token.read("balanceOf", USER) == SUPPLY - 400
    assert topics_of(paid)[-4:] == [
        topic("ERC20WithdrawalFinalized(address,address,address,address,uint256,bytes)"),
        topic("ERC20BridgeFinalized(address,address,address,address,uint256,bytes)"),
        topic("RelayedMessage(bytes32)"),
        topic("WithdrawalFinalized(bytes32,bool)"),
    ]


@pytest.mark.parametrize("method", ["depositERC20", "bridgeERC20"])
def test_tokens_cross_to_the_senders_own_address(bridges: Bridges, method: str) -> None:
    bridges.allow()

    sent = bridges.l1.send(method, bridges.token.address, bridges.mintable.address, 9, GAS, b"", sender=USER)
    bridges.rollup.deliver(sent)

    assert bridges.mintable.read("balanceOf", USER) == 9


@pytest.mark.parametrize(
    ("method", "names_both"),
    [("withdraw", False), ("bridgeERC20", True), ("withdrawTo", False), ("bridgeERC20To", True)],
)
def test_tokens_leave_l2_by_every_name(bridges: Bridges, method: str, names_both: bool) -> None:
    bridges.deposit_tokens(50)
    pair = (bridges.mintable.address, bridges.token.address) if names_both else (bridges.mintable.address,)
    to, recipient = ((OTHER,), OTHER) if method.endswith("To") else ((), USER)
    before = bridges.token.read("balanceOf", recipient)
    assert isinstance(before, int)

    bridges.rollup.carry(bridges.l2.send(method, *pair, *to, 50, GAS, b"note", sender=USER))

    assert bridges.token.read("balanceOf", recipient) == before + 50


def test_a_token_of_l2_crosses_to_l1_and_back(bridges: Bridges) -> None:
    rollup = bridges.rollup
    address, _ = rollup.l2.evm.create(encode_creation("Token", SUPPLY), sender=USER)
    home = Contract(rollup.l2.evm, "Token", address)
    factory = rollup.l1.contract("OptimismMintableERC20Factory")
    guest_address = made_address(
        factory.send("createOptimismMintableERC20WithDecimals", address, "L2 token", "L2T", 6, sender=USER)
    )
    guest = Contract(rollup.l1.evm, "OptimismMintableERC20", guest_address)
    home.send("approve", L2_STANDARD_BRIDGE, 80, sender=USER)

    rollup.carry(bridges.l2.send("bridgeERC20", address, guest_address, 80, GAS, b"", sender=USER))

    assert guest.read("balanceOf", USER) == home.read("balanceOf", L2_STANDARD_BRIDGE) == 80
    assert guest.read("decimals") == 6

    rollup.deliver(bridges.l1.send("bridgeERC20", guest_address, address, 30, GAS, b"", sender=USER))

    assert guest.read("totalSupply") == home.read("balanceOf", L2_STANDARD_BRIDGE) == 50
    assert home.read("balanceOf", USER) == SUPPLY - 50


def test_a_withdrawn_token_needs_no_allowance_but_a_balance(bridges: Bridges) -> None:
    bridges.deposit_tokens(5)

    assert not bridges.l2.send("withdraw", bridges.mintable.address, 6, GAS, b"", sender=USER).success
    assert not bridges.l2.send("withdraw", bridges.mintable.address, 1, GAS, b"", sender=OTHER).success
    assert bridges.l2.send("withdraw", bridges.mintable.address, 5, GAS, b"", sender=USER).success


def test_a_deposited_token_needs_an_allowance(bridges: Bridges) -> None:
    bridges.allow(4)
    pair = (bridges.token.address, bridges.mintable.address)

    assert not bridges.l1.send("depositERC20", *pair, 5, GAS, b"", sender=USER).success
    assert bridges.l1.send("depositERC20", *pair, 4, GAS, b"", sender=USER).success


def test_a_deposit_for_another_token_can_not_be_withdrawn_from_this_ones_custody(bridges: Bridges) -> None:
    """Who names a token of his own as the one on L2 fills another account of the custody."""
    bridges.deposit_tokens(100)
    factory = Contract(bridges.rollup.l2.evm, "OptimismMintableERC20Factory", OPTIMISM_MINTABLE_ERC20_FACTORY)
    other = made_address(factory.send("createStandardL2Token", bridges.token.address, "Other", "OTH", sender=OTHER))

    sent = bridges.l2.send("withdraw", other, 0, GAS, b"", sender=USER)
    assert sent.success
    assert not bridges.l2.send("withdraw", other, 1, GAS, b"", sender=USER).success
    assert bridges.held() == 100


def test_a_mintable_token_crosses_only_to_its_own_remote_token(bridges: Bridges) -> None:
    bridges.deposit_tokens(5)

    result = bridges.l2.send("bridgeERC20", bridges.mintable.address, OTHER, 5, GAS, b"", sender=USER)

    assert result.reason == "StandardBridge: wrong remote token for Optimism Mintable ERC20 local token"


def test_a_deposit_to_no_such_token_is_kept_and_fails_on_l2(bridges: Bridges) -> None:
    bridges.allow()

    sent = bridges.l1.send("depositERC20", bridges.token.address, OTHER, 5, GAS, b"", sender=USER)
    (arrived,) = bridges.rollup.deliver(sent)

    assert topics_of(arrived) == [topic("FailedRelayedMessage(bytes32)")]
    assert bridges.l1.read("deposits", bridges.token.address, OTHER) == 5
