"""Who may do what with the standard bridges: callers, messages, the pause, and their names for each other."""

import pytest
from eth_typing import Address

from contracts.genesis import L2_CROSS_DOMAIN_MESSENGER, L2_STANDARD_BRIDGE
from contracts.preinstalls import MULTICALL3
from tests.contracts.bridges import GAS, Bridges, make_bridges, topics_of
from tests.contracts.evm import Contract, encode_method, event_signature, topic
from tests.contracts.world import GUARDIAN, OTHER, USER


@pytest.fixture
def bridges() -> Bridges:
    return make_bridges()


def test_tokens_take_no_ether_along(bridges: Bridges) -> None:
    bridges.deposit_tokens(5)

    result = bridges.l2.send("withdraw", bridges.mintable.address, 5, GAS, b"", sender=USER, value=1)

    assert result.reason == "StandardBridge: cannot send value"


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("depositETH", (GAS, b"")),
        ("bridgeETH", (GAS, b"")),
        ("depositERC20", (OTHER, OTHER, 1, GAS, b"")),
        ("bridgeERC20", (OTHER, OTHER, 1, GAS, b"")),
    ],
)
def test_a_contract_must_name_the_recipient(bridges: Bridges, method: str, arguments: tuple[object, ...]) -> None:
    call = encode_method("L1StandardBridge", method, *arguments)
    data = encode_method("Multicall3", "aggregate3Value", [(bridges.l1.address, True, 0, call)])

    result = bridges.rollup.l1.evm.call(MULTICALL3, data, sender=USER)

    assert b"function can only be called from an EOA" in result.output


def test_a_delegated_account_is_no_contract(bridges: Bridges) -> None:
    evm = bridges.rollup.l1.evm
    evm.state.set_code(Address(USER), b"\xef\x01\x00" + MULTICALL3)

    assert bridges.l1.send("depositETH", GAS, b"", sender=USER, origin=OTHER, value=1).success
    assert not bridges.l1.send("depositETH", GAS, b"", sender=MULTICALL3, origin=OTHER).success


@pytest.mark.parametrize("side", ["l1", "l2"])
@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("finalizeBridgeETH", (USER, USER, 0, b"")),
        ("finalizeBridgeERC20", (USER, USER, USER, USER, 1, b"")),
    ],
)
def test_only_the_other_bridge_finalizes(
    bridges: Bridges, side: str, method: str, arguments: tuple[object, ...]
) -> None:
    bridge: Contract = getattr(bridges, side)

    result = bridge.send(method, *arguments, sender=USER)

    assert result.reason == "StandardBridge: function can only be called from the other bridge"


@pytest.mark.parametrize("method", ["finalizeETHWithdrawal", "finalizeERC20Withdrawal"])
def test_the_older_names_are_guarded_too(bridges: Bridges, method: str) -> None:
    tokens = (USER, USER) if method == "finalizeERC20Withdrawal" else ()

    result = bridges.l1.send(method, *tokens, USER, USER, 0, b"", sender=USER)

    assert result.reason == "StandardBridge: function can only be called from the other bridge"


def test_a_message_of_somebody_else_finalizes_nothing(bridges: Bridges) -> None:
    """The messenger calls the bridge for anybody; the bridge asks it whose message that is."""
    messenger = Contract(bridges.rollup.l2.evm, "L2CrossDomainMessenger", L2_CROSS_DOMAIN_MESSENGER)
    bridges.deposit_tokens(5)
    steal = encode_method(
        "L1StandardBridge",
        "finalizeBridgeERC20",
        bridges.token.address,
        bridges.mintable.address,
        USER,
        OTHER,
        5,
        b"",
    )

    sent = messenger.send("sendMessage", bridges.l1.address, steal, GAS, sender=OTHER)
    (relayed,) = bridges.rollup.carry(sent)

    assert topic("FailedRelayedMessage(bytes32)") in topics_of(relayed)
    assert bridges.held() == 5


def test_a_pause_holds_payments_until_it_ends(bridges: Bridges) -> None:
    rollup = bridges.rollup
    bridges.deposit_tokens(5)
    (withdrawal,) = rollup.withdrawals_of(
        bridges.l2.send("withdraw", bridges.mintable.address, 5, GAS, b"", sender=USER)
    )
    rollup.propose()
    assert rollup.prove(withdrawal).success
    rollup.wait()

    rollup.portal.send("pause", sender=GUARDIAN)
    assert bridges.l1.read("paused") is True
    assert not rollup.finalize(withdrawal).success
    assert bridges.held() == 5

    rollup.portal.send("unpause", sender=GUARDIAN)
    assert bridges.l1.read("paused") is False
    assert rollup.finalize(withdrawal).success
    assert bridges.held() == 0


def test_the_bridges_know_each_other_by_all_names(bridges: Bridges) -> None:
    l1, l2 = bridges.l1, bridges.l2
    messenger = bridges.rollup.l1.addresses["L1CrossDomainMessenger"]

    for method in ("otherBridge", "OTHER_BRIDGE", "l2TokenBridge"):
        assert l1.read(method) == "0x" + L2_STANDARD_BRIDGE.hex()
    for method in ("otherBridge", "OTHER_BRIDGE", "l1TokenBridge"):
        assert l2.read(method) == "0x" + l1.address.hex()
    for method in ("messenger", "MESSENGER"):
        assert l1.read(method) == "0x" + messenger.hex()
        assert l2.read(method) == "0x" + L2_CROSS_DOMAIN_MESSENGER.hex()
    assert l2.read("paused") is False


@pytest.mark.parametrize(
    "signature",
    [
        "ETHBridgeInitiated(address,address,uint256,bytes)",
        "ERC20BridgeInitiated(address,address,address,address,uint256,bytes)",
        "ERC20DepositInitiated(address,address,address,address,uint256,bytes)",
        "ERC20WithdrawalFinalized(address,address,address,address,uint256,bytes)",
    ],
)
def test_events_have_their_canonical_signatures(signature: str) -> None:
    assert event_signature("L1StandardBridge", signature.split("(", 1)[0]) == signature
