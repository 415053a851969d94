"""
How fast a block would be on more threads than this machine has: optimistic execution with ordered commit, simulated.

    start       in order, as soon as a thread is free; what has to run again goes before what has not run yet
    run         sees, of each location, what the nearest transaction before it has last written
    invalid     when a transaction before it ends a run and has written what it read: it is stopped, and runs again
    waits       for a transaction before it that runs again and is known to write what it reads
    commit      in order, one after another

Pure: the same transactions, threads and overheads give the same result, in whole nanoseconds; no clock, no threads, no
randomness. What it leaves out: caches and memory shared by cores, the time a stopped run needs to notice, and slices.
With one thread nothing is speculative: the transactions run one after another, and nothing is added.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SimulatedTransaction:
    """What a transaction reads and writes, and how long one run takes."""

    reads: frozenset[bytes]
    writes: frozenset[bytes]
    nanoseconds: int


@dataclass(frozen=True, slots=True)
class Overheads:
    """What parallel execution adds, in nanoseconds: to each run, and to each commit (these are one after another)."""

    run: int = 0
    commit: int = 0


@dataclass(frozen=True, slots=True)
class Simulated:
    """The block's time, and how many runs were needed; `conflicts` are the runs that were stopped or did not hold."""

    nanoseconds: int
    runs: int
    conflicts: int


def simulate(
    transactions: Sequence[SimulatedTransaction], threads: int, overheads: Overheads = Overheads()
) -> Simulated:
    """The block of these transactions on so many threads."""
    if threads < 1:
        raise ValueError(f"{threads} threads can not run anything")
    if threads == 1 or not transactions:
        return Simulated(sum(item.nanoseconds for item in transactions), len(transactions), 0)
    return _Simulation(transactions, threads, overheads).run()


def critical_path(transactions: Sequence[SimulatedTransaction]) -> int:
    """The longest chain of transactions of which each reads what one before it wrote, in nanoseconds of running."""
    written: dict[bytes, int] = {}
    longest = 0
    for item in transactions:
        end = max((written.get(key, 0) for key in item.reads), default=0) + item.nanoseconds
        for key in item.writes:
            # Only the nearest writer counts: whoever overwrites without reading waits for nobody.
            written[key] = end
        longest = max(longest, end)
    return longest


def calibrate(transactions: Sequence[SimulatedTransaction], threads: int, measured_nanoseconds: int) -> Overheads:
    """The overheads with which the simulation takes as long as was measured; none where it takes longer without any."""
    low, high = 0, max(measured_nanoseconds * threads // max(len(transactions), 1), 1)
    while low < high:
        middle = (low + high + 1) // 2
        if simulate(transactions, threads, Overheads(middle, middle // threads)).nanoseconds <= measured_nanoseconds:
            low = middle
        else:
            high = middle - 1
    return Overheads(low, low // threads)


@dataclass(slots=True)
class _Location:
    """Who has written here, and who has read here."""

    writers: list[int] = field(default_factory=list)
    readers: set[int] = field(default_factory=set)

    def nearest_before(self, index: int) -> int | None:
        """The last transaction before `index` that is known to write here."""
        before = [writer for writer in self.writers if writer < index]
        return max(before) if before else None


_WAITING, _RUNNING, _DONE = range(3)


class _Simulation:
    """One block on its way. Ends of runs are events; a run that was stopped leaves an event that nobody minds."""

    def __init__(self, transactions: Sequence[SimulatedTransaction], threads: int, overheads: Overheads) -> None:
        self._transactions = transactions
        self._overheads = overheads
        self._free = threads
        self._now = 0
        self._events: list[tuple[int, int, int]] = []
        self._again: list[int] = []
        self._next = 0
        self._state = [_WAITING] * len(transactions)
        self._run_number = [0] * len(transactions)
        self._ended = [0] * len(transactions)
        self._blocked: dict[int, list[int]] = {}
        self._locations: dict[bytes, _Location] = {}
        self._conflicts = 0
        for item in transactions:
            for key in item.reads:
                self._locations.setdefault(key, _Location())

    def run(self) -> Simulated:
        """Until every transaction has a run that holds; then the commits, in order."""
        self._start_what_can()
        while self._events:
            self._now, index, number = heapq.heappop(self._events)
            if self._run_number[index] == number and self._state[index] == _RUNNING:
                self._finish(index)
                self._start_what_can()
        committed = 0
        for ended in self._ended:
            committed = max(committed, ended) + self._overheads.commit
        return Simulated(committed, sum(self._run_number), self._conflicts)

    def _start_what_can(self) -> None:
        while self._free and (self._again or self._next < len(self._transactions)):
            if self._again:
                index = heapq.heappop(self._again)
            else:
                index, self._next = self._next, self._next + 1
            writer = self._pending_writer(index)
            if writer is None:
                self._start(index)
            else:
                self._blocked.setdefault(writer, []).append(index)

    def _pending_writer(self, index: int) -> int | None:
        """A transaction before it that runs again, and whose writes it would read."""
        for key in sorted(self._transactions[index].reads):
            writer = self._locations[key].nearest_before(index)
            if writer is not None and self._state[writer] != _DONE:
                return writer
        return None

    def _start(self, index: int) -> None:
        self._free -= 1
        self._state[index] = _RUNNING
        self._run_number[index] += 1
        for key in self._transactions[index].reads:
            self._locations[key].readers.add(index)
        end = self._now + self._transactions[index].nanoseconds + self._overheads.run
        heapq.heappush(self._events, (end, index, self._run_number[index]))

    def _finish(self, index: int) -> None:
        self._free += 1
        self._state[index] = _DONE
        self._ended[index] = self._now
        invalid = set()
        for key in self._transactions[index].writes:
            location = self._locations.get(key)
            if location is None:
                continue  # nobody reads it
            if index not in location.writers:
                location.writers.append(index)
            following = min((writer for writer in location.writers if writer > index), default=len(self._state))
            # Up to the next writer, whose value the ones behind it have read.
            invalid |= {reader for reader in location.readers if index < reader <= following}
        for reader in sorted(invalid):
            self._stop(reader)
        for waiting in self._blocked.pop(index, ()):
            heapq.heappush(self._again, waiting)

    def _stop(self, index: int) -> None:
        """The run does not hold: stopped if it runs, and in any case once more."""
        if self._state[index] == _RUNNING:
            self._free += 1
        self._conflicts += 1
        self._state[index] = _WAITING
        for key in self._transactions[index].reads:
            self._locations[key].readers.discard(index)
        heapq.heappush(self._again, index)
