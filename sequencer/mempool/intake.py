"""
Submissions on their way in: what a user sent in one request is decoded, checked and made durable together.

    submit -> decode (threads) -> check against the head -> journal synced -> in the pool, hashes go back to the user
    submit_decoded ----------------^   the native front has decoded it

What one turn of the event loop brings shares a job of the threads, and what waits for the journal shares its sync; a
request of a hundred transactions costs the loop hardly more than a request of one. Runs on the event loop alone.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from l1_bridge.errors import BraidError
from sequencer.primitives.clock import Clock
from sequencer.primitives.recovery import Decoding
from sequencer.primitives.transaction import Transaction

from .admission import AdmissionRules, check_size
from .decoder import Decoded, Decoder, admit
from .errors import AdmissionError, AlreadyKnown, JournalWriteFailed, NonceTooLow, PoolBusy
from .head import HeadView, PoolHead
from .journal import Journal
from .journal_records import TransactionRecord
from .metrics import SUBMITTED
from .pool import Pool

Answer: TypeAlias = bytes | BraidError
"""The hash of a transaction that is durable and in the pool, or why it is not."""

OnAnswered: TypeAlias = Callable[[Sequence[Answer]], None]
"""Hears one answer for each of a submission."""

OnRefused: TypeAlias = Callable[[bytes, str], None]
"""Called with hash and reason when a transaction is in the journal, and the pool does not take it any more."""

_ACCEPTED = SUBMITTED.labels("accepted")


@dataclass(slots=True, eq=False)
class _Submission:
    """One request: answers by position, and the positions that are being decoded."""

    answers: list[Answer | None]
    positions: list[int]
    on_answered: OnAnswered

    def refuse(self, positions: Sequence[int], reason: BraidError) -> None:
        for position in positions:
            self.answers[position] = reason

    def tell(self) -> None:
        """Every answer is there."""
        answers = [answer for answer in self.answers if answer is not None]
        assert len(answers) == len(self.answers)
        _count(answers)
        self.on_answered(answers)


class Intake:
    """Takes submissions in."""

    def __init__(
        self,
        view: HeadView,
        clock: Clock,
        rules: AdmissionRules,
        pool: Pool,
        journal: Journal,
        *,
        on_taken: Callable[[], None],
        on_refused: OnRefused,
    ) -> None:
        """`on_taken` hears when transactions came into the pool."""
        self._view = view
        self._clock = clock
        self._rules = rules
        self._pool = pool
        self._journal = journal
        self._on_taken = on_taken
        self._on_refused = on_refused
        self._decoder = Decoder()
        self._admitting: set[bytes] = set()

    async def submit(self, raws: Sequence[bytes]) -> list[Answer]:
        """One answer for each, once all that is taken is durable and in the pool."""
        heard: asyncio.Future[list[Answer]] = asyncio.get_running_loop().create_future()
        submission = self._begin(raws, partial(_hear, heard))
        if not submission.positions:
            submission.tell()
            return await heard
        try:
            wanted = [raws[position] for position in submission.positions]
            self._decoder.decode(wanted, partial(self._job_ended, submission, heard))
        except PoolBusy as reason:
            submission.refuse(submission.positions, reason)
            submission.tell()
        return await heard

    def submit_decoded(self, raws: Sequence[bytes], found: Sequence[Transaction], on_answered: OnAnswered) -> None:
        """The same for what the extension has decoded."""
        submission = self._begin(raws, on_answered)
        self._decoded(submission, [found[position] for position in submission.positions])

    def close(self) -> None:
        """Give the threads back."""
        self._decoder.close()

    def _begin(self, raws: Sequence[bytes], on_answered: OnAnswered) -> _Submission:
        """A submission that has its answers to what is too large."""
        submission = _Submission([None] * len(raws), [], on_answered)
        for position, raw in enumerate(raws):
            try:
                check_size(raw, self._rules)
            except AdmissionError as reason:
                submission.answers[position] = reason
            else:
                submission.positions.append(position)
        return submission

    def _job_ended(
        self, submission: _Submission, heard: "asyncio.Future[list[Answer]]", decodings: list[Decoding] | Exception
    ) -> None:
        if not isinstance(decodings, Exception):
            self._decoded(submission, decodings)
        elif not heard.done():
            heard.set_exception(decodings)

    def _decoded(self, submission: _Submission, decodings: Sequence[Decoding]) -> None:
        head = self._view.head()
        received_at_ms = int(self._clock.now() * 1000)
        admitted: list[tuple[int, Decoded]] = []
        records: list[tuple[bytes, TransactionRecord]] = []
        for position, decoding in zip(submission.positions, decodings, strict=True):
            try:
                decoded = admit(decoding, self._rules, head.fees)
                self._check(decoded, head)
            except AdmissionError as reason:
                submission.answers[position] = reason
                continue
            transaction = decoded.transaction
            self._admitting.add(transaction.hash)
            admitted.append((position, decoded))
            records.append((transaction.hash, TransactionRecord(transaction.raw, received_at_ms)))
        if not records:
            submission.tell()
            return
        try:
            self._journal.append_transactions(records, partial(self._synced, submission, admitted))
        except PoolBusy as reason:
            self._admitting.difference_update([transaction_hash for transaction_hash, _ in records])
            submission.refuse([position for position, _ in admitted], reason)
            submission.tell()

    def _check(self, decoded: Decoded, head: PoolHead) -> None:
        transaction_hash = decoded.transaction.hash
        if transaction_hash in self._admitting:
            raise AlreadyKnown(transaction_hash)
        try:
            self._pool.check(decoded, head)
        except NonceTooLow:  # so it is with every transaction that the chain has
            if self._view.included_in(transaction_hash) is not None:
                raise AlreadyKnown(transaction_hash) from None
            raise

    def _synced(
        self, submission: _Submission, admitted: Sequence[tuple[int, Decoded]], failure: JournalWriteFailed | None
    ) -> None:
        """The records are durable: only now the transactions become visible."""
        self._admitting.difference_update([decoded.transaction.hash for _, decoded in admitted])
        if failure is not None:
            submission.refuse([position for position, _ in admitted], failure)
            submission.tell()
            return
        head, now = self._view.head(), self._clock.now()
        for position, decoded in admitted:
            transaction_hash = decoded.transaction.hash
            try:
                self._pool.insert(decoded, head, now)
            except BraidError as reason:
                submission.answers[position] = reason
                self._on_refused(transaction_hash, str(reason))
            else:
                submission.answers[position] = transaction_hash
        self._on_taken()
        submission.tell()


def _hear(heard: "asyncio.Future[list[Answer]]", answers: Sequence[Answer]) -> None:
    if not heard.done():  # the submitter may be gone already
        heard.set_result(list(answers))


def _count(answers: Sequence[Answer]) -> None:
    accepted = 0
    for answer in answers:
        if isinstance(answer, bytes):
            accepted += 1
        else:
            SUBMITTED.labels(type(answer).__name__).inc()
    if accepted:
        _ACCEPTED.inc(accepted)
