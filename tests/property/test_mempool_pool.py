"""
Random lives of the pool: nonce order a sender, limits, best tip first, and nothing that was taken in vanishes.

A transaction that is in is in the pool, in a block, or ended with a reason, at every moment.
"""

from collections.abc import Callable

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sequencer.execution.interface import InvalidReason, Outcome
from sequencer.mempool.admission import AdmissionRules
from sequencer.mempool.decoder import Decoded
from sequencer.mempool.errors import AdmissionError
from sequencer.mempool.pool import Pool, PoolLimits
from sequencer.mempool.pool_entry import Entry, Stage
from sequencer.mempool.statuses import TransactionState
from sequencer.primitives.transaction import Transaction
from tests.factories import CHAIN_ID, GWEI, make_transaction, private_key
from tests.unit.mempool.chain_view import FakeChain, deferred, included, invalid

LIMITS = PoolLimits(max_transactions=8, max_per_sender=5, lifetime_seconds=50, max_attempts=2)
RULES = AdmissionRules(chain_id=CHAIN_ID, max_nonces_ahead=20)
SENDERS = 3

OUTCOMES: list[Callable[[Transaction], Outcome]] = [
    included,
    included,
    deferred,
    lambda transaction: invalid(transaction, InvalidReason.INSUFFICIENT_FUNDS),
    lambda transaction: invalid(transaction, InvalidReason.SENDER_HAS_CODE),
]


class PoolLife(RuleBasedStateMachine):
    """A pool, a chain, and a set of everything that was ever taken in."""

    def __init__(self) -> None:
        super().__init__()
        self.chain = FakeChain()
        self.ended: dict[bytes, str] = {}
        self.accepted: dict[bytes, Transaction] = {}
        self.in_flight: list[Transaction] = []
        self.open_block: list[Transaction] = []
        self.now = 0.0
        self.pool = Pool(
            RULES,
            LIMITS,
            on_ended=self.end,
            is_included=lambda transaction_hash: self.chain.included_in(transaction_hash) is not None,
        )

    def end(self, transaction: Transaction, state: TransactionState, reason: str) -> None:
        assert transaction.hash not in self.ended, "ended twice"
        assert reason
        self.ended[transaction.hash] = reason

    @rule(
        sender=st.integers(0, SENDERS - 1),
        ahead=st.integers(0, 3),
        tip=st.integers(1, 5),
        room=st.integers(0, 5),
    )
    def submit(self, sender: int, ahead: int, tip: int, room: int) -> None:
        account = self.chain.state.accounts[make_transaction(key=private_key(sender)).sender]
        transaction = make_transaction(
            key=private_key(sender),
            nonce=account.nonce + ahead,
            max_priority_fee_per_gas=tip * GWEI,
            max_fee_per_gas=(tip + room) * GWEI,
        )
        try:
            self.pool.insert(Decoded(transaction, 1), self.chain.head(), self.now)
        except AdmissionError:
            return
        self.accepted[transaction.hash] = transaction
        self.ended.pop(transaction.hash, None)

    @precondition(lambda self: not self.in_flight)
    @rule(limit=st.integers(1, 5), gas=st.integers(1, 6))
    def take(self, limit: int, gas: int) -> None:
        ready = self.ready_by_hand()
        taken = self.pool.take(base_fee=self.chain.base_fee, gas_budget=gas * 21_000, limit=limit, max_bytes=100_000)

        assert len(taken) == len(set(taken)) <= min(limit, gas)
        if taken and not any(entry.front is not None for entry in ready):
            best = max(entry.transaction.effective_tip(self.chain.base_fee) for entry in ready)
            assert taken[0].effective_tip(self.chain.base_fee) == best
        assert bool(taken) == bool(ready)
        self.in_flight = taken

    @precondition(lambda self: self.in_flight)
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        outcomes: list[Outcome] = []
        broken: set[bytes] = set()
        for transaction in self.in_flight:
            if transaction.sender in broken:
                outcomes.append(invalid(transaction, InvalidReason.NONCE_TOO_HIGH))
                continue
            made = data.draw(st.sampled_from(OUTCOMES))(transaction)
            outcomes.append(made)
            if made == included(transaction):
                self.open_block.append(transaction)
            else:
                broken.add(transaction.sender)
        self.in_flight = []
        self.pool.settle(outcomes, block_number=1, slice_index=0, first_index=0)

    @precondition(lambda self: not self.in_flight)
    @rule(base_fee=st.integers(1, 6))
    def seal(self, base_fee: int) -> None:
        block, self.open_block = self.open_block, []
        self.chain.base_fee = base_fee * GWEI
        self.chain.seal(block)
        self.pool.seal(block, self.chain.head())

    @rule()
    def abandon(self) -> None:
        self.pool.give_up_open_block()
        self.in_flight, self.open_block = [], []

    @precondition(lambda self: len(self.chain.blocks) > 1)
    @rule(depth=st.integers(1, 3))
    def unwind(self, depth: int) -> None:
        self.abandon()
        removed = self.chain.unwind(max(0, len(self.chain.blocks) - 1 - depth))
        for transaction in removed:
            self.ended.pop(transaction.hash, None)
        self.pool.put_back([Decoded(item, 1) for item in removed], self.chain.head(), self.now, "unwound")
        self.pool.shrink(self.chain.base_fee)

    @rule(seconds=st.integers(1, 40))
    def wait(self, seconds: int) -> None:
        self.now += seconds
        self.pool.expire(self.now, self.chain.base_fee)

    def ready_by_hand(self) -> list[Entry]:
        """Entries that can be taken, by the simplest definition."""
        ready = []
        for transaction in self.accepted.values():
            entry = self.pool.get(transaction.hash)
            if entry is None or entry.stage is not Stage.WAITING or entry.parked is not None:
                continue
            queue = self.pool.queue(transaction.sender)
            assert queue is not None
            below = [other for nonce, other in queue.entries.items() if nonce < transaction.nonce]
            account = self.chain.state.accounts[transaction.sender]
            is_next = transaction.nonce == account.nonce + len(below)
            is_affordable = transaction.max_fee_per_gas >= self.chain.base_fee
            if is_next and is_affordable and all(other.stage is not Stage.WAITING for other in below):
                ready.append(entry)
        return ready

    @invariant()
    def nothing_vanishes(self) -> None:
        for transaction_hash in self.accepted:
            places = [
                self.pool.get(transaction_hash) is not None,
                self.chain.included_in(transaction_hash) is not None,
                transaction_hash in self.ended,
            ]
            assert sum(places) == 1, places

    @invariant()
    def taken_transactions_are_in_nonce_order(self) -> None:
        expected = {address: account.nonce for address, account in self.chain.state.accounts.items()}
        for transaction in self.open_block + self.in_flight:
            assert transaction.nonce == expected[transaction.sender]
            expected[transaction.sender] += 1

    @invariant()
    def limits_hold(self) -> None:
        waiting = [self.pool.get(key) for key in self.accepted]
        present = [entry for entry in waiting if entry is not None]
        assert len(self.pool) == len(present)
        assert self.pool.size_bytes == sum(len(entry.transaction.raw) for entry in present)
        assert len(self.pool) <= LIMITS.max_transactions


TestPoolLife = PoolLife.TestCase
TestPoolLife.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
