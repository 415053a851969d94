"""Proofs of withdrawals that are wrong in one thing, each beside the one that is right. Spec: withdrawals.md."""

import functools
from collections.abc import Callable

import pytest
import rlp
from eth_hash.auto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.genesis import IMPLEMENTATION_SLOT, L2_TO_L1_MESSAGE_PASSER
from tests.contracts.evm import Contract, Result
from tests.contracts.rollup import MESSAGE_NONCE_SLOT, Rollup, Withdrawal
from tests.contracts.world import OTHER, USER


def make_rollup(count: int = 40) -> tuple[Rollup, list[Withdrawal]]:
    """Pass withdrawals, so many that the trie is more than one node deep, and propose the output that holds them."""
    rollup = Rollup()
    passer = Contract(rollup.l2.evm, "L2ToL1MessagePasser", L2_TO_L1_MESSAGE_PASSER)
    withdrawals: list[Withdrawal] = []
    for number in range(count):
        passed = passer.send("initiateWithdrawal", OTHER, 100_000, bytes([number]), sender=USER)
        withdrawals += rollup.withdrawals_of(passed)
    rollup.propose()
    return rollup, withdrawals


@functools.cache
def shared() -> tuple[Rollup, list[Withdrawal]]:
    """Return one pair for all examples: none of them proves anything, so none changes it."""
    return make_rollup()


@pytest.fixture
def made() -> tuple[Rollup, list[Withdrawal]]:
    return shared()


def prove(rollup: Rollup, withdrawal: Withdrawal, proof: list[bytes], index: int = 0) -> Result:
    return rollup.portal.send(
        "proveWithdrawalTransaction", withdrawal.fields(), index, rollup.parts(), proof, sender=USER
    )


def nodes_to(rollup: Rollup, slot: int) -> list[bytes]:
    """Return the trie nodes to another slot of the message passer."""
    nodes = rollup.trie.get_proof(keccak(slot.to_bytes(32, "big")))
    return [rlp.encode(node) for node in nodes]  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("slot", [MESSAGE_NONCE_SLOT, IMPLEMENTATION_SLOT])
def test_another_slot_proves_nothing(made: tuple[Rollup, list[Withdrawal]], slot: int) -> None:
    rollup, withdrawals = made

    assert not prove(rollup, withdrawals[0], nodes_to(rollup, slot)).success


def test_the_proof_of_another_withdrawal_proves_nothing(made: tuple[Rollup, list[Withdrawal]]) -> None:
    rollup, (first, second, *_) = made

    assert not prove(rollup, first, rollup.proof(second)).success


def _cut_last(proof: list[bytes]) -> list[bytes]:
    return [*proof[:-1], proof[-1][:-1]]


def _cut_root(proof: list[bytes]) -> list[bytes]:
    return [proof[0][:-1], *proof[1:]]


def _flip_bit(proof: list[bytes]) -> list[bytes]:
    return [*proof[:-1], proof[-1][:-1] + bytes([proof[-1][-1] ^ 1])]


BROKEN: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "no node": lambda proof: [],
    "the leaf is missing": lambda proof: proof[:-1],
    "the root is missing": lambda proof: proof[1:],
    "the leaf is cut short": _cut_last,
    "the root is cut short": _cut_root,
    "a bit is flipped": _flip_bit,
    "a node twice": lambda proof: [proof[0], *proof],
    "a node behind the leaf": lambda proof: [*proof, proof[-1]],
    "empty nodes": lambda proof: [b"" for _ in proof],
    "backwards": lambda proof: proof[::-1],
    "nodes that are no lists": lambda proof: [b"\x80", *proof[1:]],
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_proof_proves_nothing(made: tuple[Rollup, list[Withdrawal]], broken: str) -> None:
    rollup, withdrawals = made
    proof = rollup.proof(withdrawals[0])
    assert len(proof) > 2

    result = prove(rollup, withdrawals[0], BROKEN[broken](proof))

    assert not result.success
    assert rollup.portal.read("provenWithdrawals", withdrawals[0].hash()) == (bytes(32), 0, 0)


def test_the_unbroken_proof_proves() -> None:
    rollup, withdrawals = make_rollup()

    assert prove(rollup, withdrawals[0], rollup.proof(withdrawals[0])).success
    again = prove(rollup, withdrawals[0], rollup.proof(withdrawals[0]))
    assert again.reason == "OptimismPortal: withdrawal hash has already been proven"


def test_a_proof_is_for_the_output_that_it_names() -> None:
    rollup, withdrawals = make_rollup()
    passer = Contract(rollup.l2.evm, "L2ToL1MessagePasser", L2_TO_L1_MESSAGE_PASSER)
    (later,) = rollup.withdrawals_of(passer.send("initiateWithdrawal", OTHER, 1, b"later", sender=USER))
    rollup.wait(20)
    rollup.propose()

    wrong_output = prove(rollup, later, rollup.proof(later), index=0)
    old_nodes = prove(rollup, withdrawals[0], rollup.proof(withdrawals[0], 0), index=1)

    assert wrong_output.reason == "OptimismPortal: invalid output root proof"
    assert not old_nodes.success
    assert rollup.prove(later, index=1).success


@settings(max_examples=150, deadline=None)
@given(node=st.integers(0, 9), place=st.integers(0, 600), value=st.integers(0, 255), keep=st.integers(0, 600))
def test_no_damage_to_a_proof_goes_through(node: int, place: int, value: int, keep: int) -> None:
    """Every byte of a proof counts: any change of one, or any cut, is refused."""
    rollup, withdrawals = shared()
    proof = rollup.proof(withdrawals[0])
    index = node % len(proof)
    damaged = bytearray(proof[index])
    damaged[place % len(damaged)] = value
    changed = [*proof[:index], bytes(damaged[: keep or None]), *proof[index + 1 :]]

    if changed != proof:
        assert not prove(rollup, withdrawals[0], changed).success
