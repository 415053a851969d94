"""
Any order of deposits, withdrawals, proofs, payments, replays and pauses leaves the books of both chains in balance.

The actions are what users, the proposer, the challenger and the guardian may do; the invariants are what a bridge
promises: custody covers what the other chain has, nothing is paid twice, and nothing at all while it is paused.
BRAID_BRIDGE_STORIES says how many random stories are told (12 in `make test`, 300 in `make test-long`).
"""

import os
import random
from collections import Counter
from dataclasses import replace

import pytest
from eth_typing import Address
from hypothesis import given, settings
from hypothesis import strategies as st

from l1_bridge.messages import CrossDomainMessage
from tests.contracts.bridges import GAS, make_bridges
from tests.contracts.evm import Result, topic
from tests.contracts.rollup import Withdrawal
from tests.contracts.world import CHALLENGER, ETHER, GUARDIAN, USER

STORIES = int(os.environ.get("BRAID_BRIDGE_STORIES", "12"))
RECEIVER = b"\x7a" * 20
"""Takes ether on L1 or refuses it, as an action says."""

RELAYED = topic("RelayedMessage(bytes32)")
FAILED = topic("FailedRelayedMessage(bytes32)")
FINALIZED = topic("WithdrawalFinalized(bytes32,bool)")
REFUSE, TAKE = bytes.fromhex("5f5ffd"), b"\x00"


class Books:
    """Both chains with one user who bridges ether and a token, and the books that must agree with them."""

    def __init__(self) -> None:
        self.bridges = make_bridges()
        self.rollup = self.bridges.rollup
        self.messenger = self.rollup.l1.contract("L1CrossDomainMessenger")
        self.bridges.allow()
        self.deposited = self.paid = 0
        self.passed: list[Withdrawal] = []
        self.held_by_output: list[int] = []
        """How many of the withdrawals each output holds."""
        self.done: Counter[tuple[bytes, bytes]] = Counter()
        self.is_paused = False

    def note(self, result: Result) -> None:
        """Count what was relayed or finalized."""
        self.done.update((log.topics[0], log.topics[1]) for log in result.logs if log.topics[0] in (RELAYED, FINALIZED))
        self.done.update((FAILED, b"") for log in result.logs if log.topics[0] == FAILED)
        assert not (result.success and self.is_paused), "done while paused"

    def deposit(self, amount: int) -> None:
        self.rollup.l1.evm.block.number += 1
        pair = (self.bridges.token.address, self.bridges.mintable.address)
        wei = amount * ETHER // 100
        self.rollup.deliver(self.bridges.l1.send("depositETHTo", USER, GAS, b"", sender=USER, value=wei))
        self.rollup.deliver(self.bridges.l1.send("depositERC20", *pair, amount, GAS, b"", sender=USER))
        self.deposited += wei

    def withdraw_ether(self, amount: int) -> None:
        # Never more than was bridged: the user also has ether of the L2 genesis.
        outstanding = self.deposited - sum(item.value for item in self.passed)
        to = RECEIVER if amount % 2 else USER
        value = outstanding * amount // 1000
        sent = self.bridges.l2.send("bridgeETHTo", to, GAS, b"", sender=USER, value=value)
        self.passed += self.rollup.withdrawals_of(sent)

    def withdraw_tokens(self, amount: int) -> None:
        before = self.bridges.mintable.read("balanceOf", USER)
        assert isinstance(before, int)
        sent = self.bridges.l2.send("withdraw", self.bridges.mintable.address, amount, GAS, b"", sender=USER)
        assert sent.success == (amount <= before)
        if sent.success:
            self.passed += self.rollup.withdrawals_of(sent)

    def prove_all(self, _: int) -> None:
        """Propose what there is, and prove it."""
        self.rollup.wait(20)
        self.rollup.propose()
        self.held_by_output.append(len(self.passed))
        for withdrawal in self.passed:
            self._prove(withdrawal, withdrawal, len(self.held_by_output) - 1)

    def prove_falsely(self, amount: int) -> None:
        """Try any withdrawal against any output, and one that claims more than was passed."""
        if self.passed and self.held_by_output:
            genuine = self.passed[amount % len(self.passed)]
            index = amount % len(self.held_by_output)
            self._prove(genuine, genuine, index)
            self._prove(replace(genuine, value=genuine.value + 1), genuine, index)

    def delete_outputs(self, amount: int) -> None:
        if self.held_by_output:
            index = amount % len(self.held_by_output)
            if self.rollup.oracle.send("deleteL2Outputs", index, sender=CHALLENGER).success:
                del self.held_by_output[index:], self.rollup.outputs[index:]

    def finalize_all(self, amount: int) -> None:
        self.rollup.wait(amount % 30)
        for withdrawal in self.passed:
            result = self.rollup.finalize(withdrawal)
            self.paid += withdrawal.value if result.success else 0
            self.note(result)

    def replay_all(self, _: int) -> None:
        for withdrawal in self.passed:
            message = CrossDomainMessage.decode_relay(withdrawal.data)
            self.note(self.rollup.l1.evm.call(self.messenger.address, message.encode_relay(), sender=USER))

    def change_receiver(self, amount: int) -> None:
        self.rollup.l1.evm.state.set_code(Address(RECEIVER), REFUSE if amount % 2 else TAKE)

    def pause_or_not(self, amount: int) -> None:
        self.is_paused = amount % 4 == 0
        self.rollup.portal.send("pause" if self.is_paused else "unpause", sender=GUARDIAN)

    def check(self) -> None:
        """Compare the books with both chains."""
        evm = self.rollup.l1.evm
        assert evm.balance(self.rollup.portal.address) == self.deposited - self.paid
        assert evm.balance(self.messenger.address) <= self.paid
        assert evm.balance(self.bridges.l1.address) == 0

        held, supply = self.bridges.held(), self.bridges.mintable.read("totalSupply")
        assert isinstance(held, int)
        assert isinstance(supply, int)
        assert held >= supply
        assert self.bridges.token.read("balanceOf", self.bridges.l1.address) == held

        assert all(count == 1 for (kind, _), count in self.done.items() if kind != FAILED)

    def _prove(self, claimed: Withdrawal, genuine: Withdrawal, index: int) -> None:
        result = self.rollup.portal.send(
            "proveWithdrawalTransaction",
            claimed.fields(),
            index,
            self.rollup.parts(index),
            self.rollup.proof(genuine, index),
            sender=USER,
        )
        if result.success:
            assert claimed == genuine
            assert self.passed.index(genuine) < self.held_by_output[index], "proven before an output held it"
        self.note(result)


ACTIONS = (
    *(Books.deposit, Books.withdraw_ether, Books.withdraw_tokens, Books.prove_all, Books.prove_falsely),
    *(Books.delete_outputs, Books.finalize_all, Books.replay_all, Books.change_receiver, Books.pause_or_not),
)


@pytest.mark.timeout(60 + 10 * STORIES)
@settings(max_examples=STORIES, deadline=None)
@given(story=st.lists(st.tuples(st.sampled_from(ACTIONS), st.integers(0, 1000)), min_size=5, max_size=25))
def test_the_books_stay_in_balance_in_any_story(story: list[tuple[object, int]]) -> None:
    books = Books()
    for action, amount in story:
        assert callable(action)
        action(books, amount)
        books.check()


@pytest.mark.parametrize("seed", [0, 2])
def test_the_books_stay_in_balance_in_a_long_story(seed: int) -> None:
    """Long enough that messages are paid, refused and paid after all: the story says that it was."""
    books, chance = Books(), random.Random(seed)
    for _ in range(100):
        chance.choice(ACTIONS)(books, chance.randrange(1001))
        books.check()

    kinds = Counter(kind for kind, _ in books.done)
    assert books.paid > 0
    assert kinds[RELAYED] > 2
    assert kinds[FINALIZED] > 2
    assert books.done[FAILED, b""] > 0
