"""
One slice in the workers' hands: who has which transaction, and what came back.
"""

from collections.abc import Callable, Sequence

from .messages import BATCH, BLOCK, DELTA, Slot, SpeculativeResult, pack_transaction, seal
from .pool import MAX_OUTSTANDING, WorkerPool, WorkerProcess
from .schedule import Candidate, Schedule

WAIT_SECONDS = 0.05
"""How often a hung worker is looked for while waiting."""


class BlockMessages:
    """What a worker has to hear before it can run transactions of a block: the block itself, then what changed."""

    def __init__(self, token: int, block: bytes) -> None:
        self.token = token
        self._block = seal(BLOCK, block)
        self._deltas: list[bytes] = []

    def add_delta(self, delta: tuple[object, ...]) -> None:
        """The open block has changed."""
        self._deltas.append(seal(DELTA, delta))

    def bring_up_to_date(self, worker: WorkerProcess) -> bool:
        """Tell the worker what it has missed; whether it took it."""
        if worker.block != self.token:
            if not worker.send(self._block):
                return False
            worker.block, worker.deltas = self.token, 0
        for delta in self._deltas[worker.deltas :]:
            if not worker.send(delta):
                return False
            worker.deltas += 1
        return True


class Speculation:
    """Runs the transactions of a schedule ahead of their turn; results are asked for in the slice's order."""

    def __init__(
        self,
        pool: WorkerPool,
        schedule: Schedule,
        messages: BlockMessages,
        slice_number: int,
        fees: tuple[int, ...] | None,
        new_batch_id: Callable[[], int],
        on_results: Callable[[Sequence[SpeculativeResult | None]], None],
    ) -> None:
        self._pool = pool
        self._workers = pool.ready()
        self._schedule = schedule
        self._messages = messages
        self._slice_number = slice_number
        self._fees = fees
        self._new_batch_id = new_batch_id
        self._on_results = on_results
        self._batches: dict[int, list[Candidate]] = {}
        self._holders: dict[int, WorkerProcess] = {}
        self._results: dict[int, SpeculativeResult | None] = {}
        self.dispatched = 0
        """Transactions given to workers."""

    def has(self, index: int) -> bool:
        """Whether a worker has, or will have, the transaction at `index`."""
        return index in self._holders or self._schedule.has(index)

    def give_up(self, index: int) -> None:
        """The transaction runs at its turn: nobody else of its chain is given to a worker any more."""
        self._schedule.give_up(index)

    def was_dispatched(self, index: int) -> bool:
        """Whether a worker was given the transaction."""
        return index in self._holders

    def pump(self, seconds: float = 0.0) -> None:
        """Take what has come, waiting up to `seconds` for it, and hand out more."""
        for _, batch_id, results in self._pool.collect(seconds):
            batch = self._batches.pop(batch_id, [])  # another slice's, when there is none
            if batch:
                self._on_results(results)
            for candidate, result in zip(batch, results, strict=False):
                self._results[candidate.index] = result
        self._hand_out()

    def result(self, index: int) -> SpeculativeResult | None:
        """What a worker made of the transaction at `index`, waiting for it; None when it has to run at its turn."""
        while index not in self._results:
            holder = self._holders.get(index)
            if holder is None or not holder.is_ready:
                self._schedule.give_up(index)
                return None
            self.pump(WAIT_SECONDS)
            self._pool.give_up_hung()
        return self._results.pop(index)

    def _hand_out(self) -> None:
        for number, worker in enumerate(self._workers):
            while worker.is_ready and len(worker.outstanding) < MAX_OUTSTANDING:
                batch = self._schedule.next_batch(number)
                if not batch:
                    break
                self._send(worker, batch)

    def _send(self, worker: WorkerProcess, batch: list[Candidate]) -> None:
        batch_id = self._new_batch_id()
        accounts, slots = _expected_keys(batch)
        transactions = tuple(pack_transaction(candidate.transaction) for candidate in batch)
        content = (batch_id, self._slice_number, self._fees, accounts, slots, transactions)
        if not self._messages.bring_up_to_date(worker) or not worker.send(seal(BATCH, content)):
            self._pool.give_up(worker, "died")
            return
        self._pool.note_sent(worker, batch_id)
        self._batches[batch_id] = batch
        self.dispatched += len(batch)
        for candidate in batch:
            self._holders[candidate.index] = worker


def _expected_keys(batch: Sequence[Candidate]) -> tuple[tuple[bytes, ...], tuple[Slot, ...]]:
    """Accounts and slots that the batch will probably read, each once."""
    accounts: dict[bytes, None] = {}
    slots: dict[Slot, None] = {}
    for candidate in batch:
        transaction = candidate.transaction
        accounts[transaction.sender] = None
        if transaction.to is not None:
            accounts[transaction.to] = None
        for location, _ in candidate.prediction.locations:
            if location.slot is None:
                accounts[location.address] = None
            else:
                slots[location.address, location.slot] = None
        for entry in transaction.access_list:
            accounts[entry.address] = None
            slots.update(dict.fromkeys((entry.address, slot) for slot in entry.slots))
    return tuple(accounts), tuple(slots)
