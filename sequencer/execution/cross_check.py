"""
Two engines side by side: nothing comes out of a block but what both of them say (law 8).

    slice    outcomes of both are compared before they are returned
    seal     headers and receipts of both are compared before the block is returned
    calls    of users, and views of the open block, are the first engine's alone

When they differ somebody's result is wrong, and nobody here can know whose: both are kept, and the node stops. The
block's slices that both agreed on stay promised; the slice or block that they do not agree on was shown to nobody.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import zip_longest

from l1_bridge.errors import CriticalError
from sequencer.primitives.block import AnyTransaction
from sequencer.primitives.header import Header
from sequencer.state.changes import ChangeSet
from sequencer.state.commitment import StateCommitment, TrieUpdate
from sequencer.state.reader import StateReader

from .access_list import AccessHints, BlockAccesses, TakesHints, TransactionAccess
from .environment import BlockEnvironment
from .interface import CallMessage, CallResult, Engine, Included, OpenBlock, Outcome, Overrides, SealedBlock

Keys = Mapping[bytes, bytes]
"""Values by key of the flat state, as in `access_list`."""


@dataclass(frozen=True, slots=True)
class DivergingTransaction:
    """The first transaction that the engines do not agree on; `index` is the place in the block that it would have."""

    index: int
    transaction: AnyTransaction
    outcomes: tuple[Outcome | None, Outcome | None] = (None, None)
    """What each engine says, in the engines' order; both None when they agree on it and differ in state alone."""

    writes: tuple[Keys | None, Keys | None] = (None, None)
    """What it changed in the state by each engine; None when that was not looked at, or an engine can not tell."""


@dataclass(frozen=True, slots=True)
class Divergence:
    """Where two engines, named in order, part; pairs are in that order."""

    environment: BlockEnvironment
    engines: tuple[str, str]
    transaction: DivergingTransaction | None
    header: Mapping[str, tuple[object, object]]
    """Differing fields of the sealed header; empty when the block was not sealed."""

    system_call: tuple[bytes, bytes] | None = None
    """Outputs of a call of the protocol, when that is what differs."""


class EnginesDisagree(CriticalError):
    """Two engines made different things of the same input; `divergence` has both."""

    def __init__(self, divergence: Divergence) -> None:
        number, (first, second) = divergence.environment.number, divergence.engines
        found = divergence.transaction
        if found is not None:
            where = f"transaction 0x{found.transaction.hash.hex()} at index {found.index}"
        else:
            where = ", ".join(divergence.header) or "what the protocol itself did"
        super().__init__(f"engines {first} and {second} disagree on block {number}: {where}")
        self.divergence = divergence


@dataclass(frozen=True, slots=True)
class NamedEngine:
    """An engine and what it is called in messages."""

    name: str
    engine: Engine


class CrossCheckEngine:
    """Engine (see `interface`) that asks two, and takes what they agree on."""

    def __init__(self, first: NamedEngine, second: NamedEngine, keep: Callable[[Divergence], None]) -> None:
        """`keep` puts a divergence where people find it, before EnginesDisagree is raised; it must not raise."""
        self._first = first
        self._second = second
        self._keep = keep

    def open_block(self, parent: Header, environment: BlockEnvironment, state: StateReader) -> "CrossCheckOpenBlock":
        """Begin the block after `parent`, whose state is `state`, in both."""
        opened = self._first.engine.open_block(parent, environment, state)
        try:
            checked = self._second.engine.open_block(parent, environment, state)
        except BaseException:
            opened.abandon()
            raise
        names = self._first.name, self._second.name
        return CrossCheckOpenBlock(opened, checked, environment, names, self._keep)

    def call(
        self, environment: BlockEnvironment, state: StateReader, message: CallMessage, overrides: Overrides
    ) -> CallResult:
        """Run one message in the first engine: nobody builds on it."""
        return self._first.engine.call(environment, state, message, overrides)

    def expect(self, hints: AccessHints) -> None:
        """Hand hints on to those who take them."""
        for one in (self._first, self._second):
            if isinstance(one.engine, TakesHints):
                one.engine.expect(hints)

    def close(self) -> None:
        """Close both."""
        try:
            self._first.engine.close()
        finally:
            self._second.engine.close()


class CrossCheckOpenBlock:
    """A block that grows in both engines; once they disagree it gives nothing any more."""

    def __init__(
        self,
        first: OpenBlock,
        second: OpenBlock,
        environment: BlockEnvironment,
        names: tuple[str, str],
        keep: Callable[[Divergence], None],
    ) -> None:
        self._first = first
        self._second = second
        self._environment = environment
        self._names = names
        self._keep = keep
        self._included = 0
        self._disagreement: EnginesDisagree | None = None

    def apply(self, transactions: Sequence[AnyTransaction]) -> list[Outcome]:
        """Execute one slice in both; raises EnginesDisagree when an outcome differs."""
        self._require_agreement()
        outcomes = self._first.apply(transactions)
        checked = self._second.apply(transactions)
        if outcomes != checked:
            self._disagree(transaction=self._first_difference(transactions, outcomes, checked))
        self._included += sum(isinstance(outcome, Included) for outcome in outcomes)
        return outcomes

    def view(self) -> StateReader:
        """The first engine's state after the last slice."""
        self._require_agreement()
        return self._first.view()

    def system_call(self, contract: bytes, data: bytes) -> bytes:
        """Call in both; raises EnginesDisagree when the outputs differ."""
        self._require_agreement()
        outputs = self._first.system_call(contract, data), self._second.system_call(contract, data)
        if outputs[0] != outputs[1]:
            self._disagree(system_call=outputs)
        return outputs[0]

    def credit(self, address: bytes, wei: int) -> None:
        """Credit in both."""
        self._first.credit(address, wei)
        self._second.credit(address, wei)

    def accesses(self) -> BlockAccesses:
        """As the first engine tells it."""
        return self._first.accesses()

    def seal(self, commitment: StateCommitment) -> SealedBlock:
        """Finish the block in both; raises EnginesDisagree when header or receipts differ."""
        self._require_agreement()
        shared = _SharedCommitment(commitment)
        sealed = self._first.seal(shared)
        checked = self._second.seal(shared)
        if sealed.block != checked.block or sealed.receipts != checked.receipts:
            self._disagree(
                transaction=_first_difference_in_state(sealed, checked),
                header=_differing_fields(sealed.block.header, checked.block.header),
            )
        return sealed

    def abandon(self) -> None:
        """Throw both away."""
        try:
            self._first.abandon()
        finally:
            self._second.abandon()

    def _first_difference(
        self, transactions: Sequence[AnyTransaction], first: Sequence[Outcome], second: Sequence[Outcome]
    ) -> DivergingTransaction | None:
        """None when all that the transactions got is equal, and an engine gave more than that."""
        index = self._included
        for transaction, outcome, checked in zip_longest(transactions, first, second):
            if transaction is None:
                break
            if outcome != checked:
                writes = _writes_at(self._first, index, outcome), _writes_at(self._second, index, checked)
                return DivergingTransaction(index, transaction, (outcome, checked), writes)
            index += isinstance(outcome, Included)
        return None

    def _require_agreement(self) -> None:
        if self._disagreement is not None:
            raise self._disagreement

    def _disagree(
        self,
        transaction: DivergingTransaction | None = None,
        header: Mapping[str, tuple[object, object]] | None = None,
        system_call: tuple[bytes, bytes] | None = None,
    ) -> None:
        divergence = Divergence(self._environment, self._names, transaction, header or {}, system_call)
        self._disagreement = EnginesDisagree(divergence)
        self._keep(divergence)
        raise self._disagreement


class _SharedCommitment:
    """A StateCommitment that does not compute the same roots twice: equal changes have the roots that they had."""

    def __init__(self, below: StateCommitment) -> None:
        self._below = below
        self._computed: tuple[ChangeSet, TrieUpdate] | None = None

    def compute(self, changes: ChangeSet) -> TrieUpdate:
        """Roots after `changes`."""
        if self._computed is not None and _are_equal(self._computed[0], changes):
            return self._computed[1]
        update = self._below.compute(changes)
        if self._computed is None:
            self._computed = changes, update
        return update

    def storage_root(self, address: bytes) -> bytes:
        """Storage root of an account in the parent state."""
        return self._below.storage_root(address)


def _are_equal(left: ChangeSet, right: ChangeSet) -> bool:
    """By what they hold: they need not be of one class."""
    return (
        left.accounts == right.accounts
        and left.storage == right.storage
        and left.codes == right.codes
        and left.wiped == right.wiped
    )


def _writes_at(block: OpenBlock, index: int, outcome: Outcome | None) -> Keys | None:
    """What the block's transaction at `index` wrote, when it is part of the block."""
    return _writes(block.accesses()[index]) if isinstance(outcome, Included) else None


def _first_difference_in_state(sealed: SealedBlock, checked: SealedBlock) -> DivergingTransaction | None:
    """The first transaction that wrote something else; None when the engines do not tell, or none did."""
    if sealed.accesses is None or checked.accesses is None:
        return None
    pairs = zip(sealed.block.transactions, sealed.accesses, checked.accesses, strict=False)
    for index, (transaction, access, other) in enumerate(pairs):
        if access.writes != other.writes:
            return DivergingTransaction(index, transaction, writes=(_writes(access), _writes(other)))
    return None


def _writes(access: TransactionAccess) -> Keys:
    return dict(access.writes)


def _differing_fields(first: Header, second: Header) -> Mapping[str, tuple[object, object]]:
    pairs = {field.name: (getattr(first, field.name), getattr(second, field.name)) for field in fields(Header)}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
