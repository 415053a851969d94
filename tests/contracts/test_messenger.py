"""The cross-domain messengers on the EVM of both chains: what is sent arrives once, or may be tried again."""

from dataclasses import dataclass

import pytest
from eth_typing import Address

from contracts.artifact import storage_layout
from contracts.genesis import L2_CROSS_DOMAIN_MESSENGER, L2_TO_L1_MESSAGE_PASSER
from l1_bridge.deposits import apply_alias
from l1_bridge.messages import CrossDomainMessage
from tests.contracts.bridges import topics_of
from tests.contracts.evm import Contract, Result, encode_method, topic
from tests.contracts.rollup import Rollup
from tests.contracts.world import ETHER, GUARDIAN, OTHER, USER

TARGET = b"\x7a" * 20
GAS = 100_000

STOP = b"\x00"
REVERT = bytes.fromhex("5f5ffd")
ALL_GAS = b"\xfe"
STORE_GAS = bytes.fromhex("5a5f5500")
"""Stores the gas that is left, in slot 0."""

STORE_SENDER = "636e296e455f5260205f6004601c5f73{messenger}5af1505f515f5500"
"""Calls `messenger.xDomainMessageSender()` and stores what it returns, in slot 0."""

SENT, RELAYED, FAILED = (
    topic("SentMessage(address,address,bytes,uint256,uint256)"),
    topic("RelayedMessage(bytes32)"),
    topic("FailedRelayedMessage(bytes32)"),
)


@dataclass(frozen=True, slots=True)
class Messengers:
    """Both messengers, and how a message of one gets to the other."""

    rollup: Rollup
    l1: Contract
    l2: Contract

    def send_to_l2(self, message: bytes = b"", *, gas: int = GAS, value: int = 0, target: bytes = TARGET) -> Result:
        sent = self.l1.send("sendMessage", target, message, gas, sender=USER, value=value)
        (arrived,) = self.rollup.deliver(sent)
        return arrived

    def send_to_l1(self, message: bytes = b"", *, gas: int = GAS, value: int = 0, target: bytes = TARGET) -> Result:
        sent = self.l2.send("sendMessage", target, message, gas, sender=USER, value=value)
        (arrived,) = self.rollup.carry(sent)
        return arrived


@pytest.fixture
def messengers() -> Messengers:
    rollup = Rollup()
    return Messengers(
        rollup,
        rollup.l1.contract("L1CrossDomainMessenger"),
        Contract(rollup.l2.evm, "L2CrossDomainMessenger", L2_CROSS_DOMAIN_MESSENGER),
    )


def set_code(contract: Contract, code: bytes) -> None:
    """Put code at the target on the chain of a messenger."""
    contract.evm.state.set_code(Address(TARGET), code)


def first_message(**changes: object) -> CrossDomainMessage:
    fields: dict[str, object] = {
        "nonce": 1 << 240,
        "sender": USER,
        "target": TARGET,
        "value": 0,
        "gas_limit": GAS,
        "data": b"",
    }
    return CrossDomainMessage(**(fields | changes))  # type: ignore[arg-type]


def relay(messenger: Contract, message: CrossDomainMessage, *, value: int = 0, gas: int = 10_000_000) -> Result:
    """Relay a message again, as anybody may."""
    return messenger.send(
        "relayMessage",
        *(message.nonce, message.sender, message.target, message.value, message.gas_limit, message.data),
        sender=OTHER,
        value=value,
        gas=gas,
    )


def test_a_message_arrives_on_l2(messengers: Messengers) -> None:
    arrived = messengers.send_to_l2(b"", value=ETHER)

    message = first_message(value=ETHER)
    assert topics_of(arrived) == [RELAYED]
    assert arrived.logs[0].topics[1] == message.hash
    assert messengers.l2.read("successfulMessages", message.hash) is True
    assert messengers.l2.read("failedMessages", message.hash) is False
    assert messengers.l2.evm.balance(TARGET) == ETHER


def test_a_message_arrives_on_l1(messengers: Messengers) -> None:
    messengers.rollup.l1.evm.fund(messengers.rollup.portal.address, ETHER)

    arrived = messengers.send_to_l1(b"", value=ETHER)

    assert topics_of(arrived)[0] == RELAYED
    assert messengers.l1.read("successfulMessages", first_message(value=ETHER).hash) is True
    assert messengers.l1.evm.balance(TARGET) == ETHER


def test_what_was_sent_is_told(messengers: Messengers) -> None:
    sent = messengers.l2.send("sendMessage", TARGET, b"\x01\x02", 5, sender=USER, value=7)

    assert topics_of(sent)[1:] == [SENT, topic("SentMessageExtension1(address,uint256)")]
    assert sent.logs[2].data == (7).to_bytes(32, "big")
    assert messengers.l2.read("messageNonce") == (1 << 240) + 1


@pytest.mark.parametrize("side", ["l1", "l2"])
def test_the_target_learns_who_sent_it_and_only_then(messengers: Messengers, side: str) -> None:
    messenger: Contract = getattr(messengers, side)
    set_code(messenger, bytes.fromhex(STORE_SENDER.format(messenger=messenger.address.hex())))

    (messengers.send_to_l1 if side == "l1" else messengers.send_to_l2)()

    assert messenger.evm.storage(TARGET, 0) == int.from_bytes(USER, "big")
    result = messenger.send("xDomainMessageSender", sender=USER)
    assert result.reason == "CrossDomainMessenger: xDomainMessageSender is not set"


@pytest.mark.parametrize("code", [REVERT, ALL_GAS])
@pytest.mark.parametrize("side", ["l1", "l2"])
def test_a_message_that_failed_is_tried_again_by_anybody_until_it_succeeds_once(
    messengers: Messengers, side: str, code: bytes
) -> None:
    messenger: Contract = getattr(messengers, side)
    messengers.rollup.l1.evm.fund(messengers.rollup.portal.address, ETHER)
    set_code(messenger, code)
    message = first_message(value=ETHER)

    arrived = (messengers.send_to_l1 if side == "l1" else messengers.send_to_l2)(value=ETHER)
    assert topics_of(arrived)[0] == FAILED
    assert messenger.read("failedMessages", message.hash) is True
    assert messenger.evm.balance(messenger.address) == ETHER

    assert topics_of(relay(messenger, message)) == [FAILED]
    set_code(messenger, STOP)
    assert topics_of(relay(messenger, message)) == [RELAYED]
    assert messenger.evm.balance(TARGET) == ETHER

    assert relay(messenger, message).reason == "CrossDomainMessenger: message has already been relayed"
    assert messenger.evm.balance(messenger.address) == 0


@pytest.mark.parametrize("side", ["l1", "l2"])
def test_a_message_that_succeeded_is_not_replayed(messengers: Messengers, side: str) -> None:
    messenger: Contract = getattr(messengers, side)
    (messengers.send_to_l1 if side == "l1" else messengers.send_to_l2)()

    assert relay(messenger, first_message()).reason == "CrossDomainMessenger: message cannot be replayed"


@pytest.mark.parametrize("side", ["l1", "l2"])
def test_a_message_that_was_never_sent_is_not_relayed(messengers: Messengers, side: str) -> None:
    messenger: Contract = getattr(messengers, side)

    assert relay(messenger, first_message()).reason == "CrossDomainMessenger: message cannot be replayed"


@pytest.mark.parametrize(
    "change",
    [{"value": 1}, {"sender": OTHER}, {"target": OTHER}, {"gas_limit": 1}, {"data": b"\0"}, {"nonce": 1 << 240 | 1}],
    ids=lambda change: str(next(iter(change))),
)
def test_a_replay_must_be_the_message_that_failed(messengers: Messengers, change: dict[str, object]) -> None:
    set_code(messengers.l2, REVERT)
    messengers.send_to_l2()
    set_code(messengers.l2, STOP)

    assert relay(messengers.l2, first_message(**change)).reason == "CrossDomainMessenger: message cannot be replayed"
    assert topics_of(relay(messengers.l2, first_message())) == [RELAYED]


def test_a_replay_brings_no_ether(messengers: Messengers) -> None:
    set_code(messengers.l2, REVERT)
    messengers.send_to_l2()
    messengers.l2.evm.fund(OTHER, 1)

    result = relay(messengers.l2, first_message(), value=1)

    assert result.reason == "CrossDomainMessenger: value must be zero unless message is from a system address"


def test_versions_above_one_are_refused(messengers: Messengers) -> None:
    for version in (2, 0xFFFF):
        result = relay(messengers.l2, first_message(nonce=version << 240))
        assert result.reason == "CrossDomainMessenger: only version 0 or 1 messages are supported at this time"


@pytest.mark.parametrize("side", ["l1", "l2"])
def test_system_contracts_are_no_target(messengers: Messengers, side: str) -> None:
    """A call of the messenger to these would act with the rights of the messenger."""
    messenger: Contract = getattr(messengers, side)
    system = messengers.rollup.portal.address if side == "l1" else L2_TO_L1_MESSAGE_PASSER
    send = messengers.send_to_l1 if side == "l1" else messengers.send_to_l2

    for index, target in enumerate((messenger.address, system)):
        arrived = send(target=target)
        assert RELAYED not in topics_of(arrived)
        message = first_message(target=target, nonce=1 << 240 | index)
        assert messenger.read("successfulMessages", message.hash) is False
        assert messenger.read("failedMessages", message.hash) is False


def test_the_alias_alone_speaks_for_the_l1_messenger(messengers: Messengers) -> None:
    data = messengers.l2.encode("relayMessage", 1 << 240, USER, TARGET, 0, GAS, b"")
    l1_messenger = messengers.l1.address

    for sender, success in ((l1_messenger, False), (USER, False), (apply_alias(l1_messenger), True)):
        result = messengers.l2.evm.call(messengers.l2.address, data, sender=sender)
        assert result.success is success


def test_another_sender_through_the_portal_is_not_the_l2_messenger(messengers: Messengers) -> None:
    passer = Contract(messengers.l2.evm, "L2ToL1MessagePasser", L2_TO_L1_MESSAGE_PASSER)
    forged = messengers.l1.encode("relayMessage", 1 << 240, OTHER, TARGET, 0, GAS, b"")

    sent = passer.send("initiateWithdrawal", messengers.l1.address, 1_000_000, forged, sender=USER)
    (arrived,) = messengers.rollup.carry(sent)

    assert arrived.logs[-1].data == bytes(32)
    assert messengers.l1.read("successfulMessages", first_message(sender=OTHER).hash) is False


def test_messages_do_not_nest(messengers: Messengers) -> None:
    """A message whose call relays another one finds that it failed, to be tried again afterwards."""
    set_code(messengers.l2, REVERT)
    messengers.send_to_l2()
    inner = first_message()
    call = encode_method("L2CrossDomainMessenger", "relayMessage", inner.nonce, USER, TARGET, 0, inner.gas_limit, b"")
    # Forwards its calldata to the messenger.
    forward = bytes.fromhex(f"365f5f375f5f365f5f73{messengers.l2.address.hex()}5af100")
    messengers.l2.evm.state.set_code(Address(OTHER), forward)
    set_code(messengers.l2, STOP)

    arrived = messengers.send_to_l2(call, target=OTHER, gas=1_000_000)

    assert topics_of(arrived) == [FAILED, RELAYED]
    assert arrived.logs[0].topics[1] == inner.hash
    assert topics_of(relay(messengers.l2, inner)) == [RELAYED]


@pytest.mark.parametrize("size", [0, 1, 31, 1_000, 50_000])
@pytest.mark.parametrize("gas", [0, 21_000, 1_000_000])
@pytest.mark.parametrize("side", ["l1", "l2"])
def test_the_gas_of_a_message_suffices_for_what_was_promised(
    messengers: Messengers, side: str, gas: int, size: int
) -> None:
    messenger: Contract = getattr(messengers, side)
    set_code(messenger, STORE_GAS if gas > 25_000 else STOP)

    if side == "l2":
        arrived = messengers.send_to_l2(b"\x01" * size, gas=gas)
        assert topics_of(arrived) == [RELAYED]
    else:
        # The withdrawal's gas limit is what the portal passes on at least.
        sent = messengers.l2.send("sendMessage", TARGET, b"\x01" * size, gas, sender=USER)
        (withdrawal,) = messengers.rollup.withdrawals_of(sent)
        assert withdrawal.gas_limit == messengers.l2.read("baseGas", b"\x01" * size, gas)
        (arrived,) = _arrive_with_least_gas(messengers, withdrawal.data, withdrawal.gas_limit)
        assert topics_of(arrived) == [RELAYED]

    if gas > 25_000:
        assert messenger.evm.storage(TARGET, 0) >= gas - 10


def _arrive_with_least_gas(messengers: Messengers, data: bytes, gas: int) -> list[Result]:
    """Call the L1 messenger as the portal does, with no more gas than the withdrawal's limit."""
    portal, l1 = messengers.rollup.portal, messengers.l1
    slot = storage_layout("OptimismPortal")["l2Sender"]["slot"]
    before = l1.evm.storage(portal.address, slot)
    l1.evm.state.set_storage(Address(portal.address), slot, int.from_bytes(L2_CROSS_DOMAIN_MESSENGER, "big"))
    result = l1.evm.call(l1.address, data, sender=portal.address, gas=gas)
    l1.evm.state.set_storage(Address(portal.address), slot, before)
    return [result]


def test_too_little_gas_for_the_promise_is_a_failure_and_not_a_loss(messengers: Messengers) -> None:
    set_code(messengers.l2, REVERT)
    messengers.send_to_l2()
    set_code(messengers.l2, STORE_GAS)

    assert topics_of(relay(messengers.l2, first_message(), gas=150_000)) == [FAILED]
    assert messengers.l2.evm.storage(TARGET, 0) == 0
    assert topics_of(relay(messengers.l2, first_message(), gas=300_000)) == [RELAYED]
    assert messengers.l2.evm.storage(TARGET, 0) >= GAS - 10


def test_an_estimate_does_not_settle_for_a_failing_call(messengers: Messengers) -> None:
    set_code(messengers.l2, REVERT)
    messengers.send_to_l2()
    message = first_message()

    result = messengers.l2.send(
        "relayMessage",
        *(message.nonce, message.sender, message.target, message.value, message.gas_limit, message.data),
        sender=OTHER,
        origin=(1).to_bytes(20, "big"),
    )

    assert result.reason == "CrossDomainMessenger: failed to relay message"


def test_nothing_is_relayed_while_paused(messengers: Messengers) -> None:
    set_code(messengers.l1, REVERT)
    messengers.send_to_l1()
    set_code(messengers.l1, STOP)
    portal = messengers.rollup.portal

    portal.send("pause", sender=GUARDIAN)
    assert messengers.l1.read("paused") is True
    assert relay(messengers.l1, first_message()).reason == "CrossDomainMessenger: paused"
    assert messengers.l1.send("sendMessage", TARGET, b"", GAS, sender=USER).success

    portal.send("unpause", sender=GUARDIAN)
    assert topics_of(relay(messengers.l1, first_message())) == [RELAYED]
    assert messengers.l2.read("paused") is False


@pytest.mark.parametrize("code", [REVERT, STOP, b""], ids=["reverts", "returns nothing", "is not there"])
def test_a_portal_that_does_not_answer_counts_as_paused(messengers: Messengers, code: bytes) -> None:
    set_code(messengers.l1, REVERT)
    messengers.send_to_l1()
    set_code(messengers.l1, STOP)
    messengers.l1.evm.state.set_code(Address(messengers.rollup.portal.address), code)

    assert not relay(messengers.l1, first_message()).success
    for name in ("L1CrossDomainMessenger", "L1StandardBridge", "L1ERC721Bridge"):
        assert not messengers.rollup.l1.contract(name).send("paused", sender=USER).success


def test_the_messengers_know_each_other_by_all_names(messengers: Messengers) -> None:
    l1, l2 = messengers.l1, messengers.l2

    for method in ("otherMessenger", "OTHER_MESSENGER"):
        assert l1.read(method) == "0x" + L2_CROSS_DOMAIN_MESSENGER.hex()
        assert l2.read(method) == "0x" + l1.address.hex()
    for method in ("portal", "PORTAL"):
        assert l1.read(method) == "0x" + messengers.rollup.portal.address.hex()
    assert l2.read("l1CrossDomainMessenger") == "0x" + l1.address.hex()
    assert l1.read("MESSAGE_VERSION") == 1


@pytest.mark.parametrize("name", ["L1CrossDomainMessenger", "L1StandardBridge", "L1ERC721Bridge"])
def test_nobody_initializes_again(messengers: Messengers, name: str) -> None:
    contract = messengers.rollup.l1.contract(name)
    arguments = (USER,) if name == "L1ERC721Bridge" else (USER, USER)

    assert not contract.send("initialize", *arguments, sender=USER).success
