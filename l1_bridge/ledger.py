"""
What the transaction manager owes: requests that wait, and transactions under way, each on disk before it counts.

    queue (no nonce)  ->  sent (nonce; versions, any of which may be mined)  ->  settled
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from contracts.keccak import keccak
from l1_bridge.fees import Fees
from l1_bridge.l1_client import MinedTransaction
from l1_bridge.outgoing import Sidecar, SignedTransaction
from l1_bridge.sent_records import Ended, L1Request, Queued, Record, Returned, Signed, StoredRequest
from l1_bridge.sent_store import SentStore
from l1_bridge.types import BlockId


@dataclass(frozen=True, slots=True)
class Version:
    """One signed transaction under the entry's nonce."""

    fees: Fees
    signed: SignedTransaction
    is_cancel: bool


@dataclass(slots=True, eq=False)
class Entry:
    """One request, and how far it has got."""

    sequence: int
    request: L1Request
    nonce: int = -1
    """-1: none yet."""
    gas_limit: int = 0
    versions: list[Version] = field(default_factory=list)
    """Oldest first."""
    is_stored: bool = False
    sidecar: Sidecar | None = None
    """Of the newest version; made again after a restart."""
    sent_at_block: int = 0
    waiting_since_block: int | None = None
    """
    L1 block since when a pool has it and nothing of ours stands before it; None: no pool took a version, as far as is
    known.
    """
    is_in_pool: bool = False
    """Whether the node took the newest version."""
    is_cancelling: bool = False
    """The nonce is all that is still wanted of it."""
    reason: str = ""
    """Why it is being cancelled."""
    reserved_since_block: int | None = None
    """L1 block since when the pool refuses it for a transaction of the other kind."""
    missing_since_block: int | None = None
    """L1 block since when the nonce is used by none of the versions."""
    mined: MinedTransaction | None = None
    reported: BlockId | None = None
    """The block that the caller was told."""

    @property
    def has_blobs(self) -> bool:
        """Which of the pool's two parts it lives in."""
        return bool(self.request.blobs)

    @property
    def is_confirmed(self) -> bool:
        """The caller knows that it stands, and it stands."""
        return self.mined is not None and self.mined.block == self.reported

    def begin_cancel(self, reason: str) -> None:
        """From now on only the nonce is wanted."""
        self.is_cancelling, self.reason = True, reason

    def has_cancelled(self, transaction_hash: bytes) -> bool:
        """Whether the version with that hash only used the nonce."""
        return any(version.is_cancel for version in self.versions if version.signed.hash == transaction_hash)


class Ledger:
    """Queue and transactions under way, mirrored in a store."""

    def __init__(self, store: SentStore) -> None:
        self._store = store
        self.queue: deque[Entry] = deque()
        self.sent: list[Entry] = []
        """By nonce."""
        self.next_nonce: int | None = None
        """What the next request gets; None: L1 was not asked yet."""
        self._next_sequence = 0
        for sequence, stored in store.load().items():
            self._resume(sequence, stored)
        self._sort()

    def add(self, request: L1Request) -> None:
        """Take a request; it is stored with `store_new`."""
        self.queue.append(self._make_entry(request))

    def add_filler(self, request: L1Request, nonce: int) -> None:
        """Take a request that has a nonce already; it is stored with its first version."""
        entry = self._make_entry(request)
        entry.nonce = nonce
        self.sent.append(entry)
        self._sort()

    def store_new(self) -> None:
        """Make all that was taken durable, at once: requests added together are kept together."""
        fresh = [entry for entry in self.queue if not entry.is_stored]
        self._store.append([Queued(entry.sequence, entry.request) for entry in fresh])
        for entry in fresh:
            entry.is_stored = True

    def add_version(self, entry: Entry, version: Version, nonce: int, gas_limit: int) -> None:
        """Store a version, after which it may be sent; the first one takes the entry from the queue."""
        encoded = version.signed.encoded
        records: list[Record] = [] if entry.is_stored else [Queued(entry.sequence, entry.request)]
        records.append(Signed(entry.sequence, nonce, gas_limit, version.fees, encoded, version.is_cancel))
        self._store.append(records)
        entry.is_stored = True
        entry.nonce, entry.gas_limit = nonce, gas_limit
        entry.versions.append(version)
        entry.is_in_pool = False
        if entry in self.queue:
            self.queue.remove(entry)
            self.sent.append(entry)
            self._sort()

    def return_to_queue(self, entries: Iterable[Entry]) -> None:
        """Their nonces are lost: they wait for others, before all that waits."""
        returned = list(entries)
        self._store.append([Returned(entry.sequence) for entry in returned if entry.versions])
        for entry in reversed(returned):
            self.sent.remove(entry)
            fresh = Entry(entry.sequence, entry.request, is_stored=entry.is_stored, reported=entry.reported)
            self.queue.appendleft(fresh)

    def end(self, entry: Entry) -> None:
        """The request is settled."""
        if entry.is_stored:
            self._store.append([Ended(entry.sequence)])
        (self.sent if entry in self.sent else self.queue).remove(entry)

    def clear(self) -> None:
        """Settle everything at once."""
        self._store.append([Ended(entry.sequence) for entry in (*self.sent, *self.queue) if entry.is_stored])
        self.sent.clear()
        self.queue.clear()
        self.next_nonce = None

    def unmined(self) -> list[Entry]:
        """What is under way and stands in no block, by nonce."""
        return [entry for entry in self.sent if entry.mined is None]

    def _make_entry(self, request: L1Request) -> Entry:
        entry = Entry(self._next_sequence, request)
        self._next_sequence += 1
        return entry

    def _resume(self, sequence: int, stored: StoredRequest) -> None:
        entry = Entry(sequence, stored.request, is_stored=True)
        self._next_sequence = max(self._next_sequence, sequence + 1)
        if not stored.versions:
            self.queue.append(entry)
            return
        for version in stored.versions:
            signed = SignedTransaction(keccak(version.encoded), version.encoded)
            entry.versions.append(Version(version.fees, signed, version.is_cancel))
        newest = stored.versions[-1]
        entry.nonce, entry.gas_limit, entry.is_cancelling = newest.nonce, newest.gas_limit, newest.is_cancel
        self.sent.append(entry)

    def _sort(self) -> None:
        self.sent.sort(key=lambda entry: entry.nonce)
