"""
From executed transactions to a sealed block: receipts with running gas, roots, header. Every engine ends here.

The header has the form of Prague without withdrawals and requests, as our chain's have; whoever runs other blocks of
plain Ethereum takes from it what transactions decide, and adds the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sequencer.primitives.account import EMPTY_TRIE_ROOT
from sequencer.primitives.block import AnyTransaction, make_block
from sequencer.primitives.deposit import DEPOSIT_TYPE
from sequencer.primitives.header import Header
from sequencer.primitives.predeploys import MESSAGE_PASSER
from sequencer.primitives.receipt import (
    BLOOM_BYTES,
    CANYON_DEPOSIT_RECEIPT_VERSION,
    Log,
    Receipt,
    compute_logs_bloom,
    merge_blooms,
)
from sequencer.primitives.transaction import Transaction
from sequencer.state.changes import ChangeSet
from sequencer.state.commitment import StateCommitment, TrieUpdate
from sequencer.state.ordered_root import ordered_trie_root

from .access_list import BlockAccesses
from .environment import BlockEnvironment
from .interface import Included, SealedBlock
from .transaction_execution import TransactionResult
from .validation import blob_gas_of

_EMPTY_BLOOM = bytes(BLOOM_BYTES)


def make_outcome(transaction: AnyTransaction, result: TransactionResult, gas_before: int) -> Included:
    """The transaction's place in a block whose earlier transactions used `gas_before`."""
    return include(
        transaction,
        gas_before,
        status=result.status,
        gas_used=result.gas_used,
        logs=result.logs,
        bloom=compute_logs_bloom(result.logs) if result.logs else b"",
        deposit_nonce=result.deposit_nonce,
    )


def include(
    transaction: AnyTransaction,
    gas_before: int,
    *,
    status: int,
    gas_used: int,
    logs: tuple[Log, ...],
    bloom: bytes,
    deposit_nonce: int | None = None,
) -> Included:
    """The same from its parts, for those who have the `bloom` of `logs` already (b"" when there are none)."""
    receipt = Receipt(
        type=transaction.type,
        status=status,
        cumulative_gas_used=gas_before + gas_used,
        bloom=bloom or _EMPTY_BLOOM,
        logs=logs,
        deposit_nonce=deposit_nonce,
        deposit_receipt_version=CANYON_DEPOSIT_RECEIPT_VERSION if transaction.type == DEPOSIT_TYPE else None,
    )
    return Included(transaction=transaction, receipt=receipt, gas_used=gas_used)


@dataclass(frozen=True, slots=True)
class BodyRoots:
    """What a header says of the block's transactions and receipts."""

    transactions_root: bytes
    receipts_root: bytes
    logs_bloom: bytes


def compute_body_roots(transactions: Sequence[AnyTransaction], receipts: Sequence[Receipt]) -> BodyRoots:
    """Both roots and the bloom."""
    return BodyRoots(
        transactions_root=ordered_trie_root([transaction.raw for transaction in transactions]),
        receipts_root=ordered_trie_root([receipt.encode() for receipt in receipts]),
        logs_bloom=merge_blooms([receipt.bloom for receipt in receipts]),
    )


def seal_block(
    environment: BlockEnvironment,
    included: Sequence[Included],
    changes: ChangeSet,
    commitment: StateCommitment,
    accesses: BlockAccesses | None = None,
    body: BodyRoots | None = None,
) -> SealedBlock:
    """Compute the roots over the parent's trie and close the header; `body` where somebody has computed it already."""
    update = commitment.compute(changes)
    receipts = tuple(outcome.receipt for outcome in included)
    transactions = tuple(outcome.transaction for outcome in included)
    body = body or compute_body_roots(transactions, receipts)
    header = Header(
        parent_hash=environment.parent_hash,
        fee_recipient=environment.fee_recipient,
        state_root=update.state_root,
        transactions_root=body.transactions_root,
        receipts_root=body.receipts_root,
        logs_bloom=body.logs_bloom,
        number=environment.number,
        gas_limit=environment.gas_limit,
        gas_used=receipts[-1].cumulative_gas_used if receipts else 0,
        timestamp=environment.timestamp,
        extra_data=environment.extra_data,
        prev_randao=environment.prev_randao,
        base_fee_per_gas=environment.base_fee_per_gas,
        withdrawals_root=_withdrawals_root(environment, update, commitment),
        parent_beacon_block_root=environment.parent_beacon_block_root,
        blob_gas_used=0 if environment.rules.is_optimism else _count_blob_gas(transactions),
        excess_blob_gas=environment.excess_blob_gas,
    )
    return SealedBlock(
        block=make_block(header, transactions), receipts=receipts, changes=changes, trie=update, accesses=accesses
    )


def _count_blob_gas(transactions: Sequence[AnyTransaction]) -> int:
    """Of plain Ethereum's blocks; under OP rules no transaction has blobs."""
    return sum(blob_gas_of(item) for item in transactions if isinstance(item, Transaction))


def _withdrawals_root(environment: BlockEnvironment, update: TrieUpdate, commitment: StateCommitment) -> bytes:
    """Under OP rules the storage root of the message passer (specs, isthmus/exec-engine.md), else no withdrawals."""
    if not environment.rules.is_optimism:
        return EMPTY_TRIE_ROOT
    changed = update.storage_roots.get(MESSAGE_PASSER)
    return commitment.storage_root(MESSAGE_PASSER) if changed is None else changed
