"""
Consolidation: derived attributes meet the chain (derivation.md, "Engine Queue"; holocene/derivation.md).

    the unsafe block has the same attributes     it is safe; nothing is executed
    it has others                                the unsafe chain gives way, the derived block takes its place
    there is none                                the derived block is executed
    one transaction is invalid                   the block has its deposits alone
    the block is safe already                    after a start: it is looked at again, and stays

Runs on the chain thread, as one job.
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

import structlog

from batcher.l2_source import L2BlockRef
from l1_bridge.errors import CriticalError, ResetError
from sequencer.chain.chain import Chain, InvalidPayload
from sequencer.execution.interface import SealedBlock
from sequencer.primitives.block import Block
from sequencer.primitives.recovery import Decoding

from . import metrics
from .attributes import DerivedAttributes, compare_with_block
from .starting_point import get_block, get_ref

log = structlog.get_logger(__name__)

MIN_TRANSACTION_GAS = 21_000
"""No transaction uses less (intrinsic gas; EIP-7623 keeps refunds above it)."""

UNWOUND_BLOCKS_KEPT = 256
"""Blocks that gave way, kept to compare them with what is derived in their place."""


class SafeHeadMoved(ResetError):
    """Attributes were derived for another safe head than the chain has."""

    def __init__(self, parent: L2BlockRef, safe_head: L2BlockRef) -> None:
        super().__init__(f"attributes are for block {parent.number + 1}, the safe head is {safe_head.number}")
        self.parent = parent
        self.safe_head = safe_head


class InvalidDepositsPayload(CriticalError):
    """A payload of deposits alone can not be executed: the chain has to stop."""

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(f"block {number} of deposits alone is invalid: {reason}")
        self.number = number
        self.reason = reason


class HeaderMismatch(CriticalError):
    """The same attributes on the same parent gave another header than before; both blocks are kept here."""

    def __init__(self, held: Block, derived: Block) -> None:
        super().__init__(
            f"block {held.number} was 0x{held.hash.hex()}, the same attributes now give 0x{derived.hash.hex()}"
        )
        self.held = held
        self.derived = derived


class Source(Enum):
    """How a safe block came about."""

    CONSOLIDATED = "consolidated"
    EXECUTED = "executed"
    DEPOSITS_ONLY = "deposits_only"
    REPLAYED = "replayed"


@dataclass(frozen=True, slots=True)
class Applied:
    """The block that stands for derived attributes."""

    ref: L2BlockRef
    source: Source
    is_deposits_only: bool = False
    """Its user transactions could not be executed: the rest of their channel goes."""


class UnwoundBlocks:
    """The last blocks that gave way, by their parent's hash."""

    def __init__(self) -> None:
        self._by_parent: OrderedDict[bytes, Block] = OrderedDict()

    def add(self, blocks: Iterable[Block]) -> None:
        """Remember these; the oldest are forgotten."""
        for block in blocks:
            self._by_parent[block.header.parent_hash] = block
        while len(self._by_parent) > UNWOUND_BLOCKS_KEPT:
            self._by_parent.popitem(last=False)

    def require_equal(self, derived: DerivedAttributes, block: Block) -> None:
        """Raise HeaderMismatch when a block with the same attributes and parent had another hash."""
        held = self._by_parent.get(derived.parent.hash)
        if held is None or held.hash == block.hash:
            return
        if not compare_with_block(derived.attributes, derived.parent.hash, held):
            raise HeaderMismatch(held, block)


def apply_derived(
    chain: Chain, derived: DerivedAttributes, unwound: UnwoundBlocks, decoded: Sequence[Decoding] | None = None
) -> Applied:
    """
    Make the block that follows from `derived` the safe head.

    `decoded` is what its user transactions were decoded to, when that was done ahead.

    Raises
    ------
    SafeHeadMoved
        The attributes' parent is not part of the safe chain.
    HeaderMismatch
        Execution gave another block than it gave before.
    CriticalError
        The deposits alone can not be executed, or a final block is not derived again.
    """
    parent = derived.parent
    known = chain.ref(parent.number)
    if known is None or known.hash != parent.hash or parent.number > chain.heads.safe.number:
        raise SafeHeadMoved(parent, chain.heads.safe)
    if parent.number < chain.heads.safe.number:
        replayed = _replay(chain, derived)
        if replayed is not None:
            return replayed
        log.error("safe_block_not_derived_again", number=parent.number + 1, safe=chain.heads.safe.number)
        chain.rewind_safe(parent.number)
    heads = chain.heads
    if heads.unsafe.number > parent.number:
        held = get_block(chain, parent.number + 1)
        differences = compare_with_block(derived.attributes, parent.hash, held)
        if not differences:
            return _mark(chain, derived, get_ref(chain, held.number), Source.CONSOLIDATED)
        unwound.add(chain.unwind(parent.number))
        metrics.REORGS.labels("derived").inc()
        log.warning(
            "unsafe_chain_replaced", number=held.number, until=heads.unsafe.number, differences=list(differences)
        )
    sealed, executed, source = _execute(chain, derived, decoded)
    unwound.require_equal(executed, sealed.block)
    ref = chain.import_sealed(sealed, derived.derived_from)
    return _count(ref, source)


def _replay(chain: Chain, derived: DerivedAttributes) -> Applied | None:
    """The safe block that the attributes, or their deposits alone, describe; None when it is another."""
    held = get_block(chain, derived.parent.number + 1)
    ref = get_ref(chain, held.number)
    if not compare_with_block(derived.attributes, derived.parent.hash, held):
        return Applied(ref, Source.REPLAYED)
    if not compare_with_block(derived.deposits_only().attributes, derived.parent.hash, held):
        return Applied(ref, Source.REPLAYED, is_deposits_only=True)
    return None


def _execute(
    chain: Chain, derived: DerivedAttributes, decoded: Sequence[Decoding] | None
) -> tuple[SealedBlock, DerivedAttributes, Source]:
    """The sealed block, and the attributes that it has in the end."""
    number = derived.parent.number + 1
    result = _check_room(derived) or chain.execute_payload(derived.parent, derived.attributes, decoded)
    if isinstance(result, SealedBlock):
        return result, derived, Source.EXECUTED
    log.warning("payload_invalid", number=number, transaction=result.index, reason=result.reason)
    deposits_only = derived.deposits_only()
    replacement = chain.execute_payload(deposits_only.parent, deposits_only.attributes)
    if isinstance(replacement, InvalidPayload):
        raise InvalidDepositsPayload(number, replacement.reason)
    return replacement, deposits_only, Source.DEPOSITS_ONLY


def count_room(derived: DerivedAttributes) -> int:
    """Transactions that the block's gas can hold at most."""
    return derived.attributes.gas_limit // MIN_TRANSACTION_GAS


def _check_room(derived: DerivedAttributes) -> InvalidPayload | None:
    """More transactions than the block's gas can hold make the payload invalid before one of them is decoded."""
    limit = count_room(derived)
    if len(derived.attributes.user_transactions) <= limit:
        return None
    return InvalidPayload(limit, f"a block of {derived.attributes.gas_limit} gas holds {limit} transactions at most")


def _mark(chain: Chain, derived: DerivedAttributes, ref: L2BlockRef, source: Source) -> Applied:
    chain.mark_safe(ref, derived.derived_from)
    return _count(ref, source)


def _count(ref: L2BlockRef, source: Source) -> Applied:
    metrics.BLOCKS.labels(source.value).inc()
    return Applied(ref, source, is_deposits_only=source is Source.DEPOSITS_ONLY)
