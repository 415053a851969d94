"""Metrics of sequencing."""

from prometheus_client import Counter, Gauge, Histogram

SLICES = Counter("braid_sequencing_slices_total", "Slices that were published")
SLICE_TRANSACTIONS = Histogram(
    "braid_sequencing_slice_transactions", "Included transactions of a slice", buckets=(1, 3, 10, 30, 100, 300, 1000)
)
SLICE_SECONDS = Histogram(
    "braid_sequencing_slice_seconds",
    "Execution time of a slice",
    buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0),
)
SEAL_SECONDS = Histogram(
    "braid_sequencing_seal_seconds", "Time to seal and import a block", buckets=(0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
)
WITHDRAWN_BLOCKS = Counter("braid_sequencing_withdrawn_blocks_total", "Open blocks that derivation took away")

REMADE_BLOCKS = Counter(
    "braid_sequencing_remade_blocks_total", "Open blocks that were made again because a slice or the seal failed"
)

UNPOSTED_BYTES = Gauge(
    "braid_sequencing_unposted_bytes", "Signed bytes of user transactions in blocks above the safe head"
)
BLOCK_SHARE_BYTES = Gauge(
    "braid_sequencing_block_share_bytes", "Bytes of user transactions that a block may take; 0: as many as there are"
)
