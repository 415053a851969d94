"""
One slice in the workers' hands: who has which transaction, and what came back.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from .catch_up import BlockHistory
from .messages import BATCH, BLOCK, DELTA, Slot, SpeculativeResult, pack_transaction, seal
from .metrics import ExecutionCounts
from .pool import MAX_OUTSTANDING, PooledWorker, WorkerPool
from .prediction import Location
from .schedule import Candidate, Schedule

WAIT_SECONDS = 0.05
"""How often a hung worker is looked for while waiting."""


class BlockMessages:
    """What a worker has to hear before it can run transactions of a block: the block itself, then what changed."""

    def __init__(
        self, token: int, parent_hash: bytes, block: bytes, history: BlockHistory | None, counts: ExecutionCounts
    ) -> None:
        """`history` None: workers read everything again for this block."""
        self.token = token
        self._parent_hash = parent_hash
        self._block = block
        self._history = history
        self._counts = counts
        self._deltas: list[bytes] = []

    def add_delta(self, delta: tuple[object, ...]) -> None:
        """The open block has changed."""
        self._deltas.append(seal(DELTA, delta))

    def bring_up_to_date(self, worker: PooledWorker) -> bool:
        """Tell the worker what it has missed; whether it took it."""
        if worker.block != self.token:
            if not all(map(worker.send, self._begin(worker))):
                return False
            worker.block, worker.base, worker.deltas = self.token, self._parent_hash, 0
        for delta in self._deltas[worker.deltas :]:
            if not worker.send(delta):
                return False
            worker.deltas += 1
        return True

    def _begin(self, worker: PooledWorker) -> list[bytes]:
        """What leads from the state that the worker knows to this block's parent, and the block."""
        way = None
        if self._history is not None and worker.base:
            way = self._history.way(worker.base, self._parent_hash)
        if not worker.base and worker.block == -1:
            self._counts.note_catch_up("first")
        else:
            self._counts.note_catch_up("start_over" if way is None else "delta" if way else "same")
        return [*(way or ()), seal(BLOCK, (way is not None, self._block))]


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
        read_flat: Callable[[Iterable[bytes]], Mapping[bytes, bytes]],
    ) -> None:
        self._pool = pool
        self._workers = pool.ready()
        self._schedule = schedule
        self._messages = messages
        self._slice_number = slice_number
        self._fees = fees
        self._new_batch_id = new_batch_id
        self._on_results = on_results
        self._read_flat = read_flat
        self._batches: dict[int, list[Candidate]] = {}
        self._holders: dict[int, PooledWorker] = {}
        self._results: dict[int, SpeculativeResult | None] = {}
        self.dispatched = 0
        """Transactions given to workers."""

    def has(self, index: int) -> bool:
        """Whether a worker has, or will have, the transaction at `index`."""
        return index in self._holders or self._schedule.has(index)

    def give_up(self, index: int) -> None:
        """The transaction runs at its turn: nobody else of its chain is given to a worker any more."""
        self._schedule.give_up(index)

    def was_chained(self, index: int, location: Location) -> bool:
        """Whether the transaction was given to a worker together with the others of `location`."""
        return self._schedule.expects_write(index, location)

    def was_dispatched(self, index: int) -> bool:
        """Whether a worker was given the transaction."""
        return index in self._holders

    def pump(self, seconds: float = 0.0) -> None:
        """Take what has come, waiting up to `seconds` for it, and hand out more."""
        for worker, batch_id, results in self._pool.collect(seconds, self._read_values):
            batch = self._batches.pop(batch_id, None)  # another slice's, when there is none
            if batch is None:
                continue
            if len(results) != len(batch):
                self._pool.give_up(worker, "garbled")
                results = [None] * len(batch)
            self._on_results(results)
            for candidate, result in zip(batch, results, strict=True):
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

    def distrust(self, index: int) -> None:
        """Whoever had the transaction has read what is not so: it reads everything again from the next block on."""
        holder = self._holders.get(index)
        if holder is not None:
            holder.base = b""

    def _read_values(self, batch_id: int, keys: tuple[bytes, ...]) -> Mapping[bytes, bytes] | None:
        return self._read_flat(keys) if batch_id in self._batches else None

    def _hand_out(self) -> None:
        for number, worker in enumerate(self._workers):
            while worker.is_ready and len(worker.outstanding) < MAX_OUTSTANDING:
                batch = self._schedule.next_batch(number)
                if not batch:
                    break
                self._send(worker, batch)

    def _send(self, worker: PooledWorker, batch: list[Candidate]) -> None:
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
