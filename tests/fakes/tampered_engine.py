"""An engine that does what another one does, but for what a test changes: how engines that disagree look."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from sequencer.execution.access_list import AccessHints, BlockAccesses, TransactionAccess
from sequencer.execution.environment import BlockEnvironment
from sequencer.execution.interface import (
    CallMessage,
    CallResult,
    Engine,
    Included,
    OpenBlock,
    Outcome,
    Overrides,
    SealedBlock,
)
from sequencer.primitives.account import Account
from sequencer.primitives.block import AnyTransaction
from sequencer.primitives.header import Header
from sequencer.primitives.receipt import Receipt
from sequencer.state.changes import StateChanges
from sequencer.state.commitment import StateCommitment, TrieUpdate
from sequencer.state.flat import encode_account
from sequencer.state.reader import StateReader

Tamper = Callable[[Outcome], Outcome]

WITNESS = b"\xee" * 20
"""The account that a tampered state holds too much of."""


def change_receipt(change: Callable[[Receipt], Receipt]) -> Tamper:
    """Changes the receipt of everything that is included."""

    def tamper(outcome: Outcome) -> Outcome:
        return replace(outcome, receipt=change(outcome.receipt)) if isinstance(outcome, Included) else outcome

    return tamper


class TamperedEngine:
    """See the module; counts blocks that were opened and given up, and keeps the hints that it got."""

    def __init__(self, below: Engine, tamper: Tamper = lambda outcome: outcome, *, has_witness: bool = False) -> None:
        """`has_witness` leaves outcomes as they are, and lets the block's last transaction pay WITNESS one wei."""
        self.below = below
        self.tamper = tamper
        self.has_witness = has_witness
        self.opened = 0
        self.abandoned = 0
        self.is_closed = False
        self.hints: list[AccessHints] = []

    def open_block(self, parent: Header, environment: BlockEnvironment, state: StateReader) -> "TamperedOpenBlock":
        self.opened += 1
        return TamperedOpenBlock(self, self.below.open_block(parent, environment, state))

    def call(
        self, environment: BlockEnvironment, state: StateReader, message: CallMessage, overrides: Overrides
    ) -> CallResult:
        raise AssertionError("the second engine is not asked for calls")

    def expect(self, hints: AccessHints) -> None:
        self.hints.append(hints)

    def close(self) -> None:
        self.is_closed = True
        self.below.close()


class TamperedOpenBlock:
    """A block of TamperedEngine."""

    def __init__(self, engine: TamperedEngine, below: OpenBlock) -> None:
        self._engine = engine
        self._below = below

    def apply(self, transactions: Sequence[AnyTransaction]) -> list[Outcome]:
        return [self._engine.tamper(outcome) for outcome in self._below.apply(transactions)]

    def view(self) -> StateReader:
        return self._below.view()

    def system_call(self, contract: bytes, data: bytes) -> bytes:
        return self._below.system_call(contract, data) + b"\x01" * self._engine.has_witness

    def credit(self, address: bytes, wei: int) -> None:
        self._below.credit(address, wei)

    def accesses(self) -> BlockAccesses:
        below = self._below.accesses()
        return BlockAccesses(len(below), lambda: _with_witness(below)) if self._engine.has_witness else below

    def seal(self, commitment: StateCommitment) -> SealedBlock:
        if not self._engine.has_witness:
            return self._below.seal(commitment)
        return replace(self._below.seal(WitnessCommitment(commitment)), accesses=self.accesses())

    def abandon(self) -> None:
        self._engine.abandoned += 1
        self._below.abandon()


def _with_witness(below: BlockAccesses) -> list[TransactionAccess]:
    entries = list(below.by_index())
    entries[-2] = replace(entries[-2], writes=(*entries[-2].writes, (b"a" + WITNESS, encode_account(Account(0, 1)))))
    return entries


class WitnessCommitment:
    """A StateCommitment of a state that holds WITNESS besides."""

    def __init__(self, below: StateCommitment) -> None:
        self._below = below

    def compute(self, changes: StateChanges) -> TrieUpdate:
        accounts = {**changes.accounts, WITNESS: Account(balance=1)}
        return self._below.compute(StateChanges(accounts, changes.storage, changes.codes, changes.wiped))

    def storage_root(self, address: bytes) -> bytes:
        return self._below.storage_root(address)
