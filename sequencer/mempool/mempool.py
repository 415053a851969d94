"""
The mempool: submission, ordering's source, and the answer to "what became of my transaction?".

    submit -> `intake` -> in the pool, hash goes back to the user
    take -> a slice executes -> record_slice (synced) -> settle -> the slice is published

The event loop owns everything here; only decoding, journal syncs and replay run on threads. The chain is seen through
`HeadView`, and heard through the `on_...` methods, which the node calls in the order of the chain's events.
"""

import asyncio
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

from l1_bridge.errors import BraidError
from sequencer.execution.interface import Included, Outcome
from sequencer.execution.validation import maximum_cost
from sequencer.primitives.account import Account
from sequencer.primitives.attributes import PayloadAttributes
from sequencer.primitives.block import AnyTransaction
from sequencer.primitives.clock import Clock
from sequencer.primitives.transaction import Transaction

from .admission import AdmissionRules
from .decoder import Decoded, decode_batch
from .errors import AdmissionError, PromisedTransactionMissing
from .head import HeadView
from .intake import Answer, Intake, OnAnswered
from .journal import Journal
from .journal_records import SliceRecord, TerminalRecord, TransactionRecord, compute_receipts_digest
from .journal_replay import Replayed
from .metrics import ENDED, POOL_BYTES, POOL_TRANSACTIONS
from .pool import Pool, PoolLimits
from .pool_entry import UNBOUNDED, Stage
from .statuses import TransactionState, TransactionStatus, chain_status


class Mempool:
    """See the module's description. Made by `open`; call `recover` before anything else."""

    def __init__(
        self,
        journal: Journal,
        replayed: Replayed,
        view: HeadView,
        clock: Clock,
        rules: AdmissionRules,
        limits: PoolLimits,
    ) -> None:
        self._journal = journal
        self._replayed = replayed
        self._view = view
        self._clock = clock
        self._rules = rules
        self._waiting = asyncio.Event()
        self.held_back: str | None = None
        """Why transactions that are ready have to wait; sequencing says so. None: they need not."""
        self._pool = Pool(
            rules,
            limits,
            on_ended=self._ended,
            is_included=lambda transaction_hash: view.included_in(transaction_hash) is not None,
        )
        self._intake = Intake(
            view, clock, rules, self._pool, journal, on_taken=self._changed, on_refused=self._write_refusal
        )

    @classmethod
    async def open(
        cls,
        directory: Path,
        view: HeadView,
        clock: Clock,
        rules: AdmissionRules,
        limits: PoolLimits | None = None,
    ) -> "Mempool":
        """Read the journal in `directory`; raises JournalCorrupt or JournalOfAnotherChain."""
        replayed = await asyncio.to_thread(Journal.read, directory, chain_id=rules.chain_id)
        journal = Journal.open(directory, replayed, chain_id=rules.chain_id)
        return cls(journal, replayed, view, clock, rules, limits or PoolLimits())

    async def recover(self) -> tuple[SliceRecord, ...]:
        """
        Bring back what the journal holds: transactions that no block includes return to the pool in order.

        Returns the slices that were promised over the present head; sequencing rebuilds their block with
        `take_listed` before it takes anything else. Empty when there are none. Nothing is evicted here, however small
        the limits are now: it could be a promised one.
        """
        replayed, self._replayed = self._replayed, Replayed()
        head = self._view.head()
        included, waiting = await asyncio.to_thread(self._sort_replayed, replayed)
        for transaction_hash, number in included:
            self._journal.seal(transaction_hash, number)
        decoded: list[Decoded] = []
        for transaction_hash, result in waiting:
            if isinstance(result, Decoded):
                decoded.append(result)
            else:
                self._write_end(transaction_hash, TransactionState.REJECTED, str(result))
        slices = replayed.slices_of(head.number + 1, head.hash)
        promised = {transaction_hash for record in slices for transaction_hash in record.transaction_hashes}
        decoded.sort(key=lambda item: item.transaction.hash in promised)  # the last of two with one nonce stays
        self._pool.put_back(decoded, head, self._clock.now(), "recovered")
        self._changed()
        return slices

    async def submit(self, raw: bytes) -> bytes:
        """
        Take in a user's transaction; its hash comes back when it is durable and in the pool.

        Raises AdmissionError with what is wrong, JournalWriteFailed when it could not be made durable.
        """
        (answer,) = await self._intake.submit((raw,))
        if isinstance(answer, BraidError):
            raise answer
        return answer

    async def submit_many(self, raws: Sequence[bytes]) -> list[Answer]:
        """Take in what came in one request; for each its hash, or what `submit` raises."""
        return await self._intake.submit(raws)

    def submit_decoded(self, raws: Sequence[bytes], found: Sequence[Transaction], on_answered: OnAnswered) -> None:
        """The same for what the extension has decoded."""
        self._intake.submit_decoded(raws, found, on_answered)

    def take(
        self,
        *,
        base_fee: int,
        gas_budget: int,
        limit: int,
        max_bytes: int,
        gas_alone: int = 0,
        bytes_left: int = UNBOUNDED,
    ) -> list[Transaction]:
        """
        The best ready transactions for one slice, by effective tip with each sender's nonces in order.

        They stay known and are not taken again until `settle` returns them. `gas_budget` counts gas limits; one
        transaction above it, up to `gas_alone`, may have the slice to itself, so that none is too large for ever.
        The last one may exceed `bytes_left`.
        """
        taken = self._pool.take(
            base_fee=base_fee,
            gas_budget=gas_budget,
            limit=limit,
            max_bytes=max_bytes,
            gas_alone=gas_alone,
            bytes_left=bytes_left,
        )
        if not taken or not self._pool.ready_count:
            self._waiting.clear()
        return taken

    def take_listed(self, hashes: Sequence[bytes]) -> list[Transaction]:
        """Exactly the transactions of a promised slice; raises PromisedTransactionMissing."""
        taken = self._pool.take_listed(hashes)
        if isinstance(taken, bytes):
            raise PromisedTransactionMissing(taken)
        return taken

    async def record_slice(
        self,
        *,
        block_number: int,
        parent_hash: bytes,
        slice_index: int,
        attributes: PayloadAttributes,
        outcomes: Sequence[Outcome],
    ) -> None:
        """Make a slice durable, before it is published; slice 0 carries the attributes. Raises JournalWriteFailed."""
        record = SliceRecord(
            block_number=block_number,
            parent_hash=parent_hash,
            slice_index=slice_index,
            attributes=attributes if slice_index == 0 else None,
            transaction_hashes=tuple(
                outcome.transaction.hash
                for outcome in outcomes
                if isinstance(outcome, Included) and isinstance(outcome.transaction, Transaction)
            ),
            receipts_digest=compute_receipts_digest(outcomes),
        )
        synced: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._journal.append_slice(record, partial(_tell, synced))
        await synced

    def settle(self, outcomes: Sequence[Outcome], *, block_number: int, slice_index: int, first_index: int) -> None:
        """Hear what became of a taken slice; `first_index` counts the block's user transactions before it."""
        self._pool.settle(outcomes, block_number=block_number, slice_index=slice_index, first_index=first_index)
        self._changed()

    def status(self, transaction_hash: bytes) -> TransactionStatus:
        """Where a transaction stands, whoever asks and however long ago it ended (a bounded number are kept)."""
        head = self._view.head()
        entry = self._pool.get(transaction_hash)
        if entry is not None:
            if entry.place is not None:
                place = entry.place
                return TransactionStatus(
                    TransactionState.PRECONFIRMED, None, place.block_number, place.slice_index, place.index
                )
            reason = None
            queue = self._pool.queue(entry.transaction.sender)
            if entry.stage is Stage.WAITING and queue is not None:
                reason = queue.why_waiting(entry, head.base_fee) or self.held_back
            state = TransactionState.RECEIVED if reason is None else TransactionState.QUEUED
            return TransactionStatus(state, reason)
        number = self._view.included_in(transaction_hash)
        if number is not None:
            return chain_status(number, safe_number=head.safe_number, finalized_number=head.finalized_number)
        terminal = self._journal.terminal(transaction_hash)
        if terminal is not None:
            return TransactionStatus(TransactionState(terminal.state), terminal.reason)
        return TransactionStatus(TransactionState.UNKNOWN)

    def transaction(self, transaction_hash: bytes) -> Transaction | None:
        """A transaction that is in the pool, None otherwise."""
        entry = self._pool.get(transaction_hash)
        return None if entry is None else entry.transaction

    def pending_nonce(self, address: bytes, executed: int = 0) -> int:
        """
        The nonce that the sender's next transaction needs, counting those in the pool without a gap.

        `executed` is the account's nonce in the open block: a deposit may have moved it past what the pool knows.
        """
        account = self._view.head().state.account(address) or Account()
        nonce = max(account.nonce, executed)
        queue = self._pool.queue(address)
        return nonce if queue is None else queue.first_gap(nonce)

    async def wait_for_transactions(self) -> None:
        """Return when something may be taken; a `take` that gives nothing makes the next call wait."""
        await self._waiting.wait()

    def on_block_sealed(self, number: int, transactions: Iterable[AnyTransaction]) -> None:
        """A block is part of the chain now, whoever built it."""
        transactions = list(transactions)
        users = [transaction for transaction in transactions if isinstance(transaction, Transaction)]
        for transaction in users:
            self._journal.seal(transaction.hash, number)
        head = self._view.head()
        self._pool.seal(users, head, self._moved_by_others(transactions))
        self._pool.expire(self._clock.now(), head.base_fee)
        self._journal.retire(finalized_number=head.finalized_number, sealed_number=number)
        self._changed()

    def on_slice_failed(self) -> None:
        """A taken slice came to nothing: its transactions return first and in order; published slices stay."""
        self._pool.return_in_flight()
        self._changed()

    def on_open_block_abandoned(self, number: int) -> None:
        """The open block was given up: its transactions return first and in order, its slices are void."""
        self._pool.give_up_open_block()
        self._journal.abandon(number)
        self._changed()

    def on_unwound(self, number: int, transactions: Iterable[AnyTransaction]) -> None:
        """Blocks above `number` are gone; their user transactions (ascending) return before all others, in order."""
        self.on_open_block_abandoned(number + 1)
        head = self._view.head()
        now = self._clock.now()
        users = [transaction for transaction in transactions if isinstance(transaction, Transaction)]
        for transaction in users:
            self._journal.restore(transaction.hash, TransactionRecord(transaction.raw, int(now * 1000)))
        decoded = [Decoded(transaction, maximum_cost(transaction, 0)) for transaction in users]
        self._pool.put_back(decoded, head, now, "unwound")
        self._pool.shrink(head.base_fee)
        self._changed()

    def on_finalized(self, number: int) -> None:
        """Blocks up to `number` can not be unwound any more: the journal may forget their transactions."""
        self._journal.retire(finalized_number=number, sealed_number=self._view.head().number)

    async def close(self) -> None:
        """Sync what waits and give the threads back."""
        self._intake.close()
        await self._journal.close()

    def _sort_replayed(
        self, replayed: Replayed
    ) -> tuple[list[tuple[bytes, int]], list[tuple[bytes, Decoded | AdmissionError]]]:
        """On a thread: which transactions the chain holds, and the others decoded."""
        included: list[tuple[bytes, int]] = []
        hashes: list[bytes] = []
        raws: list[bytes] = []
        for transaction_hash, (record, _) in replayed.transactions.items():
            number = self._view.included_in(transaction_hash)
            if number is not None:
                included.append((transaction_hash, number))
            else:
                hashes.append(transaction_hash)
                raws.append(record.raw)
        fees = self._view.head().fees
        results = decode_batch(raws, self._rules, fees)
        return included, list(zip(hashes, results, strict=True))

    def _moved_by_others(self, transactions: Sequence[AnyTransaction]) -> set[bytes]:
        """Accounts whose nonce a block may have moved without a transaction of theirs: by deposit or authorization."""
        if not len(self._pool):
            return set()
        moved = {transaction.sender for transaction in transactions if not isinstance(transaction, Transaction)}
        for transaction in transactions:
            if isinstance(transaction, Transaction):
                for authorization in transaction.authorizations:
                    authority = authorization.authority()
                    if authority is not None:
                        moved.add(authority)
        return moved

    def _ended(self, transaction: Transaction, state: TransactionState, reason: str) -> None:
        self._write_end(transaction.hash, state, reason)

    def _write_refusal(self, transaction_hash: bytes, reason: str) -> None:
        self._write_end(transaction_hash, TransactionState.REJECTED, reason)

    def _write_end(self, transaction_hash: bytes, state: TransactionState, reason: str) -> None:
        ENDED.labels(state.value).inc()
        self._journal.end(TerminalRecord(transaction_hash, state.value, reason))

    def _changed(self) -> None:
        POOL_TRANSACTIONS.set(len(self._pool))
        POOL_BYTES.set(self._pool.size_bytes)
        if self._pool.ready_count:
            self._waiting.set()


def _tell(heard: "asyncio.Future[None]", refusal: BraidError | None) -> None:
    if heard.done():
        return
    if refusal is None:
        heard.set_result(None)
    else:
        heard.set_exception(refusal)
