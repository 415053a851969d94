"""
An engine for tests of what stands above execution: value moves, nonces count, every transaction uses 21,000 gas.

No fees, no EVM: a transaction's data of 64 bytes sets one slot of the recipient's storage (slot 32 | value 32), and a
recipient of all zeros destroys the sender's account. State roots are real, so commits, proofs and unwinding are.
"""

from collections.abc import Sequence

from eth_hash.auto import keccak

from l1_bridge.ordered_trie import ordered_trie_root
from sequencer.execution.access_list import BlockAccesses, TransactionAccess
from sequencer.execution.environment import BlockEnvironment
from sequencer.execution.interface import (
    CallMessage,
    CallResult,
    Deferred,
    Included,
    Invalid,
    InvalidReason,
    Outcome,
    Overrides,
    SealedBlock,
    SystemCallFailed,
)
from sequencer.primitives.account import EMPTY_TRIE_ROOT, Account
from sequencer.primitives.block import AnyTransaction, make_block
from sequencer.primitives.deposit import DepositTransaction
from sequencer.primitives.header import Header
from sequencer.primitives.predeploys import MESSAGE_PASSER
from sequencer.primitives.receipt import Receipt, compute_logs_bloom
from sequencer.state.changes import ChangesOver, StateChanges
from sequencer.state.commitment import StateCommitment
from sequencer.state.reader import StateReader

GAS = 21_000
DESTROY = bytes(20)


class FakeOpenBlock:
    """A block of transfers."""

    def __init__(self, environment: BlockEnvironment, state: StateReader) -> None:
        self._environment = environment
        self._below = state
        self._accounts: dict[bytes, Account | None] = {}
        self._storage: dict[bytes, dict[int, int]] = {}
        self._included: list[Included] = []

    def apply(self, transactions: Sequence[AnyTransaction]) -> list[Outcome]:
        return [self._apply_one(transaction) for transaction in transactions]

    def view(self) -> StateReader:
        return ChangesOver(self._changes(), self._below)

    def system_call(self, contract: bytes, data: bytes) -> bytes:
        raise SystemCallFailed(contract, "this engine runs no code")

    def credit(self, address: bytes, wei: int) -> None:
        account = self.view().account(address) or Account()
        self._accounts[address] = Account(account.nonce, account.balance + wei, account.code_hash)

    def accesses(self) -> BlockAccesses:
        count = len(self._included)
        return BlockAccesses(count, lambda: [TransactionAccess()] * (count + 2))

    def seal(self, commitment: StateCommitment) -> SealedBlock:
        changes = self._changes()
        update = commitment.compute(changes)
        passer_root = update.storage_roots.get(MESSAGE_PASSER) or commitment.storage_root(MESSAGE_PASSER)
        environment = self._environment
        receipts = tuple(outcome.receipt for outcome in self._included)
        header = Header(
            parent_hash=environment.parent_hash,
            fee_recipient=environment.fee_recipient,
            state_root=update.state_root,
            transactions_root=ordered_trie_root([outcome.transaction.raw for outcome in self._included]),
            receipts_root=ordered_trie_root([receipt.encode() for receipt in receipts]),
            logs_bloom=compute_logs_bloom(()),
            number=environment.number,
            gas_limit=environment.gas_limit,
            gas_used=GAS * len(receipts),
            timestamp=environment.timestamp,
            extra_data=environment.extra_data,
            prev_randao=environment.prev_randao,
            base_fee_per_gas=environment.base_fee_per_gas,
            withdrawals_root=passer_root if environment.rules.is_optimism else EMPTY_TRIE_ROOT,
            parent_beacon_block_root=environment.parent_beacon_block_root,
        )
        block = make_block(header, tuple(outcome.transaction for outcome in self._included))
        return SealedBlock(block=block, receipts=receipts, changes=changes, trie=update, accesses=self.accesses())

    def abandon(self) -> None:
        """Nothing is held."""

    def _changes(self) -> StateChanges:
        storage = {address: dict(slots) for address, slots in self._storage.items()}
        return StateChanges(accounts=dict(self._accounts), storage=storage)

    def _apply_one(self, transaction: AnyTransaction) -> Outcome:
        view = self.view()
        sender = view.account(transaction.sender) or Account()
        if GAS * (len(self._included) + 1) > self._environment.gas_limit:
            return Deferred(transaction)
        balance = sender.balance
        if isinstance(transaction, DepositTransaction):
            balance += transaction.mint
        elif transaction.nonce != sender.nonce:
            is_low = transaction.nonce < sender.nonce
            return Invalid(transaction, InvalidReason.NONCE_TOO_LOW if is_low else InvalidReason.NONCE_TOO_HIGH)
        elif balance < transaction.value:
            return Invalid(transaction, InvalidReason.INSUFFICIENT_FUNDS)
        value = min(transaction.value, balance)
        self._accounts[transaction.sender] = Account(sender.nonce + 1, balance - value, sender.code_hash)
        self._give(transaction, value)
        receipt = Receipt(transaction.type, 1, GAS * (len(self._included) + 1), compute_logs_bloom(()), ())
        outcome = Included(transaction, receipt, GAS)
        self._included.append(outcome)
        return outcome

    def _give(self, transaction: AnyTransaction, value: int) -> None:
        target = transaction.to or keccak(transaction.hash)[12:]
        if target == DESTROY:
            self._accounts[transaction.sender] = None
            self._storage.pop(transaction.sender, None)
            return
        account = self.view().account(target) or Account()
        self._accounts[target] = Account(account.nonce, account.balance + value, account.code_hash)
        if len(transaction.data) == 64:
            slot = int.from_bytes(transaction.data[:32], "big")
            self._storage.setdefault(target, {})[slot] = int.from_bytes(transaction.data[32:], "big")


class FakeEngine:
    """Opens blocks of transfers; calls echo their data."""

    def open_block(self, parent: Header, environment: BlockEnvironment, state: StateReader) -> FakeOpenBlock:
        assert environment.number == parent.number + 1
        return FakeOpenBlock(environment, state)

    def call(
        self, environment: BlockEnvironment, state: StateReader, message: CallMessage, overrides: Overrides
    ) -> CallResult:
        return CallResult(output=message.data, gas_used=GAS, error=None)

    def close(self) -> None:
        """Nothing is held."""
