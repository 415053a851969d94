"""
The pool: who waits, who is ready, who is in the open block; pure bookkeeping on one thread.

    insert -> WAITING -> take -> IN_FLIGHT -> settle -> PRECONFIRMED -> sealed (gone)
                 ^-----------------------------'   deferred, not valid now, or the open block was given up

Every transaction that leaves without a block goes through `on_ended` with its reason, exactly once.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sequencer.execution.interface import Deferred, Included, InvalidReason, Outcome
from sequencer.primitives.account import Account
from sequencer.primitives.transaction import Transaction

from .admission import AdmissionRules, check_against_head, least_raise
from .decoder import Decoded
from .errors import AlreadyKnown, PoolFull, ReplacementUnderpriced, SenderLimitReached, TooLateToReplace
from .eviction import EvictionOrder
from .head import PoolHead
from .metrics import RETURNED
from .pool_entry import UNBOUNDED, Entry, Place, SenderQueue, Stage
from .ready_queue import ReadyQueue
from .statuses import TransactionState

AGES_SLACK = 1024
"""Entries that are gone and may still stand in the list of ages before it is cleaned."""

OnEnded: TypeAlias = Callable[[Transaction, TransactionState, str], None]


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """What one pool holds, and how long."""

    max_transactions: int = 50_000
    max_bytes: int = 64 * 1024 * 1024
    max_per_sender: int = 1024
    bump_percent: int = 10
    """A replacement raises both fee caps by this much, at least."""
    lifetime_seconds: float = 3 * 3600.0
    """How long a transaction may wait without being ready."""
    max_attempts: int = 16
    """Turns at which a transaction may be not valid now, before it is dropped."""
    max_skipped: int = 64
    """Transactions too large for what is left of a slice that are passed over in search of smaller ones."""


class Pool:
    """All transactions that are accepted and not sealed."""

    def __init__(
        self,
        rules: AdmissionRules,
        limits: PoolLimits,
        *,
        on_ended: OnEnded,
        is_included: Callable[[bytes], bool],
    ) -> None:
        self._rules = rules
        self._is_included = is_included
        self._limits = limits
        self._on_ended = on_ended
        self._entries: dict[bytes, Entry] = {}
        self._senders: dict[bytes, SenderQueue] = {}
        self._ready = ReadyQueue()
        self._eviction = EvictionOrder()
        self._taken: dict[bytes, Entry] = {}
        self._parked: dict[bytes, Entry] = {}
        self._ages: deque[tuple[float, Entry]] = deque()
        self._arrivals = 0
        self._first_front = 0
        self._last_front = 0
        self.size_bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def ready_count(self) -> int:
        """Senders whose next transaction can be taken, its fee cap aside."""
        return len(self._ready)

    def get(self, transaction_hash: bytes) -> Entry | None:
        """The entry of a transaction, None when it is not here."""
        return self._entries.get(transaction_hash)

    def queue(self, sender: bytes) -> SenderQueue | None:
        """A sender's queue, None when nothing of it is here."""
        return self._senders.get(sender)

    def check(self, decoded: Decoded, head: PoolHead) -> Account:
        """Whether the transaction would be taken now; returns the sender's account. Raises AdmissionError."""
        transaction = decoded.transaction
        if transaction.hash in self._entries:
            raise AlreadyKnown(transaction.hash)
        queue = self._senders.get(transaction.sender)
        replaced = queue.entries.get(transaction.nonce) if queue else None
        queued_cost = (queue.cost if queue else 0) - (replaced.cost if replaced else 0)
        account = check_against_head(transaction, head, self._rules, cost=decoded.cost, queued_cost=queued_cost)
        if replaced is not None:
            self._check_replacement(transaction, replaced)
        else:
            if queue is not None and len(queue.entries) >= self._limits.max_per_sender:
                raise SenderLimitReached(self._limits.max_per_sender)
            if self._is_full(transaction):
                self._find_victim(transaction, head.base_fee)
        return account

    def insert(self, decoded: Decoded, head: PoolHead, received_at: float) -> None:
        """Take a transaction in; raises AdmissionError as `check` does."""
        transaction = decoded.transaction
        account = self.check(decoded, head)
        queue = self._senders.get(transaction.sender)
        replaced = queue.entries.get(transaction.nonce) if queue else None
        if replaced is not None:
            self._end(replaced, TransactionState.REPLACED, f"replaced by 0x{transaction.hash.hex()}")
        else:
            while self._is_full(transaction):
                victim = self._find_victim(transaction, head.base_fee)
                self._end(victim, TransactionState.DROPPED, "pool is full and this was the cheapest")
        self._add(decoded, account.nonce, head.base_fee, received_at, front=None)
        if self._senders[transaction.sender].next_nonce < account.nonce:  # moved by what no pool hears of, as CREATE
            self._refresh(transaction.sender, head)

    def put_back(self, decoded: Sequence[Decoded], head: PoolHead, received_at: float, why: str) -> None:
        """Take transactions of unwound blocks, or of the journal, in before all others, in the order given."""
        self._first_front -= len(decoded)
        for front, item in enumerate(decoded, self._first_front):
            transaction = item.transaction
            if transaction.hash in self._entries:
                continue
            nonce = self._nonce_at(head, transaction.sender)
            queue = self._senders.get(transaction.sender)
            rival = queue.entries.get(transaction.nonce) if queue else None
            if rival is not None:
                self._end(rival, TransactionState.REPLACED, f"replaced by 0x{transaction.hash.hex()}, seen before")
            self._add(item, nonce, head.base_fee, received_at, front=front)
            RETURNED.labels(why).inc()
        for sender in {item.transaction.sender for item in decoded}:
            self._refresh(sender, head)

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
        The best ready ones within the budgets, in order, or one of up to `gas_alone`; in flight until settled.

        The last one may exceed `bytes_left`, so that nothing is too large for it.
        """
        taken: list[Transaction] = []
        skipped: list[Entry] = []
        while len(taken) < limit and len(skipped) < self._limits.max_skipped and bytes_left > 0:
            entry = self._ready.pop(base_fee)
            if entry is None:
                break
            transaction = entry.transaction
            is_large = gas_budget < transaction.gas_limit <= gas_alone
            if is_large and not taken:
                limit = 1
            elif transaction.gas_limit > gas_budget or len(transaction.raw) > max_bytes:
                if is_large and entry.front is None:  # its turn came: it goes first when a slice may be its own
                    self._last_front += 1
                    entry.front = self._last_front
                skipped.append(entry)
                continue
            gas_budget -= transaction.gas_limit
            max_bytes -= len(transaction.raw)
            bytes_left -= len(transaction.raw)
            self._take(entry)
            taken.append(transaction)
        for entry in skipped:
            self._ready.push(entry)
        return taken

    def take_listed(self, hashes: Sequence[bytes]) -> list[Transaction] | bytes:
        """Take exactly these (a promised slice is rebuilt); returns the first hash that is not waiting instead."""
        for transaction_hash in hashes:
            entry = self._entries.get(transaction_hash)
            if entry is None or entry.stage is not Stage.WAITING:
                return transaction_hash
        for transaction_hash in hashes:
            self._take(self._entries[transaction_hash])
        return [self._entries[transaction_hash].transaction for transaction_hash in hashes]

    def settle(self, outcomes: Sequence[Outcome], *, block_number: int, slice_index: int, first_index: int) -> None:
        """Hear what became of a slice; `first_index` counts the block's user transactions before it."""
        touched: dict[bytes, list[Entry]] = {}
        index = first_index
        for outcome in outcomes:
            entry = self._taken.get(outcome.transaction.hash)
            if entry is None:
                continue
            if isinstance(outcome, Included):
                entry.stage, entry.place = Stage.PRECONFIRMED, Place(block_number, slice_index, index)
                index += 1
                continue
            returned = touched.setdefault(entry.transaction.sender, [])
            if isinstance(outcome, Deferred):
                self._last_front += 1
                self._return(entry, front=self._last_front)
                returned.append(entry)
                RETURNED.labels("deferred").inc()
            else:
                self._settle_invalid(entry, outcome.reason, returned)
        for sender, returned in touched.items():
            self._park(sender, returned)

    def give_up_open_block(self) -> None:
        """The open block is no more: all that was taken returns, first and in the order of taking."""
        self._give_back(self._taken.values())

    def return_in_flight(self) -> None:
        """A taken slice came to nothing: its transactions return likewise; those that are preconfirmed stay."""
        self._give_back(entry for entry in self._taken.values() if entry.stage is Stage.IN_FLIGHT)

    def _give_back(self, taken: Iterable[Entry]) -> None:
        entries = list(taken)
        self._first_front -= len(entries)
        for front, entry in enumerate(entries, self._first_front):
            self._return(entry, front=front)
        for sender in {entry.transaction.sender for entry in entries}:
            self._push_head(sender)

    def seal(self, transactions: Iterable[Transaction], head: PoolHead, moved: Iterable[bytes] = ()) -> None:
        """A block with these user transactions is the head now; nonces of the accounts `moved` may differ too."""
        senders = set(moved)
        for transaction in transactions:
            senders.add(transaction.sender)
            entry = self._entries.get(transaction.hash)
            if entry is not None:
                self._remove(entry)
        parked, self._parked = list(self._parked.values()), {}
        for entry in parked:
            entry.parked = None
        senders |= {entry.transaction.sender for entry in parked}
        for sender in senders:
            self._refresh(sender, head)

    def expire(self, now: float, base_fee: int) -> None:
        """Drop what has waited too long without being ready; amortised over the entries, not a scan."""
        while self._ages and self._ages[0][0] <= now:
            _, entry = self._ages.popleft()
            if entry.is_gone:
                continue
            queue = self._senders[entry.transaction.sender]
            reason = queue.why_waiting(entry, base_fee) if entry.stage is Stage.WAITING else None
            if reason is None:
                self._ages.append((now + self._limits.lifetime_seconds, entry))
            else:
                self._end(entry, TransactionState.DROPPED, f"expired: {reason}")

    def _check_replacement(self, transaction: Transaction, replaced: Entry) -> None:
        if replaced.stage is not Stage.WAITING:
            raise TooLateToReplace(transaction.nonce)
        old = replaced.transaction
        fee_cap = least_raise(old.max_fee_per_gas, self._limits.bump_percent)
        tip = least_raise(old.max_priority_fee_per_gas, self._limits.bump_percent)
        if transaction.max_fee_per_gas < fee_cap or transaction.max_priority_fee_per_gas < tip:
            raise ReplacementUnderpriced(fee_cap, tip)

    def _is_full(self, transaction: Transaction) -> bool:
        return (
            len(self._entries) >= self._limits.max_transactions
            or self.size_bytes + len(transaction.raw) > self._limits.max_bytes
        )

    def _find_victim(self, transaction: Transaction, base_fee: int) -> Entry:
        found = self._eviction.cheapest(self._senders, base_fee)
        if found is None:
            raise PoolFull
        victim, worth = found
        if victim.transaction.sender == transaction.sender or worth >= transaction.effective_tip(base_fee):
            raise PoolFull
        return victim

    def shrink(self, base_fee: int) -> None:
        """Drop the cheapest while there is more here than may be."""
        while len(self._entries) > self._limits.max_transactions or self.size_bytes > self._limits.max_bytes:
            found = self._eviction.cheapest(self._senders, base_fee)
            if found is None:
                return
            self._end(found[0], TransactionState.DROPPED, "pool is full and this was the cheapest")

    def _add(self, decoded: Decoded, nonce: int, base_fee: int, received_at: float, front: int | None) -> None:
        transaction = decoded.transaction
        self._arrivals += 1
        entry = Entry(transaction, decoded.cost, self._arrivals, received_at, front=front)
        queue = self._senders.setdefault(transaction.sender, SenderQueue(next_nonce=nonce))
        queue.add(entry)
        self._entries[transaction.hash] = entry
        self.size_bytes += len(transaction.raw)
        self._eviction.add(entry, base_fee)
        self._ages.append((received_at + self._limits.lifetime_seconds, entry))
        if len(self._ages) > 2 * len(self._entries) + AGES_SLACK:
            self._ages = deque(item for item in self._ages if not item[1].is_gone)
        self._push_head(transaction.sender)

    def _take(self, entry: Entry) -> None:
        self._ready.discard(entry)
        entry.stage = Stage.IN_FLIGHT
        self._taken[entry.transaction.hash] = entry
        sender = entry.transaction.sender
        self._senders[sender].next_nonce = entry.transaction.nonce + 1
        self._push_head(sender)

    def _return(self, entry: Entry, front: int | None) -> None:
        """Back from the open block to the waiting ones; the caller pushes the sender's head."""
        del self._taken[entry.transaction.hash]
        entry.stage, entry.place, entry.front = Stage.WAITING, None, front
        queue = self._senders[entry.transaction.sender]
        head = queue.head()
        if head is not None:
            self._ready.discard(head)
        queue.next_nonce = min(queue.next_nonce, entry.transaction.nonce)

    def _settle_invalid(self, entry: Entry, reason: InvalidReason, returned: list[Entry]) -> None:
        queue = self._senders[entry.transaction.sender]
        entry.attempts += 1
        self._return(entry, front=None)
        if reason.is_terminal:
            self._end(entry, TransactionState.REJECTED, reason.value)
            if reason is InvalidReason.NONCE_TOO_LOW:
                queue.next_nonce = max(queue.next_nonce, entry.transaction.nonce + 1)
        elif entry.attempts >= self._limits.max_attempts:
            self._end(entry, TransactionState.DROPPED, f"{reason.value}, at {entry.attempts} turns")
        else:
            entry.parked = reason.value
            self._parked[entry.transaction.hash] = entry
            returned.append(entry)
            RETURNED.labels("waiting").inc()

    def _park(self, sender: bytes, returned: list[Entry]) -> None:
        """Only the sender's head waits for a new chain head; what follows waits for it, as any nonce does."""
        queue = self._senders.get(sender)
        if queue is None:
            return
        queue.skip_taken()
        for entry in returned:
            if entry.parked is not None and entry.transaction.nonce != queue.next_nonce:
                entry.parked = None
                entry.attempts -= 1
                del self._parked[entry.transaction.hash]
        self._push_head(sender)

    def _refresh(self, sender: bytes, head: PoolHead) -> None:
        """Bring a sender's queue up to its nonce at the head; what is below it can never run."""
        queue = self._senders.get(sender)
        if queue is None:
            return
        nonce = self._nonce_at(head, sender)
        for stale in sorted(key for key in queue.entries if key < nonce):
            entry = queue.entries[stale]
            if not self._is_included(entry.transaction.hash):  # else its block is about to be heard of
                self._end(entry, TransactionState.REPLACED, f"another transaction has nonce {stale}")
        waiting = queue.head()
        if waiting is not None:
            self._ready.discard(waiting)
        queue.next_nonce = nonce
        queue.skip_taken()
        self._push_head(sender)

    def _push_head(self, sender: bytes) -> None:
        queue = self._senders.get(sender)
        head = queue.head() if queue is not None else None
        if head is not None and head.ticket == 0:
            self._ready.push(head)

    def _end(self, entry: Entry, state: TransactionState, reason: str) -> None:
        self._remove(entry)
        self._on_ended(entry.transaction, state, reason)

    def _remove(self, entry: Entry) -> None:
        transaction, entry.is_gone = entry.transaction, True
        self._ready.discard(entry)
        self._eviction.removed()
        self._taken.pop(transaction.hash, None)
        self._parked.pop(transaction.hash, None)
        del self._entries[transaction.hash]
        self.size_bytes -= len(transaction.raw)
        queue = self._senders[transaction.sender]
        queue.remove(entry)
        if not queue.entries:
            del self._senders[transaction.sender]

    @staticmethod
    def _nonce_at(head: PoolHead, sender: bytes) -> int:
        account = head.state.account(sender)
        return 0 if account is None else account.nonce
