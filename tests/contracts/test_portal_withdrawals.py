"""OptimismPortal's withdrawals on the EVM, from the message on L2 to the call on L1. Spec: withdrawals.md."""

import dataclasses
from dataclasses import dataclass, field

import pytest
from eth_hash.auto import keccak
from eth_typing import Address

from contracts.genesis import L2_TO_L1_MESSAGE_PASSER
from contracts.preinstalls import MULTICALL3
from tests.contracts.evm import Contract, address_topic, encode_method, selector, topic
from tests.contracts.rollup import WAIT_SECONDS, Rollup, Withdrawal
from tests.contracts.world import CHALLENGER, ETHER, GUARDIAN, OTHER, PROPOSER, USER, L1World

RECORDER = OTHER[::-1]
RECORDER_CODE = "639bf62d825f5260205f6004601c73{portal}5afa505f515f5500"
"""Calls `portal.l2Sender()` and stores what it returns in slot 0."""


@dataclass(slots=True)
class Bridge(Rollup):
    """Both chains, and the withdrawals that were passed."""

    withdrawals: list[Withdrawal] = field(default_factory=list)


def make_bridge(*messages: tuple[bytes, int, int, bytes]) -> Bridge:
    """Pass messages (target, value, gas limit, data) on L2 and propose the output that holds them."""
    bridge = Bridge()
    passer = Contract(bridge.l2.evm, "L2ToL1MessagePasser", L2_TO_L1_MESSAGE_PASSER)
    for target, value, gas_limit, data in messages:
        passed = passer.send("initiateWithdrawal", target, gas_limit, data, sender=USER, value=value)
        bridge.withdrawals += bridge.withdrawals_of(passed)
    bridge.l1.evm.fund(bridge.portal.address, 100 * ETHER)
    bridge.propose()
    return bridge


@pytest.fixture
def bridge() -> Bridge:
    return make_bridge((OTHER, 3 * ETHER, 100_000, b""), (OTHER, 5 * ETHER, 100_000, b"\x01"))


def proved(bridge: Bridge) -> Withdrawal:
    withdrawal = bridge.withdrawals[0]
    assert bridge.prove(withdrawal).success
    return withdrawal


def test_a_withdrawal_is_proven_then_paid(bridge: Bridge) -> None:
    withdrawal = bridge.withdrawals[0]
    before = bridge.l1.evm.balance(OTHER)

    proven = bridge.prove(withdrawal)
    bridge.wait()
    finalized = bridge.finalize(withdrawal)

    assert proven.logs[0].topics == (
        topic("WithdrawalProven(bytes32,address,address)"),
        withdrawal.hash(),
        address_topic(USER),
        address_topic(OTHER),
    )
    assert finalized.logs[0].topics == (topic("WithdrawalFinalized(bytes32,bool)"), withdrawal.hash())
    assert finalized.logs[0].data == (1).to_bytes(32, "big")
    assert bridge.l1.evm.balance(OTHER) == before + 3 * ETHER
    assert bridge.portal.read("finalizedWithdrawals", withdrawal.hash()) is True


def test_what_was_proven_can_be_read(bridge: Bridge) -> None:
    withdrawal = proved(bridge)

    root = keccak(b"".join(bridge.parts()))
    assert bridge.portal.read("provenWithdrawals", withdrawal.hash()) == (root, bridge.l1.evm.block.timestamp, 0)
    assert bridge.portal.read("provenWithdrawals", bytes(32)) == (bytes(32), 0, 0)


@pytest.mark.parametrize(
    "change",
    [{"value": 4 * ETHER}, {"target": USER}, {"sender": OTHER}, {"gas_limit": 1}, {"nonce": 0}, {"data": b"\x02"}],
    ids=lambda change: str(next(iter(change))),
)
def test_a_changed_withdrawal_is_not_proven(bridge: Bridge, change: dict[str, object]) -> None:
    original = bridge.withdrawals[0]
    changed = dataclasses.replace(original, **change)  # type: ignore[arg-type]

    result = bridge.portal.send(
        "proveWithdrawalTransaction", changed.fields(), 0, bridge.parts(), bridge.proof(original), sender=USER
    )

    assert not result.success
    assert bridge.prove(original).success


def test_a_withdrawal_that_was_not_passed_is_not_proven(bridge: Bridge) -> None:
    never = dataclasses.replace(bridge.withdrawals[0], nonce=77)

    assert not bridge.prove(never).success


@pytest.mark.parametrize("position", range(4))
def test_every_part_of_the_output_root_counts(bridge: Bridge, position: int) -> None:
    parts = list(bridge.parts())
    parts[position] = b"\x99" * 32
    withdrawal = bridge.withdrawals[0]

    result = bridge.portal.send(
        "proveWithdrawalTransaction", withdrawal.fields(), 0, tuple(parts), bridge.proof(withdrawal), sender=USER
    )

    assert result.reason == "OptimismPortal: invalid output root proof"


def test_an_output_that_does_not_exist_proves_nothing(bridge: Bridge) -> None:
    withdrawal = bridge.withdrawals[0]

    result = bridge.portal.send(
        "proveWithdrawalTransaction", withdrawal.fields(), 1, bridge.parts(), bridge.proof(withdrawal), sender=USER
    )

    assert not result.success


def test_the_portal_is_no_target() -> None:
    portal = L1World().addresses["OptimismPortal"]
    bridge = make_bridge((portal, 0, 100_000, b""))

    assert bridge.prove(bridge.withdrawals[0]).output == selector("BadTarget()")


def test_a_second_proof_does_not_restart_the_wait(bridge: Bridge) -> None:
    withdrawal = proved(bridge)

    assert bridge.prove(withdrawal).reason == "OptimismPortal: withdrawal hash has already been proven"


def test_a_withdrawal_is_proven_again_when_its_output_changed(bridge: Bridge) -> None:
    withdrawal = proved(bridge)
    bridge.oracle.send("deleteL2Outputs", 0, sender=CHALLENGER)
    bridge.oracle.send("proposeL2Output", b"\x01" * 32, 20, bytes(32), 0, sender=PROPOSER)
    bridge.propose()
    bridge.wait()

    refused = bridge.finalize(withdrawal)
    assert refused.reason == "OptimismPortal: output root proven is not the same as current output root"
    assert bridge.prove(withdrawal, index=1).success


def test_a_deleted_output_pays_nothing(bridge: Bridge) -> None:
    withdrawal = proved(bridge)
    bridge.oracle.send("deleteL2Outputs", 0, sender=CHALLENGER)
    bridge.wait()

    result = bridge.finalize(withdrawal)

    assert result.reason == "OptimismPortal: output root proven is not the same as current output root"


def test_nothing_is_paid_without_a_proof(bridge: Bridge) -> None:
    bridge.wait()

    assert bridge.finalize(bridge.withdrawals[0]).reason == "OptimismPortal: withdrawal has not been proven yet"


def test_the_proof_waits_its_whole_period(bridge: Bridge) -> None:
    bridge.wait(1000)
    withdrawal = proved(bridge)
    bridge.wait(WAIT_SECONDS - 1)

    refused = bridge.finalize(withdrawal)
    assert refused.reason == "OptimismPortal: proven withdrawal finalization period has not elapsed"
    bridge.wait(1)
    assert bridge.finalize(withdrawal).success


def test_nothing_is_paid_twice(bridge: Bridge) -> None:
    withdrawal = proved(bridge)
    bridge.wait()
    assert bridge.finalize(withdrawal).success

    assert bridge.finalize(withdrawal).reason == "OptimismPortal: withdrawal has already been finalized"


def test_a_failed_call_is_final_and_its_ether_stays() -> None:
    bridge = make_bridge((MULTICALL3, ETHER, 100_000, b"\xff\xff\xff\xff"))
    withdrawal = proved(bridge)
    bridge.wait()

    result = bridge.finalize(withdrawal)

    assert result.success
    assert result.logs[-1].data == bytes(32)
    assert bridge.l1.evm.balance(bridge.portal.address) == 100 * ETHER
    assert not bridge.finalize(withdrawal).success


def test_a_withdrawal_can_not_finalize_another_one() -> None:
    portal = L1World().addresses["OptimismPortal"]
    inner = make_bridge((OTHER, ETHER, 50_000, b"")).withdrawals[0]
    nested = encode_method("OptimismPortal", "finalizeWithdrawalTransaction", inner.fields())
    call = encode_method("Multicall3", "aggregate3", [(portal, False, nested)])
    bridge = make_bridge((OTHER, ETHER, 50_000, b""), (MULTICALL3, 0, 500_000, call))
    assert bridge.withdrawals[0] == inner
    for withdrawal in bridge.withdrawals:
        assert bridge.prove(withdrawal).success
    bridge.wait()

    assert bridge.finalize(bridge.withdrawals[1]).logs[-1].data == bytes(32)
    assert bridge.portal.read("finalizedWithdrawals", inner.hash()) is False
    assert bridge.finalize(inner).logs[-1].data == (1).to_bytes(32, "big")


def test_the_target_learns_the_sender_on_l2_and_only_then() -> None:
    bridge = make_bridge((RECORDER, 0, 200_000, b""))
    code = bytes.fromhex(RECORDER_CODE.format(portal=bridge.portal.address.hex()))
    bridge.l1.evm.state.set_code(Address(RECORDER), code)
    withdrawal = proved(bridge)
    bridge.wait()

    assert bridge.finalize(withdrawal).logs[-1].data == (1).to_bytes(32, "big")

    assert bridge.l1.evm.storage(RECORDER, 0) == int.from_bytes(USER, "big")
    assert bridge.portal.read("l2Sender") == "0x" + "00" * 18 + "dead"


def test_too_little_gas_to_keep_the_promise_changes_nothing(bridge: Bridge) -> None:
    withdrawal = proved(bridge)
    bridge.wait()

    assert not bridge.finalize(withdrawal, gas=150_000).success
    assert bridge.finalize(withdrawal, gas=400_000).success


def test_an_estimate_does_not_settle_for_a_failing_call() -> None:
    bridge = make_bridge((MULTICALL3, 0, 100_000, b"\xff\xff\xff\xff"))
    withdrawal = proved(bridge)
    bridge.wait()

    result = bridge.portal.send(
        "finalizeWithdrawalTransaction", withdrawal.fields(), sender=USER, origin=(1).to_bytes(20, "big")
    )

    assert result.output == selector("GasEstimation()")


def test_guardian_pauses_withdrawals_but_not_deposits(bridge: Bridge) -> None:
    withdrawal = proved(bridge)
    bridge.wait()
    assert bridge.portal.send("pause", sender=GUARDIAN).success
    assert bridge.portal.read("paused") is True

    assert not bridge.finalize(withdrawal).success
    assert not bridge.prove(bridge.withdrawals[1]).success
    assert bridge.portal.send("depositTransaction", OTHER, 0, 100_000, False, b"", sender=USER).success
    assert bridge.portal.send("unpause", sender=GUARDIAN).success
    assert bridge.finalize(withdrawal).success


def test_only_the_guardian_pauses(bridge: Bridge) -> None:
    assert bridge.portal.send("pause", sender=USER).output == selector("Unauthorized()")
    bridge.portal.send("pause", sender=GUARDIAN)
    assert bridge.portal.send("unpause", sender=USER).output == selector("Unauthorized()")


def test_an_output_is_final_after_the_period(bridge: Bridge) -> None:
    assert bridge.portal.read("isOutputFinalized", 0) is False
    bridge.wait()
    assert bridge.portal.read("isOutputFinalized", 0) is True
