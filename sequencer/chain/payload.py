"""
A derived payload: all of its transactions stand in the block, or there is no block.

Spec: derivation.md, "L1-Consolidation: Payload Attributes Matching", and holocene/derivation.md: an invalid payload
is replaced by its deposits alone; that decision is derivation's, here is only the verdict.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sequencer.execution.interface import Included, Invalid, SealedBlock
from sequencer.primitives.recovery import Decoding, decode_transactions
from sequencer.primitives.transaction import Transaction
from sequencer.state.commitment import StateCommitment

from .open_block import OpenBlockHandle


@dataclass(frozen=True, slots=True)
class InvalidPayload:
    """The first user transaction that can not stand in the block: its index among them, from 0, and why."""

    index: int
    reason: str


def execute(
    handle: OpenBlockHandle, commitment: StateCommitment, decoded: Sequence[Decoding] | None = None
) -> SealedBlock | InvalidPayload:
    """
    Execute the payload that `handle` was opened with; raises DepositLeftOut when its deposits are at fault.

    `decoded` is what `decode_transactions` gave for its user transactions, when it was asked before.
    """
    handle.apply_deposits(handle.attributes.deposits)
    transactions: list[Transaction] = []
    decodings = decode_transactions(handle.attributes.user_transactions) if decoded is None else decoded
    for index, transaction in enumerate(decodings):
        if not isinstance(transaction, Transaction):
            return InvalidPayload(index, str(transaction))
        transactions.append(transaction)
    if transactions:
        for index, outcome in enumerate(handle.apply(transactions)):
            if isinstance(outcome, Invalid):
                return InvalidPayload(index, outcome.reason.value)
            if not isinstance(outcome, Included):
                return InvalidPayload(index, "gas limit above what the block has left")
    return handle.seal(commitment)
