"""L2ToL1MessagePasser and the fee vaults on the EVM. Spec: withdrawals.md, predeploys.md."""

import pytest
from eth_abi.abi import decode, encode
from eth_hash.auto import keccak

from contracts.genesis import (
    BASE_FEE_VAULT,
    L1_FEE_VAULT,
    L2_TO_L1_MESSAGE_PASSER,
    OPERATOR_FEE_VAULT,
    SEQUENCER_FEE_VAULT,
)
from contracts.parameters import WithdrawalNetwork
from tests.contracts.evm import Contract, address_topic, event_signature, topic, word
from tests.contracts.world import (
    BASE_RECIPIENT,
    ETHER,
    L1_RECIPIENT,
    OPERATOR_RECIPIENT,
    OTHER,
    SEQUENCER_RECIPIENT,
    USER,
    L2World,
)

MESSAGE_PASSED = "MessagePassed(uint256,address,address,uint256,uint256,bytes,bytes32)"
NONCE_VERSION = 1 << 240
VAULTS = [
    (SEQUENCER_FEE_VAULT, SEQUENCER_RECIPIENT),
    (BASE_FEE_VAULT, BASE_RECIPIENT),
    (L1_FEE_VAULT, L1_RECIPIENT),
    (OPERATOR_FEE_VAULT, OPERATOR_RECIPIENT),
]


@pytest.fixture
def passer() -> Contract:
    return Contract(L2World().evm, "L2ToL1MessagePasser", L2_TO_L1_MESSAGE_PASSER)


def withdrawal_hash(nonce: int, sender: bytes, target: bytes, value: int, gas_limit: int, data: bytes) -> bytes:
    types = ["uint256", "address", "address", "uint256", "uint256", "bytes"]
    return keccak(encode(types, [nonce, sender, target, value, gas_limit, data]))


def test_withdrawal_is_stored_and_announced(passer: Contract) -> None:
    result = passer.send("initiateWithdrawal", OTHER, 50_000, b"\x01\x02", sender=USER, value=9)

    expected = withdrawal_hash(NONCE_VERSION, USER, OTHER, 9, 50_000, b"\x01\x02")
    (log,) = result.logs
    assert event_signature("L2ToL1MessagePasser", "MessagePassed") == MESSAGE_PASSED
    assert log.topics == (topic(MESSAGE_PASSED), word(NONCE_VERSION), address_topic(USER), address_topic(OTHER))
    assert decode(["uint256", "uint256", "bytes", "bytes32"], log.data) == (9, 50_000, b"\x01\x02", expected)
    assert passer.read("sentMessages", expected) is True
    assert passer.evm.storage(passer.address, int.from_bytes(keccak(expected + bytes(32)), "big")) == 1


def test_equal_withdrawals_differ_by_their_nonce(passer: Contract) -> None:
    first = passer.send("initiateWithdrawal", OTHER, 1, b"", sender=USER)
    second = passer.send("initiateWithdrawal", OTHER, 1, b"", sender=USER)

    assert first.logs[0].data != second.logs[0].data
    assert passer.read("messageNonce") == NONCE_VERSION + 2


def test_what_was_not_sent_is_not_known(passer: Contract) -> None:
    assert passer.read("sentMessages", b"\x01" * 32) is False


def test_ether_sent_plainly_is_a_withdrawal_to_the_sender(passer: Contract) -> None:
    result = passer.evm.call(passer.address, sender=USER, value=4)

    assert result.logs[0].topics[2:] == (address_topic(USER), address_topic(USER))
    assert decode(["uint256", "uint256", "bytes", "bytes32"], result.logs[0].data)[:2] == (4, 100_000)


@pytest.mark.filterwarnings("ignore:SELFDESTRUCT:DeprecationWarning")
def test_withdrawn_ether_is_destroyed(passer: Contract) -> None:
    passer.evm.call(passer.address, sender=USER, value=5 * ETHER)

    result = passer.send("burn", sender=OTHER)

    assert result.success
    assert passer.evm.balance(passer.address) == 0
    assert result.logs[0].topics == (topic("WithdrawerBalanceBurnt(uint256)"), word(5 * ETHER))


@pytest.mark.parametrize(("vault", "recipient"), VAULTS)
def test_each_vault_pays_its_own_recipient(vault: bytes, recipient: bytes) -> None:
    evm = L2World().evm
    evm.fund(vault, 3 * ETHER)

    result = Contract(evm, "FeeVault", vault).send("withdraw", sender=OTHER)

    assert result.output == word(3 * ETHER)
    assert evm.balance(recipient) == 3 * ETHER
    assert evm.balance(vault) == 0
    assert Contract(evm, "FeeVault", vault).read("totalProcessed") == 3 * ETHER


def test_both_forms_of_the_payout_event_are_emitted() -> None:
    evm = L2World().evm
    evm.fund(L1_FEE_VAULT, ETHER)

    logs = Contract(evm, "FeeVault", L1_FEE_VAULT).send("withdraw", sender=OTHER).logs

    plain = encode(["uint256", "address", "address"], [ETHER, L1_RECIPIENT, OTHER])
    assert [(log.topics[0], log.data) for log in logs] == [
        (topic("Withdrawal(uint256,address,address)"), plain),
        (topic("Withdrawal(uint256,address,address,uint8)"), plain + word(1)),
    ]


def test_nothing_is_paid_out_below_the_minimum() -> None:
    evm = L2World().evm
    vault = Contract(evm, "FeeVault", BASE_FEE_VAULT)
    evm.fund(BASE_FEE_VAULT, ETHER - 1)

    assert not vault.send("withdraw", sender=OTHER).success
    evm.fund(BASE_FEE_VAULT, ETHER)
    assert vault.send("withdraw", sender=OTHER).success


def test_a_vault_can_pay_out_on_l1() -> None:
    evm = L2World(WithdrawalNetwork.L1).evm
    evm.fund(SEQUENCER_FEE_VAULT, 2 * ETHER)

    result = Contract(evm, "FeeVault", SEQUENCER_FEE_VAULT).send("withdraw", sender=OTHER)

    (passed,) = [log for log in result.logs if log.address == L2_TO_L1_MESSAGE_PASSER]
    assert passed.topics[2:] == (address_topic(SEQUENCER_FEE_VAULT), address_topic(SEQUENCER_RECIPIENT))
    assert evm.balance(L2_TO_L1_MESSAGE_PASSER) == 2 * ETHER
    assert evm.balance(SEQUENCER_RECIPIENT) == 0


def test_vault_settings_have_both_their_names() -> None:
    vault = Contract(L2World().evm, "FeeVault", OPERATOR_FEE_VAULT)

    assert vault.read("RECIPIENT") == vault.read("recipient") == "0x" + OPERATOR_RECIPIENT.hex()
    assert vault.read("MIN_WITHDRAWAL_AMOUNT") == vault.read("minWithdrawalAmount") == ETHER
    assert vault.read("WITHDRAWAL_NETWORK") == vault.read("withdrawalNetwork") == 1


def test_a_vault_can_not_be_initialized_by_anybody() -> None:
    evm = L2World().evm
    implementation = bytes.fromhex("c0d3" * 9 + "0011")

    for address in (SEQUENCER_FEE_VAULT, implementation):
        assert not Contract(evm, "FeeVault", address).send("initialize", USER, 0, 1, sender=USER).success
