"""What reading and caching the state count; labels are bounded sets."""

from dataclasses import dataclass

from prometheus_client import Counter

READS = Counter("braid_state_reads", "Keys of the state that were read, by the tier that gave them.", ["tier"])
"""redis_hit: served by Redis. redis_miss: asked of Redis, then read from the store. store: never asked of Redis."""

CACHE_FAILURES = Counter("braid_state_cache_failures", "Calls to Redis that gave nothing, or wrong things.", ["kind"])
"""away: no answer in time. refused: an error reply (full, wrong type, ...). poisoned: a value that fails its check."""

CACHE_PAUSED = Counter("braid_state_cache_paused_calls", "Calls not made, because Redis has just failed.")

CACHE_STALE = Counter("braid_state_cache_stale_reads", "Reads that found Redis at another head than the reader's.")

CACHE_GENERATIONS = Counter("braid_state_cache_generations", "Times that the cache began again without values.")

TIERS = ("redis_hit", "redis_miss", "store")
FAILURE_KINDS = ("away", "refused", "poisoned")

for _tier in TIERS:
    READS.labels(_tier)
for _kind in FAILURE_KINDS:
    CACHE_FAILURES.labels(_kind)


@dataclass(slots=True)
class TierCounts:
    """Reads of one reader by tier; a worker process sends them home, where `record_reads` adds them up."""

    redis_hits: int = 0
    redis_misses: int = 0
    store_reads: int = 0

    def take(self) -> "TierCounts":
        """The counts since the last time, which begin at zero again."""
        taken = TierCounts(self.redis_hits, self.redis_misses, self.store_reads)
        self.redis_hits = self.redis_misses = self.store_reads = 0
        return taken


def record_reads(counts: TierCounts) -> None:
    """Add a reader's counts to the process's metrics."""
    for tier, count in zip(TIERS, (counts.redis_hits, counts.redis_misses, counts.store_reads), strict=True):
        READS.labels(tier).inc(count)
