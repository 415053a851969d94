"""What reading and caching the state count; labels are bounded sets."""

from collections.abc import Mapping
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


TROUBLE_KINDS = (*FAILURE_KINDS, "paused", "stale")


class CacheTroubles:
    """What went wrong between this process and Redis; a worker sends it home, where `record_troubles` adds it up."""

    def __init__(self) -> None:
        self._new = dict.fromkeys(TROUBLE_KINDS, 0)

    def note(self, kind: str) -> None:
        """Count one trouble of a kind in `TROUBLE_KINDS`."""
        self._new[kind] += 1
        record_troubles({kind: 1})

    def take(self) -> dict[str, int]:
        """The counts since the last time, which begin at zero again; every kind is there."""
        taken, self._new = self._new, dict.fromkeys(TROUBLE_KINDS, 0)
        return taken


TROUBLES = CacheTroubles()
"""Of this process."""


def record_troubles(counts: Mapping[str, int]) -> None:
    """Add troubles to the process's metrics."""
    for kind, count in counts.items():
        if kind == "paused":
            CACHE_PAUSED.inc(count)
        elif kind == "stale":
            CACHE_STALE.inc(count)
        else:
            CACHE_FAILURES.labels(kind).inc(count)


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
