"""What parallel execution counts; labels are bounded sets."""

from dataclasses import dataclass, field

from prometheus_client import Counter, Gauge

from sequencer.state.metrics import READS, TROUBLE_KINDS, TierCounts, record_reads, record_troubles

TRANSACTIONS = Counter(
    "braid_execution_transactions", "Transactions that reached their turn, by how they ran.", ["way"]
)
"""
transfer: plain transfer, by arithmetic. speculated: a worker's result held. conflict: a result did not hold (or
never came), so it ran at its turn. in_turn: never given to a worker.
"""

WORKER_FAILURES = Counter("braid_execution_worker_failures", "Worker processes that were given up.", ["kind"])
"""died: its process ended. hung: no answer in time. garbled: an answer that is none."""

PREFETCHED = Counter(
    "braid_execution_prefetched_keys", "Keys that workers loaded ahead for a batch, by tier.", ["tier"]
)

SLICES = Counter("braid_execution_slices", "Slices, by whether workers took part.", ["mode"])

WAYS = ("transfer", "speculated", "conflict", "in_turn")
FAILURE_KINDS = ("died", "hung", "garbled")
TIERS = ("redis_hit", "redis_miss", "store")

for _way in WAYS:
    TRANSACTIONS.labels(_way)
for _kind in FAILURE_KINDS:
    WORKER_FAILURES.labels(_kind)
for _tier in TIERS:
    PREFETCHED.labels(_tier)
for _mode in ("parallel", "sequential"):
    SLICES.labels(_mode)
READS.labels("overlay")
READS.labels("kept")

CATCH_UPS = Counter(
    "braid_execution_worker_catch_ups",
    "Blocks that workers were told of, by what became of the state they knew.",
    ["way"],
)
"""
delta: told what changed since. same: it was that very state. start_over: a gap, too much, or not trusted; they read it
again. first: they knew nothing.
"""

QUESTIONS = Counter("braid_execution_worker_questions", "Keys that workers without the store asked for.")

HOT_KEYS = Gauge("braid_execution_hot_keys", "Keys that are remembered for conflicts.")

HOT_TRANSACTIONS = Counter(
    "braid_execution_hot_transactions", "Transactions expected to touch a hot key, by what is done with them.", ["way"]
)
"""chained: on one worker with the others of that key. in_turn: never given to a worker, since chains did not help."""

CATCH_UP_WAYS = ("delta", "same", "start_over", "first")
HOT_WAYS = ("chained", "in_turn")
for _way in CATCH_UP_WAYS:
    CATCH_UPS.labels(_way)
for _way in HOT_WAYS:
    HOT_TRANSACTIONS.labels(_way)


@dataclass(slots=True)
class WorkerReads:
    """
    What a worker read for one batch: keys by tier, those of the open block's own changes, those that it knew from
    earlier, and what it prefetched; and what went wrong with Redis meanwhile, in the order of `TROUBLE_KINDS`.
    """

    tiers: TierCounts = field(default_factory=TierCounts)
    overlay: int = 0
    kept: int = 0
    prefetched: TierCounts = field(default_factory=TierCounts)
    troubles: tuple[int, ...] = (0,) * len(TROUBLE_KINDS)

    def add(self, other: "WorkerReads") -> None:
        """Add another batch's."""
        self.overlay += other.overlay
        self.kept += other.kept
        self.troubles = tuple(map(sum, zip(self.troubles, other.troubles, strict=True)))
        for mine, theirs in ((self.tiers, other.tiers), (self.prefetched, other.prefetched)):
            mine.redis_hits += theirs.redis_hits
            mine.redis_misses += theirs.redis_misses
            mine.store_reads += theirs.store_reads


@dataclass(slots=True)
class ExecutionCounts:
    """One engine's own count of what the metrics of the process add up."""

    transfers: int = 0
    speculated: int = 0
    conflicts: int = 0
    in_turn: int = 0
    dispatched: int = 0
    """Transactions that were given to a worker; each at most once."""
    parallel_slices: int = 0
    sequential_slices: int = 0
    catch_ups: dict[str, int] = field(default_factory=lambda: dict.fromkeys(CATCH_UP_WAYS, 0))
    questions: int = 0
    """Keys that workers asked for."""
    hot: dict[str, int] = field(default_factory=lambda: dict.fromkeys(HOT_WAYS, 0))
    failures: dict[str, int] = field(default_factory=lambda: dict.fromkeys(FAILURE_KINDS, 0))
    reads: WorkerReads = field(default_factory=WorkerReads)
    unrecorded: WorkerReads = field(default_factory=WorkerReads)
    """Reads that the metrics of the process do not have yet: they get them once a slice."""

    def note_slice(self, way_counts: dict[str, int], is_parallel: bool) -> None:
        """Add what one slice did, by way."""
        self.transfers += way_counts["transfer"]
        self.speculated += way_counts["speculated"]
        self.conflicts += way_counts["conflict"]
        self.in_turn += way_counts["in_turn"]
        self.parallel_slices += is_parallel
        self.sequential_slices += not is_parallel
        for way, count in way_counts.items():
            TRANSACTIONS.labels(way).inc(count)
        SLICES.labels("parallel" if is_parallel else "sequential").inc()
        if is_parallel:
            self._record_reads()

    def note_failure(self, kind: str) -> None:
        """A worker was given up."""
        self.failures[kind] += 1
        WORKER_FAILURES.labels(kind).inc()

    def note_catch_up(self, way: str) -> None:
        """A worker was told of a block."""
        self.catch_ups[way] += 1
        CATCH_UPS.labels(way).inc()

    def note_question(self, keys: int) -> None:
        """A worker asked for so many keys."""
        self.questions += keys
        QUESTIONS.inc(keys)

    def note_hot(self, chained: int, in_turn: int, known: int) -> None:
        """A slice had so many transactions that were expected to touch hot keys, of which `known` are remembered."""
        for way, count in (("chained", chained), ("in_turn", in_turn)):
            self.hot[way] += count
            HOT_TRANSACTIONS.labels(way).inc(count)
        HOT_KEYS.set(known)

    def note_reads(self, reads: WorkerReads) -> None:
        """Add what a worker reported."""
        self.reads.add(reads)
        self.unrecorded.add(reads)

    def _record_reads(self) -> None:
        reads, self.unrecorded = self.unrecorded, WorkerReads()
        record_reads(reads.tiers)
        record_troubles(dict(zip(TROUBLE_KINDS, reads.troubles, strict=True)))
        READS.labels("overlay").inc(reads.overlay)
        READS.labels("kept").inc(reads.kept)
        counts = (reads.prefetched.redis_hits, reads.prefetched.redis_misses, reads.prefetched.store_reads)
        for tier, count in zip(TIERS, counts, strict=True):
            PREFETCHED.labels(tier).inc(count)
