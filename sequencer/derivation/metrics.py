"""Metrics of derivation: what became of everything that L1 gave."""

from prometheus_client import Counter, Gauge

TRANSACTIONS = Counter("braid_derivation_transactions_total", "Transactions to the batch inbox", ["verdict"])
"""read; blobs: read, its data is in blobs; foreign: not from the batcher; type: not a type that carries data."""

BLOBS = Counter("braid_derivation_blobs_total", "Blobs of the batcher", ["verdict"])
"""read; malformed: it holds no data."""

FRAMES = Counter("braid_derivation_frames_total", "Frames, and transaction data that holds none", ["verdict"])
"""added; malformed (all of one transaction); queue_order; no_channel; other_channel; out_of_order; channel_complete."""

CHANNELS = Counter("braid_derivation_channels_total", "Channels, by why nothing more comes out of them", ["end"])
"""complete; over_limit, bad_compression, bad_rlp, bad_batch, invalid_batch; replaced, timed_out, oversized."""

BATCHES = Counter("braid_derivation_batches_total", "Batches, by what the rules said", ["reason"])
"""The reasons of `batch_rules` and `span_rules`, and: malformed, before_origin, empty (made here, window over)."""

BLOCKS = Counter("braid_derivation_blocks_total", "Safe blocks, by how they came about", ["source"])
"""consolidated: the unsafe block was it; executed; deposits_only: it held an invalid transaction;
replayed: it was safe, and was looked at again after a start."""

REORGS = Counter("braid_derivation_unsafe_reorgs_total", "Times that unsafe blocks gave way", ["cause"])
"""derived: L1 decided otherwise; l1_reorg: their origin is gone."""

STARTS = Counter("braid_derivation_starts_total", "Times that the pipeline started from a safe head")

CURRENT_L1 = Gauge("braid_derivation_current_l1_blocks", "Number of the L1 block that derivation is at")

for _counter, _labels in (
    (TRANSACTIONS, ("read", "foreign", "type", "blobs")),
    (BLOBS, ("read", "malformed")),
    (
        FRAMES,
        ("added", "malformed", "queue_order", "no_channel", "other_channel", "out_of_order", "channel_complete"),
    ),
    (
        CHANNELS,
        (
            *("complete", "over_limit", "bad_compression", "bad_rlp", "bad_batch", "invalid_batch"),
            *("replaced", "timed_out", "oversized"),
        ),
    ),
    (BATCHES, ("malformed", "before_origin", "empty")),
    (BLOCKS, ("consolidated", "executed", "deposits_only", "replayed")),
    (REORGS, ("derived", "l1_reorg")),
):
    for _label in _labels:
        _counter.labels(_label)
