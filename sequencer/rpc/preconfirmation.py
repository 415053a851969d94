"""
Waiting for a transaction's slice: who sends synchronously (EIP-7966) is woken when its transaction was applied.

The node tells what every slice and every sealed block settled; nothing is polled. Notices may come from any thread,
waiters live on the event loop.
"""

import asyncio
import contextlib
from collections.abc import Iterable, Iterator, Sequence

from sequencer.chain.heads import BlockImported, ChainEvent
from sequencer.execution.interface import Included, Invalid, Outcome

from .errors import LimitExceeded
from .metrics import OPEN_SYNC_WAITS


class Preconfirmations:
    """Waiters by transaction hash, at most `limit` of them."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._waiters: dict[bytes, set[asyncio.Event]] = {}
        self._count = 0
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def waiting(self) -> int:
        """How many wait now."""
        return self._count

    def on_slice(self, outcomes: Sequence[Outcome]) -> None:
        """A slice was applied and is public; wakes those whose transaction it settled. Any thread."""
        self.settled(
            outcome.transaction.hash
            for outcome in outcomes
            if isinstance(outcome, Included) or (isinstance(outcome, Invalid) and outcome.reason.is_terminal)
        )

    def on_chain_event(self, event: ChainEvent) -> None:
        """A block was imported: its transactions are settled. Other events settle nothing. Any thread."""
        if isinstance(event, BlockImported):
            self.settled(transaction.hash for transaction in event.block.transactions)

    def settled(self, hashes: Iterable[bytes]) -> None:
        """Something became of these transactions; wakes who waits for them. Any thread."""
        loop = self._loop
        if loop is None or not self._waiters:
            return
        wanted = [hash for hash in hashes if hash in self._waiters]
        if wanted and not loop.is_closed():
            loop.call_soon_threadsafe(self._wake, wanted)

    @contextlib.contextmanager
    def listening(self, hash: bytes) -> Iterator[asyncio.Event]:
        """
        An event that is set when something becomes of the transaction.

        Look for the result after this began, not before: then no notice is missed.

        Raises
        ------
        LimitExceeded
            Too many wait already.
        """
        if self._count >= self._limit:
            raise LimitExceeded("callers that wait for a receipt", self._limit)
        self._loop = asyncio.get_running_loop()
        event = asyncio.Event()
        self._waiters.setdefault(hash, set()).add(event)
        self._count += 1
        OPEN_SYNC_WAITS.set(self._count)
        try:
            yield event
        finally:
            self._forget(hash, event)

    def _wake(self, hashes: Sequence[bytes]) -> None:
        for hash in hashes:
            for event in self._waiters.get(hash, ()):
                event.set()

    def _forget(self, hash: bytes, event: asyncio.Event) -> None:
        self._count -= 1
        OPEN_SYNC_WAITS.set(self._count)
        events = self._waiters[hash]
        events.discard(event)
        if not events:
            del self._waiters[hash]
