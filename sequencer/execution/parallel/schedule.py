"""
Which transactions of a slice run where: the plan that the ordered commit then follows or overtakes.

Transactions that probably depend on each other (same sender, same authority, a slot that one of them writes) form a
chain. A chain belongs to one worker, where the later ones see the earlier ones' results; chains are dealt out so that
each worker has about the same work. Workers take batches in the slice's order, from their own chains and from the
transactions that depend on nobody, which fill up what is uneven; batches become smaller towards the end. A chain that
is most of the work is not given away at all: it would only be slower elsewhere.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sequencer.primitives.transaction import Transaction

from .prediction import Location, Prediction


@dataclass(frozen=True, slots=True)
class ScheduleLimits:
    """How much work, in microseconds, is worth which step."""

    min_batch: float = 3_000.0
    """Work in one message, at least: far more than the message costs."""

    max_batch: float = 20_000.0
    """So that commits never wait long for the rest of a batch."""

    min_slice: float = 4_000.0
    """Less work than this is done before workers have answered."""

    dominant_share: float = 0.6
    """A chain with at least this share of the slice's work runs at its turn."""


DEFAULT_LIMITS = ScheduleLimits()

BATCHES_TO_COME = 3
"""A batch is this part of what is left for each worker, so all of them end at about the same time."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A transaction that could run in a worker: its place in the slice, and what is expected of it."""

    index: int
    transaction: Transaction
    prediction: Prediction


class Schedule:
    """Hands out the transactions of one slice to workers, which are numbered from 0."""

    def __init__(self, candidates: Sequence[Candidate], workers: int, limits: ScheduleLimits = DEFAULT_LIMITS) -> None:
        self._workers = workers
        self._limits = limits
        self._chain_of = _find_chains(candidates)
        self._by_index = {candidate.index: candidate for candidate in candidates}
        work: dict[int, float] = {}
        sizes: dict[int, int] = {}
        for candidate in candidates:
            chain = self._chain_of[candidate.index]
            work[chain] = work.get(chain, 0.0) + candidate.prediction.microseconds
            sizes[chain] = sizes.get(chain, 0) + 1
        total = sum(work.values())
        kept = {chain for chain, share in work.items() if share >= limits.dominant_share * total}
        kept |= {self._chain_of[item.index] for item in candidates if item.prediction.is_for_its_turn}
        self._remaining = total - sum(work[chain] for chain in kept)
        if self._remaining < limits.min_slice:
            kept = set(work)
        self._kept = kept
        owners = _deal({chain: work[chain] for chain in work if sizes[chain] > 1 and chain not in kept}, workers)
        self._anybodys: deque[int] = deque()
        self._own: list[deque[int]] = [deque() for _ in range(workers)]
        for index, chain in self._chain_of.items():
            if chain not in kept:
                (self._own[owners[chain]] if chain in owners else self._anybodys).append(index)

    @property
    def is_parallel(self) -> bool:
        """Whether there is anything for workers to do."""
        return bool(self._anybodys) or any(self._own)

    def has(self, index: int) -> bool:
        """Whether the transaction at `index` is meant for a worker."""
        return index in self._chain_of and self._chain_of[index] not in self._kept

    def expects_write(self, index: int, location: Location) -> bool:
        """Whether the transaction at `index` is in a chain for `location`."""
        return (location, True) in self._by_index[index].prediction.locations

    def next_batch(self, worker: int) -> list[Candidate]:
        """The next transactions for `worker`, in the slice's order; empty when there are none."""
        target = self._remaining / (BATCHES_TO_COME * self._workers)
        target = min(max(target, self._limits.min_batch), self._limits.max_batch)
        batch: list[Candidate] = []
        work = 0.0
        while work < target:
            index = self._take(worker)
            if index is None:
                break
            candidate = self._by_index[index]
            batch.append(candidate)
            work += candidate.prediction.microseconds
        self._remaining -= work
        return batch

    def give_up(self, index: int) -> None:
        """The transaction runs at its turn after all, and with it the rest of its chain, as far as nobody has it."""
        self._kept.add(self._chain_of[index])

    def _take(self, worker: int) -> int | None:
        own, anybodys = self._own[worker], self._anybodys
        while own or anybodys:
            source = own if own and (not anybodys or own[0] < anybodys[0]) else anybodys
            index = source.popleft()
            if self._chain_of[index] not in self._kept:
                return index
        return None


def _deal(work: Mapping[int, float], workers: int) -> Mapping[int, int]:
    """A worker for each chain: the longest first, each to the worker that has least so far."""
    loads = [0.0] * workers
    owners: dict[int, int] = {}
    for chain in sorted(work, key=lambda chain: -work[chain]):
        owner = loads.index(min(loads))
        owners[chain] = owner
        loads[owner] += work[chain]
    return owners


def _find_chains(candidates: Sequence[Candidate]) -> Mapping[int, int]:
    """The first index of each transaction's chain, by index."""
    written = {
        location for candidate in candidates for location, is_written in candidate.prediction.locations if is_written
    }
    parents: dict[int, int] = {}
    first: dict[bytes | Location, int] = {}

    def root(index: int) -> int:
        while parents[index] != index:
            parents[index] = parents[parents[index]]
            index = parents[index]
        return index

    for candidate in candidates:
        parents[candidate.index] = candidate.index
        for link in _links(candidate, written):
            left, right = root(first.setdefault(link, candidate.index)), root(candidate.index)
            parents[max(left, right)] = min(left, right)
    return {candidate.index: root(candidate.index) for candidate in candidates}


def _links(candidate: Candidate, written: set[Location]) -> Iterable[bytes | Location]:
    """What ties a transaction to others that have the same."""
    yield candidate.transaction.sender
    for authorization in candidate.transaction.authorizations:
        authority = authorization.authority()
        if authority is not None:
            yield authority
    for location, _ in candidate.prediction.locations:
        if location in written:
            yield location
