"""What the mempool counts; labels are bounded sets."""

from prometheus_client import Counter, Gauge, Histogram

SUBMITTED = Counter(
    "braid_mempool_submitted_transactions", "Transactions submitted, by what became of it.", ["verdict"]
)
"""accepted, or the name of the admission error's class."""

ENDED = Counter("braid_mempool_ended_transactions", "Accepted transactions that will not be included.", ["state"])
"""dropped, replaced, rejected."""

POOL_TRANSACTIONS = Gauge("braid_mempool_pool_transactions", "Transactions in the pool, those in the open block too.")

POOL_BYTES = Gauge("braid_mempool_pool_bytes", "Encoded size of the transactions in the pool.")

RETURNED = Counter("braid_mempool_returned_transactions", "Transactions that came back into the pool.", ["why"])
"""deferred (no room in the block), waiting (not valid now), unwound (their block went), recovered (journal replay)."""

JOURNAL_GROUP_RECORDS = Histogram(
    "braid_mempool_journal_group_records",
    "Records that shared one sync.",
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024),
)

JOURNAL_SYNC_SECONDS = Histogram(
    "braid_mempool_journal_sync_seconds",
    "Time to write and sync one group.",
    buckets=(0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0),
)

JOURNAL_FAILURES = Counter("braid_mempool_journal_failures", "Groups that could not be written and synced.")

JOURNAL_TORN_BYTES = Counter("braid_mempool_journal_torn_bytes", "Bytes of never acknowledged groups cut at start.")

JOURNAL_SEGMENTS = Gauge("braid_mempool_journal_segments", "Segment files of the journal.")

for _state in ("dropped", "replaced", "rejected"):
    ENDED.labels(_state)
for _why in ("deferred", "waiting", "unwound", "recovered"):
    RETURNED.labels(_why)
